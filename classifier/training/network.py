"""One encoder, two heads: P(toxic) and P(category | toxic)."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig


class TwoHeadNetwork(nn.Module):
    """Encode token ids and return one toxicity logit and one logit per category.

    `input_ids` and `attention_mask` have the shape (batch, tokens). The pooling is the mean over real tokens, as in
    the sentence encoder that we start from.
    """

    def __init__(self, encoder: nn.Module, hidden: int, categories: int, *, category_loss_weight: float = 0.5) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.toxic = nn.Linear(hidden, 1)
        self.category = nn.Linear(hidden, categories)
        self.category_loss_weight = category_loss_weight
        self.class_weights: torch.Tensor
        self.register_buffer("class_weights", torch.ones(categories), persistent=False)

    @property
    def config(self) -> PretrainedConfig:
        """Return the encoder's configuration."""
        config = self.encoder.config
        if not isinstance(config, PretrainedConfig):
            raise TypeError("the encoder has no configuration of transformers")
        return config

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of both heads, of the shapes (batch,) and (batch, categories)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        pooled = self.dropout(pooled)
        return self.toxic(pooled).squeeze(-1), self.category(pooled)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        toxic: torch.Tensor | None = None,
        category: torch.Tensor | None = None,
        weight: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        """Return `toxic_logit` and `category_logit`, and the `loss` where labels are given.

        `category` is -1 where only the first head learns from the row.
        """
        toxic_logit, category_logit = self.logits(input_ids, attention_mask)
        out: dict[str, Any] = {"toxic_logit": toxic_logit.float(), "category_logit": category_logit.float()}
        if toxic is not None and category is not None and weight is not None:
            out = {"loss": self._loss(out, toxic, category, weight), **out}
        return out

    def _loss(
        self, out: dict[str, Any], toxic: torch.Tensor, category: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        first = nn.functional.binary_cross_entropy_with_logits(out["toxic_logit"], toxic, weight=weight)
        known = category >= 0
        if not bool(known.any()):
            return first
        second = nn.functional.cross_entropy(
            out["category_logit"][known], category[known], weight=self.class_weights, reduction="none"
        )
        return first + self.category_loss_weight * (second * weight[known]).sum() / known.sum()


def network_from_base(base: Path | str, categories: int, *, category_loss_weight: float = 0.5) -> TwoHeadNetwork:
    """Build the network on a pretrained encoder: a local folder or a Hugging Face id."""
    encoder = AutoModel.from_pretrained(str(base), **_without_pooler(base))
    hidden = int(encoder.config.hidden_size)
    return TwoHeadNetwork(encoder, hidden, categories, category_loss_weight=category_loss_weight)


def network_from_config(folder: Path, categories: int) -> TwoHeadNetwork:
    """Build the network from a folder's config alone, its weights to be loaded later."""
    config = AutoConfig.from_pretrained(str(folder))
    encoder = AutoModel.from_config(config, **_without_pooler(folder))
    return TwoHeadNetwork(encoder, int(config.hidden_size), categories)


def _without_pooler(base: Path | str) -> dict[str, bool]:
    """Leave the pooler out where the architecture has one: the heads read the mean, and it would go untrained."""
    kind = AutoConfig.from_pretrained(str(base)).model_type
    return {"add_pooling_layer": False} if kind in {"bert", "roberta", "xlm-roberta", "camembert"} else {}

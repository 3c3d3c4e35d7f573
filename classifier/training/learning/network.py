"""One encoder with a head or two, and the parts that each stage setting is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig

from classifier.manifest import Stages
from classifier.training.learning.objective import Objective, Targets, loss_of

TOXIC = "toxic"
CATEGORY = "category"
CLASSES = "classes"
"""The heads: P(toxic); P(category | toxic); non-toxic (first) and the categories in one."""

Linear = tuple[torch.Tensor, torch.Tensor]
"""The weight and bias of a head."""

_DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """Describe one network of a model: the ONNX file that serves it, its weights to train from, its heads."""

    name: str
    onnx: str
    weights: str
    heads: tuple[str, ...]


PARTS: Mapping[Stages, tuple[Part, ...]] = {
    Stages.ONE: (Part("model", "model.onnx", "weights.safetensors", (CLASSES,)),),
    Stages.HIERARCHICAL: (Part("model", "model.onnx", "weights.safetensors", (TOXIC, CATEGORY)),),
    Stages.TWO: (
        Part("binary", "binary.onnx", "weights.safetensors", (TOXIC,)),
        Part("category", "category.onnx", "category.safetensors", (CATEGORY,)),
    ),
}
"""The networks of each stage setting, in the order in which they are trained."""


class HeadedNetwork(nn.Module):
    """Encode token ids and return the logits of each head.

    `input_ids` and `attention_mask` have the shape (batch, tokens). The pooling is the mean over real tokens, as in
    the sentence encoder that we start from.
    """

    def __init__(self, encoder: nn.Module, hidden: int, heads: tuple[str, ...], categories: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(_DROPOUT)
        widths = {TOXIC: 1, CATEGORY: categories, CLASSES: 1 + categories}
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, widths[name]) for name in heads})
        self.objective = Objective()

    @property
    def config(self) -> PretrainedConfig:
        """Return the encoder's configuration."""
        config = self.encoder.config
        if not isinstance(config, PretrainedConfig):
            raise TypeError("the encoder has no configuration of transformers")
        return config

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of each head: shape (batch,) for `toxic`, (batch, outputs) for the others."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * mask).sum(1) / mask.sum(1).clamp(min=1.0))
        out = {name: head(pooled) for name, head in self.heads.items()}
        if TOXIC in out:
            out[TOXIC] = out[TOXIC].squeeze(-1)
        return out

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        toxic: torch.Tensor | None = None,
        category: torch.Tensor | None = None,
        weight: torch.Tensor | None = None,
        soft: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        """Return the logits of each head, and the `loss` where labels are given; `objective.Targets` explains them."""
        if toxic is None or category is None or weight is None:
            return {name: logits.float() for name, logits in self.logits(input_ids, attention_mask).items()}
        targets = Targets(toxic, category, weight, soft)
        out = {name: logits.float() for name, logits in self.logits(input_ids, attention_mask).items()}
        twin = None
        if self.training and self.objective.r_drop:
            # Dropout makes a second pass differ from the first.
            twin = {name: logits.float() for name, logits in self.logits(input_ids, attention_mask).items()}
        return {"loss": loss_of(out, twin, targets, self.objective), **out}

    def settle(self) -> None:
        """Add what the objective added to the logits while training to the heads, so that they tell frequencies."""
        shifts = {CATEGORY: self.objective.category_shift, CLASSES: self.objective.class_shift}
        for name, head in self.heads.items():
            shift = shifts.get(name)
            if shift is not None and isinstance(head, nn.Linear):
                head.bias.data.add_(shift.to(head.bias.device))
        self.objective = replace(self.objective, category_shift=None, class_shift=None)

    def take_over(self, heads: Mapping[str, Linear], carried: Sequence[int | None]) -> None:
        """Start the heads from those of another network, given as weight and bias.

        `carried` has, for each category, which one of the other network it was; None where it is new.
        """
        with torch.no_grad():
            for name, head in self.heads.items():
                if not isinstance(head, nn.Linear):
                    raise TypeError(f"the head {name} is not linear")
                for place, (weight, bias) in _rows(name, heads, carried):
                    head.weight[place], head.bias[place] = weight, bias


def _rows(
    name: str, heads: Mapping[str, Linear], carried: Sequence[int | None]
) -> Iterator[tuple[int, tuple[torch.Tensor, torch.Tensor]]]:
    """Yield the rows that a head can start from: its place, then weight and bias."""
    known = [(i, old) for i, old in enumerate(carried) if old is not None]
    if name == TOXIC and TOXIC in heads:
        yield 0, _row(heads[TOXIC], 0)
    elif name == TOXIC and CLASSES in heads:
        weight, bias = _row(heads[CLASSES], 0)
        yield 0, (-weight, -bias)
    elif name == CATEGORY and (source := heads.get(CATEGORY)):
        yield from ((i, _row(source, old)) for i, old in known)
    elif name == CATEGORY and CLASSES in heads:
        yield from ((i, _row(heads[CLASSES], 1 + old)) for i, old in known)
    elif name == CLASSES and CLASSES in heads:
        yield 0, _row(heads[CLASSES], 0)
        yield from ((1 + i, _row(heads[CLASSES], 1 + old)) for i, old in known)
    elif name == CLASSES and TOXIC in heads:
        # Welcome is the opposite of toxic, so that what that head knows is not lost.
        weight, bias = _row(heads[TOXIC], 0)
        yield 0, (-weight, -bias)


def _row(head: Linear, place: int) -> tuple[torch.Tensor, torch.Tensor]:
    return head[0][place], head[1][place]


def without_pooler(kind: str) -> dict[str, bool]:
    """Return how to leave the pooler out of an architecture that has one: the heads read the mean of the tokens."""
    return {"add_pooling_layer": False} if kind in {"bert", "roberta", "xlm-roberta", "camembert"} else {}

"""The training loop: transformers' Trainer over the two-head network."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch.utils.data import Dataset
from transformers import (
    EvalPrediction,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from classifier.errors import TrainingError
from classifier.labels import LabelSet
from classifier.training.network import TwoHeadNetwork
from classifier.training.recipe import Recipe
from classifier.training.rows import Row

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with steps done, steps in all and the latest figures."""

_COLUMNS = ("input_ids", "toxic", "category", "weight")


class EncodedRows(Dataset[dict[str, Any]]):
    """Hold rows as token ids with their labels."""

    def __init__(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, labels: LabelSet, tokens: int) -> None:
        texts = [row.text for row in rows]
        ids = tokenizer(texts, truncation=True, max_length=tokens)["input_ids"] if texts else []
        names = {name: i for i, name in enumerate(labels.names)}
        self.items = [
            {
                "input_ids": ids[i],
                "length": len(ids[i]),
                "toxic": row.toxic,
                "category": names[row.category] if row.category else -1,
                "weight": row.weight,
            }
            for i, row in enumerate(rows)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.items[index]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Return several rows at once."""
        return [self.items[i] for i in indices]


@dataclass(frozen=True, slots=True)
class Collator:
    """Pad a batch to its longest row."""

    pad_id: int

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the batch as tensors."""
        longest = max(item["length"] for item in items)
        ids = torch.full((len(items), longest), self.pad_id, dtype=torch.long)
        mask = torch.zeros((len(items), longest), dtype=torch.long)
        for i, item in enumerate(items):
            ids[i, : item["length"]] = torch.tensor(item["input_ids"])
            mask[i, : item["length"]] = 1
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "toxic": torch.tensor([item["toxic"] for item in items], dtype=torch.float32),
            "category": torch.tensor([item["category"] for item in items], dtype=torch.long),
            "weight": torch.tensor([item["weight"] for item in items], dtype=torch.float32),
        }


def class_weights(rows: Sequence[Row], labels: LabelSet, *, most: float = 4.0) -> torch.Tensor:
    """Return a weight per category: the inverse square root of its rows, scaled to a mean of 1, at most `most`."""
    counts = np.array([sum(row.category == name for row in rows) for name in labels.names], dtype=np.float64)
    raw = 1.0 / np.sqrt(np.maximum(counts, 1.0))
    weights = np.minimum(raw / np.average(raw, weights=np.maximum(counts, 1.0)), most)
    return torch.tensor(weights, dtype=torch.float32)


def fit(
    network: TwoHeadNetwork,
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    train: Sequence[Row],
    tune: Sequence[Row],
    recipe: Recipe,
    work: Path,
    *,
    progress: Progress | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train the network in place and return the metrics of its best epoch on the tune rows.

    Checkpoints go to `work`; with `resume` the newest one there is continued. Raise TrainingError on a diverging run.
    """
    network.class_weights = class_weights(train, labels)
    trainer = Trainer(
        model=network,
        args=_arguments(recipe, work),
        train_dataset=EncodedRows(train, tokenizer, labels, recipe.most_tokens),
        eval_dataset=EncodedRows(tune, tokenizer, labels, recipe.most_tokens),
        data_collator=Collator(int(tokenizer.pad_token_id or 0)),
        compute_metrics=_metrics,
        callbacks=[_Watch(progress)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=_newest_checkpoint(work) if resume else None)
    return {name.removeprefix("eval_"): float(value) for name, value in trainer.evaluate().items()}


def _newest_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that is whole: its state is written last."""
    whole = [state.parent for state in work.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda folder: int(folder.name.split("-")[1]))) if whole else None


def _arguments(recipe: Recipe, work: Path) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=4 * recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_share,
        weight_decay=recipe.weight_decay,
        optim="adamw_torch_fused",
        lr_scheduler_type="linear",
        bf16=gpu or _bf16_pays(),
        use_cpu=not gpu,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        label_names=["toxic", "category", "weight"],
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="score",
        logging_steps=50,
        # The filter would hide a loss that is no number behind the average of those before it.
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        seed=recipe.seed,
        dataloader_pin_memory=gpu,
    )


def _bf16_pays() -> bool:
    """Tell whether this processor multiplies bfloat16 natively; elsewhere autocast only slows training."""
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Return ranking and classification quality; `score`, by which the best epoch is chosen, weighs both heads."""
    toxic_logit, category_logit = (np.asarray(array) for array in prediction.predictions)
    toxic, category, _ = (np.asarray(array) for array in prediction.label_ids)
    if not np.isfinite(toxic_logit).all():
        raise TrainingError("the network's outputs are no numbers; lower the learning rate")
    truth = toxic > 0.5
    auc = float(roc_auc_score(truth, toxic_logit))
    known = category >= 0
    macro = 0.0
    if known.any():
        macro = float(f1_score(category[known], category_logit[known].argmax(-1), average="macro", zero_division=0))
    return {
        "auc": auc,
        "ap": float(average_precision_score(truth, toxic_logit)),
        "f1": float(f1_score(truth, toxic_logit > 0)),
        "category_macro_f1": macro,
        "score": auc + 0.25 * macro,
    }


class _Watch(TrainerCallback):
    """Report progress, and stop a run whose loss is no number."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: object,
    ) -> None:
        """Pass the latest figures on."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(figures.get("loss", 0.0)):
            raise TrainingError(f"the loss is no number at step {state.global_step}; lower the learning rate")
        if self.progress:
            self.progress(state.global_step, state.max_steps, figures)

"""The training loop: transformers' Trainer over a network with its heads."""

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
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
from classifier.training.data.rows import Row
from classifier.training.learning.network import HeadedNetwork
from classifier.training.learning.objective import Objective
from classifier.training.learning.quality import quality
from classifier.training.recipe import Recipe

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with steps done, steps in all and the latest figures."""

_LABELS = ("toxic", "category", "weight")
_OPTIMIZERS = {"adamw": "adamw_torch_fused", "adafactor": "adafactor", "sgd": "sgd", "rmsprop": "rmsprop"}
_COPIES = 9
"""Room for checkpoints: two kept and one being written, each with the weights and the optimizer's two moments."""

_FP32 = 4
_LEAST_NORM = 1e-12


def token_ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], tokens: int) -> list[list[int]]:
    """Return the ids of each text's first window, as serving makes them: "</s>" that somebody types is text."""
    if not texts:
        return []
    return list(tokenizer(list(texts), truncation=True, max_length=tokens, split_special_tokens=True)["input_ids"])


class EncodedRows(Dataset[dict[str, Any]]):
    """Hold rows as token ids with their labels; `soft` has what teachers say of each row."""

    def __init__(
        self,
        rows: Sequence[Row],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        tokens: int,
        soft: np.ndarray | None = None,
    ) -> None:
        texts = [row.text for row in rows]
        ids = token_ids(tokenizer, texts, tokens)
        names = {name: i for i, name in enumerate(labels.names)}
        self.items = [
            {
                "input_ids": ids[i],
                "length": len(ids[i]),
                "toxic": row.toxic,
                "category": names[row.category] if row.category else -1,
                "weight": row.weight,
            }
            | ({} if soft is None else {"soft": soft[i]})
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
        batch = {
            "input_ids": ids,
            "attention_mask": mask,
            "toxic": torch.tensor([item["toxic"] for item in items], dtype=torch.float32),
            "category": torch.tensor([item["category"] for item in items], dtype=torch.long),
            "weight": torch.tensor([item["weight"] for item in items], dtype=torch.float32),
        }
        if "soft" in items[0]:
            batch["soft"] = torch.tensor(np.stack([item["soft"] for item in items]), dtype=torch.float32)
        return batch


def balance(counts: np.ndarray, *, most: float = 4.0) -> torch.Tensor:
    """Return a weight per class: the inverse square root of its rows, scaled to a mean of 1, at most `most`."""
    raw = 1.0 / np.sqrt(np.maximum(counts, 1.0))
    weights = np.minimum(raw / np.average(raw, weights=np.maximum(counts, 1.0)), most)
    return torch.tensor(weights, dtype=torch.float32)


def objective_for(rows: Sequence[Row], labels: LabelSet, recipe: Recipe) -> Objective:
    """Return the objective that the recipe asks for, balanced by how frequent the classes of the rows are."""
    toxic = [row for row in rows if row.category]
    counts = np.array([sum(row.category == name for row in toxic) for name in labels.names], dtype=np.float64)
    classes = np.concatenate([[sum(row.toxic <= 0.5 for row in rows)], counts])
    weigh, shift = recipe.imbalance == "weights", recipe.imbalance == "logit_adjustment"
    return Objective(
        category_loss_weight=recipe.category_loss_weight,
        label_smoothing=recipe.label_smoothing,
        r_drop=recipe.r_drop,
        category_weights=balance(counts) if weigh else None,
        class_weights=balance(classes) if weigh else None,
        category_shift=_frequencies(counts) if shift else None,
        class_shift=_frequencies(classes) if shift else None,
    )


def _frequencies(counts: np.ndarray) -> torch.Tensor:
    return torch.log(torch.tensor((counts + 1.0) / (counts + 1.0).sum(), dtype=torch.float32))


def fit(
    network: HeadedNetwork,
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    train: Sequence[Row],
    tune: Sequence[Row],
    recipe: Recipe,
    work: Path,
    *,
    soft: np.ndarray | None = None,
    progress: Progress | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train the network in place and return the metrics of its best epoch on the tune rows.

    Checkpoints go to `work`; with `resume` the newest one there is continued. Raise TrainingError on a diverging run,
    or where the disk or the memory is full.
    """
    network.objective = objective_for(train, labels, recipe)
    _require_disk(network, work)
    callbacks: list[TrainerCallback] = [_Watch(progress)]
    if recipe.patience:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    trainer = _Trainer(
        model=network,
        args=_arguments(recipe, work),
        train_dataset=EncodedRows(train, tokenizer, labels, recipe.most_tokens, soft),
        eval_dataset=EncodedRows(tune, tokenizer, labels, recipe.most_tokens),
        data_collator=Collator(int(tokenizer.pad_token_id or 0)),
        compute_metrics=_Metrics(tuple(network.heads)),
        callbacks=callbacks,
    )
    trainer.adversarial = recipe.adversarial
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train(resume_from_checkpoint=newest_checkpoint(work) if resume else None)
        figures = trainer.evaluate()
    except torch.OutOfMemoryError as error:
        raise TrainingError("the memory of the GPU is too small; give a smaller --batch-size and go on") from error
    except (OSError, SafetensorError, RuntimeError) as error:
        if told := _disk_error(work, error):
            raise told from error
        raise
    return {name.removeprefix("eval_"): float(value) for name, value in figures.items()}


def _require_disk(network: nn.Module, work: Path) -> None:
    """Refuse to start what would stop at its first checkpoint."""
    work.mkdir(parents=True, exist_ok=True)
    needed = _COPIES * _FP32 * sum(parameter.numel() for parameter in network.parameters())
    free = shutil.disk_usage(work).free
    if free < needed:
        raise TrainingError(
            f"{work} has {free >> 20:,} MB free and checkpoints need {needed >> 20:,}; make room, or name an --out "
            "on another disk"
        )


def _disk_error(work: Path, error: Exception) -> TrainingError | None:
    """Return the error in our words where a checkpoint could not be written."""
    words = str(error).lower()
    if any(sign in words for sign in ("no space", "enforce fail", "file write", "failed writing", "quota")):
        return TrainingError(
            f"a checkpoint could not be written to {work} ({error}); earlier ones are kept: make room and go on "
            "with --resume"
        )
    return None


def newest_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that is whole: its state is written last."""
    whole = {step: state.parent for state in work.glob("checkpoint-*/trainer_state.json") if (step := _step_of(state))}
    return str(whole[max(whole)]) if whole else None


def _step_of(state: Path) -> int:
    """Return the step of a checkpoint, 0 where its state is damaged."""
    try:
        step = json.loads(state.read_text(encoding="utf-8"))["global_step"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return 0
    return step if isinstance(step, int) else 0


def _arguments(recipe: Recipe, work: Path) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.eval_batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_share,
        weight_decay=recipe.weight_decay,
        optim=_OPTIMIZERS[recipe.optimizer],
        lr_scheduler_type="linear",
        bf16=gpu or _bf16_pays(),
        use_cpu=not gpu,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        label_names=list(_LABELS),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=recipe.metric,
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


class _Trainer(Trainer):
    """Train on adversarial embeddings too, where asked to (the fast gradient method, Miyato et al. 2017)."""

    adversarial: float = 0.0

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Return the loss after adding its gradients, and those of the worst small step of the embeddings."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not self.adversarial:
            return loss
        table = _word_embeddings(model)
        if table.grad is None:
            return loss
        step = self.adversarial * table.grad / (table.grad.norm() + _LEAST_NORM)
        table.data.add_(step)
        super().training_step(model, inputs, num_items_in_batch)
        table.data.sub_(step)
        return loss


def _word_embeddings(model: nn.Module) -> nn.Parameter:
    encoder = model.get_submodule("encoder")
    if not isinstance(encoder, PreTrainedModel):
        raise TypeError("the encoder is not one of transformers")
    table = encoder.get_input_embeddings().weight
    if not isinstance(table, nn.Parameter):
        raise TypeError("the encoder has no table of word embeddings")
    return table


@dataclass(frozen=True, slots=True)
class _Metrics:
    """Measure a network's outputs, which come in the order of its heads."""

    heads: tuple[str, ...]

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        raw = prediction.predictions
        arrays = [np.asarray(array) for array in (raw if isinstance(raw, tuple) else (raw,))]
        if not all(np.isfinite(array).all() for array in arrays):
            raise TrainingError("the network's outputs are no numbers; lower the learning rate")
        toxic, category, _ = (np.asarray(array) for array in prediction.label_ids)
        outputs: Mapping[str, np.ndarray] = dict(zip(self.heads, arrays, strict=True))
        return quality(outputs, toxic, category)


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

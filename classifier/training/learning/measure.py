"""What a trained model is: calibrated on its tune rows, and measured on those and on the test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from classifier.calibrate import Calibration, ThresholdCurve, fit_platt, fit_temperature, measure_curve
from classifier.errors import ThresholdError, TrainingError
from classifier.labels import LabelSet
from classifier.manifest import Stages
from classifier.stages import Probabilities, hierarchical, one_stage
from classifier.training.data.corpus import Corpus
from classifier.training.data.rows import Row
from classifier.training.evaluation.metrics import agreement, flag_threshold, report
from classifier.training.learning import export
from classifier.training.learning.decision import class_weights
from classifier.training.learning.fit import token_ids
from classifier.training.learning.network import PARTS
from classifier.training.learning.quality import toxic_logit
from classifier.training.recipe import Recipe
from classifier.verdict import Verdict

Logits = Mapping[str, NDArray[np.float64]]

_FEWEST_TO_CALIBRATE = 50
_PRIOR = 8.0
"""How many observations the untouched logits count for, so that few rows do not make the model far too sure."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what a manifest says of a model's probabilities."""

    calibration: Calibration
    curves: Mapping[str, ThresholdCurve]
    class_weights: Mapping[str, float]
    metrics: Mapping[str, Any]


def measured(
    folder: Path,
    exact: Path,
    stages: Stages,
    tokenizer: PreTrainedTokenizerBase,
    labels: LabelSet,
    corpus: Corpus,
    recipe: Recipe,
) -> Measured:
    """Calibrate the int8 files of `folder` and measure them beside the fp32 ones of `exact`; raise TrainingError."""
    tune = _Scored.by(folder, stages, tokenizer, labels, corpus.tune, recipe)
    unseen_texts = {row.text for row in corpus.unseen}
    unseen = np.array([row.text in unseen_texts for row in corpus.tune])
    home = _home(corpus.tune, recipe, unseen)
    calibration = calibrated(tune.logits, stages, tune.rows, labels, unseen & home)
    served = tune.read(calibration)
    verdicts = _verdicts(served, labels)
    curves = _curves([v for v, at_home in zip(verdicts, home, strict=True) if at_home], corpus.tune, home, labels)
    weights = _weights(served, corpus.tune, labels, unseen & home)
    flag = flag_threshold(curves)
    fresh = [i for i in range(len(verdicts)) if unseen[i]]
    held = _Scored.by(exact, stages, tokenizer, labels, corpus.tune, recipe)
    metrics: dict[str, Any] = {
        "unseen": report([corpus.tune[i] for i in fresh], [verdicts[i] for i in fresh], flag=flag),
        "stream": report(corpus.tune, verdicts, flag=flag),
        "int8_beside_fp32": agreement(list(held.read(calibration).toxic), list(served.toxic), flag),
    }
    if corpus.test:
        test = _Scored.by(folder, stages, tokenizer, labels, corpus.test, recipe)
        metrics["test"] = report(corpus.test, _verdicts(test.read(calibration), labels), flag=flag)
    return Measured(calibration, curves, weights, metrics)


@dataclass(frozen=True, slots=True)
class _Scored:
    rows: Sequence[Row]
    stages: Stages
    logits: Logits

    @classmethod
    def by(
        cls,
        folder: Path,
        stages: Stages,
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        rows: Sequence[Row],
        recipe: Recipe,
    ) -> "_Scored":
        ids = token_ids(tokenizer, [row.text for row in rows], recipe.most_tokens)
        logits: dict[str, NDArray[np.float64]] = {}
        for part in PARTS[stages]:
            logits |= export.onnx_logits(folder / part.onnx, ids)
        return cls(rows, stages, logits)

    def read(self, calibration: Calibration) -> Probabilities:
        if self.stages is Stages.ONE:
            return one_stage(self.logits["classes"], calibration)
        return hierarchical(self.logits["toxic"], self.logits["category"], calibration)


def calibrated(
    logits: Logits, stages: Stages, rows: Sequence[Row], labels: LabelSet, chosen: NDArray[np.bool_]
) -> Calibration:
    """Return the calibration that fits the chosen rows; raise TrainingError where the model has learned nothing."""
    truth = np.array([row.toxic for row in rows])
    toxic = toxic_logit(logits)
    if toxic is None:
        raise TrainingError("the model has no output that tells toxic from not")
    scale, bias = fit_platt(np.asarray(toxic, dtype=np.float64)[chosen], truth[chosen], prior=_PRIOR)
    if round(scale, 6) <= 0:
        raise TrainingError(
            "the model has learned nothing: on the tune rows its scores do not rise with toxicity; "
            "train for more epochs or on more rows"
        )
    names = {name: i for i, name in enumerate(labels.names)}
    if stages is Stages.ONE:
        return Calibration(scale=round(1.0 / _one_temperature(logits["classes"], rows, names, chosen), 6))
    known = [i for i, row in enumerate(rows) if row.category]
    target = np.array([names[rows[i].category or ""] for i in known], dtype=np.int64)
    temperature = fit_temperature(logits["category"][known], target, prior=_PRIOR) if known else 1.0
    return Calibration(round(scale, 6), round(bias, 6), round(temperature, 6))


def _one_temperature(
    classes: NDArray[np.float64], rows: Sequence[Row], names: Mapping[str, int], chosen: NDArray[np.bool_]
) -> float:
    """Return the temperature of one head; a row known as toxic alone may be of any category."""
    allowed = np.zeros(classes.shape, dtype=bool)
    for i, row in enumerate(rows):
        if row.toxic <= 0.5:
            allowed[i, 0] = True
        elif row.category:
            allowed[i, 1 + names[row.category]] = True
        else:
            allowed[i, 1:] = True
    return fit_temperature(classes[chosen], allowed[chosen], prior=_PRIOR)


def _home(rows: Sequence[Row], recipe: Recipe, unseen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are of the register to calibrate on; all where the recipe's sources hold too few of a kind."""
    home = np.array([row.source in recipe.calibrate_on for row in rows])
    kinds = {row.toxic > 0.5 for row, chosen in zip(rows, home & unseen, strict=True) if chosen}
    return home if home.sum() >= _FEWEST_TO_CALIBRATE and len(kinds) == 2 else np.ones(len(rows), dtype=bool)


def _weights(
    shares: Probabilities, rows: Sequence[Row], labels: LabelSet, chosen: NDArray[np.bool_]
) -> dict[str, float]:
    names = {name: 1 + i for i, name in enumerate(labels.names)}
    known = np.array([row.toxic <= 0.5 or row.category is not None for row in rows]) & chosen
    truth = np.array([0 if row.toxic <= 0.5 else names.get(row.category or "", 0) for row in rows], dtype=np.int64)
    classes = np.column_stack([1.0 - shares.toxic, shares.categories])
    return class_weights(classes[known], truth[known], labels.names)


def _verdicts(read: Probabilities, labels: LabelSet) -> list[Verdict]:
    return [
        Verdict(float(toxic), dict(zip(labels.names, map(float, categories), strict=True)), "measured")
        for toxic, categories in zip(read.toxic, read.categories, strict=True)
    ]


def _curves(
    verdicts: Sequence[Verdict], rows: Sequence[Row], home: NDArray[np.bool_], labels: LabelSet
) -> dict[str, ThresholdCurve]:
    """Return the curve of P(toxic) and of each category over clean messages; none where they are too few."""
    at_home = [row for row, chosen in zip(rows, home, strict=True) if chosen]
    clean = [v for v, row in zip(verdicts, at_home, strict=True) if row.toxic < 0.5]
    try:
        return {
            "toxic": measure_curve(np.array([v.toxic for v in clean])),
            **{name: measure_curve(np.array([v.categories[name] for v in clean])) for name in labels.names},
        }
    except ThresholdError:
        return {}

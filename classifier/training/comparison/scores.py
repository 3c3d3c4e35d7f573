"""Metrics of every setting, with bootstrap intervals, and which differences between settings are real."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibrate import expected_calibration_error
from classifier.training.comparison.outcome import Comparison, Floats, Outcome

THRESHOLD = 0.5
"""P(toxic) from which precision, recall and F1 count a message as called toxic."""

_TAILS = (0.025, 0.975)
_MOST_CELLS = 2_000_000
_LEAST_DEFINED = 0.5
_PRECISION, _RECALL, _F1, _AUC, _MACRO, _CLASSES = range(6)
"""Where a metric stands in a table; three columns for each class follow from `_CLASSES` on."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold a measured value and the ends of its 95% interval; NaN where the rows do not define them."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Tell whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Tell whether the whole interval lies below zero."""
        return self.high < 0


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Hold the scores of one class; `support` counts its test rows."""

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class OutcomeScores:
    """Hold the scores of one setting.

    Precision, recall, F1 and AUC are those of toxic, the first three at P(toxic) >= 0.5. `macro_f1` is the mean F1 of
    the classes that occur among truth or decisions, on rows of known class. The gains are differences to the first
    setting, from the same draws of rows; None for the first setting itself.
    """

    name: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate
    macro_f1: Estimate
    calibration_error: float
    classes: tuple[ClassScores, ...]
    f1_gain: Estimate | None
    macro_f1_gain: Estimate | None


def score_outcomes(comparison: Comparison, *, draws: int = 1000, seed: int = 7) -> tuple[OutcomeScores, ...]:
    """Return the scores of every setting, with percentile intervals from `draws` bootstrap samples of the test rows.

    Every setting meets the same samples, which is what makes the differences paired (Efron and Tibshirani 1993).
    A value without a denominator is NaN; so is an interval that most samples do not define.
    """
    measured = _measured(comparison, draws, seed)
    return tuple(
        _scores(comparison, outcome, table, None if i == 0 else measured[0])
        for i, (outcome, table) in enumerate(zip(comparison.outcomes, measured, strict=True))
    )


def confusion(comparison: Comparison, outcome: Outcome) -> NDArray[np.int64]:
    """Return how often each class (row) was decided to be each class (column), on rows of known class."""
    truth, size = comparison.truth, len(comparison.classes)
    known = truth >= 0
    cells = truth[known] * size + outcome.predicted[known]
    return np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)


def _measured(comparison: Comparison, draws: int, seed: int) -> list[Floats]:
    """Return a table for each setting: a column for each metric, the rows as they are first, then the samples."""
    tables: list[list[Floats]] = [[] for _ in comparison.outcomes]
    for weights in _samples(len(comparison.rows), draws, seed):
        for table, outcome in zip(tables, comparison.outcomes, strict=True):
            table.append(_metrics(comparison, outcome, weights))
    return [np.concatenate(table) for table in tables]


def _samples(size: int, draws: int, seed: int) -> Iterator[Floats]:
    """Yield how often each row is in each sample, in blocks that bound the memory; the first counts every row once."""
    yield np.ones((1, size))
    random = np.random.default_rng(seed)
    block = max(1, _MOST_CELLS // max(size, 1))
    for start in range(0, draws if size else 0, block):
        lines = min(block, draws - start)
        places = random.integers(0, size, (lines, size)) + size * np.arange(lines)[:, None]
        yield np.bincount(places.ravel(), minlength=lines * size).reshape(lines, size).astype(np.float64)


def _metrics(comparison: Comparison, outcome: Outcome, weights: Floats) -> Floats:
    """Return a line of metrics for each line of weights: the binary ones, macro-F1, then three for each class."""
    kinds = np.arange(len(comparison.classes))
    truth = comparison.truth[:, None] == kinds
    said = (outcome.predicted[:, None] == kinds) & (comparison.truth >= 0)[:, None]
    per_class = _precision_recall_f1(weights @ (truth & said), weights @ said, weights @ truth)
    f1, defined = per_class[-1], np.isfinite(per_class[-1])
    macro = _ratio(np.where(defined, f1, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))
    return np.column_stack([*_binary(comparison, outcome, weights), macro, *per_class])


def _binary(comparison: Comparison, outcome: Outcome, weights: Floats) -> list[Floats]:
    """Return precision, recall, F1 and AUC of toxic; NaN throughout where a row got no score."""
    if not np.isfinite(outcome.toxic).all():
        return [np.full(len(weights), np.nan)] * _MACRO
    truth, said = comparison.toxic, outcome.toxic >= THRESHOLD
    counts = _precision_recall_f1(weights @ (truth & said), weights @ said, weights @ truth)
    return [*counts, _auc(outcome.toxic, truth, weights)]


def _precision_recall_f1(hits: Floats, said: Floats, true: Floats) -> tuple[Floats, Floats, Floats]:
    return _ratio(hits, said), _ratio(hits, true), _ratio(2 * hits, said + true)


def _auc(scores: Floats, truth: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the area under the ROC curve: how often a toxic row outranks a clean one, ties counting half."""
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    ranked = weights[:, order]
    toxic = np.add.reduceat(ranked * truth[order], ties, axis=1)
    clean = np.add.reduceat(ranked * ~truth[order], ties, axis=1)
    below = np.cumsum(clean, axis=1) - clean
    return _ratio((toxic * (below + clean / 2)).sum(axis=1), toxic.sum(axis=1) * clean.sum(axis=1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0), dtype=np.float64)


def _estimate(column: Floats) -> Estimate:
    """Return the value (first) with the interval that the samples (the others) give it."""
    samples = column[1:]
    defined = samples[np.isfinite(samples)]
    if not np.isfinite(column[0]) or not len(defined) or len(defined) < _LEAST_DEFINED * len(samples):
        return Estimate(float(column[0]), float("nan"), float("nan"))
    low, high = np.quantile(defined, _TAILS)
    return Estimate(float(column[0]), float(low), float(high))


def _scores(comparison: Comparison, outcome: Outcome, table: Floats, first: Floats | None) -> OutcomeScores:
    gains = None if first is None else table - first
    return OutcomeScores(
        name=outcome.name,
        precision=_estimate(table[:, _PRECISION]),
        recall=_estimate(table[:, _RECALL]),
        f1=_estimate(table[:, _F1]),
        auc=_estimate(table[:, _AUC]),
        macro_f1=_estimate(table[:, _MACRO]),
        calibration_error=_calibration_error(comparison, outcome),
        classes=_class_scores(comparison, table),
        f1_gain=None if gains is None else _estimate(gains[:, _F1]),
        macro_f1_gain=None if gains is None else _estimate(gains[:, _MACRO]),
    )


def _class_scores(comparison: Comparison, table: Floats) -> tuple[ClassScores, ...]:
    size, truth = len(comparison.classes), comparison.truth
    return tuple(
        ClassScores(name, int((truth == i).sum()), *(_estimate(table[:, _CLASSES + i + size * j]) for j in range(3)))
        for i, name in enumerate(comparison.classes)
    )


def _calibration_error(comparison: Comparison, outcome: Outcome) -> float:
    scored = np.isfinite(outcome.toxic)
    if not scored.any():
        return float("nan")
    sure = np.clip(outcome.toxic[scored], 0.0, 1.0)
    return expected_calibration_error(sure, comparison.toxic[scored].astype(np.float64))

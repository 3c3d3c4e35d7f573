"""What a model is worth on labelled rows: per source, per category or class, and int8 beside fp32."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from classifier.calibrate import ThresholdCurve, expected_calibration_error
from classifier.errors import ThresholdError
from classifier.training.data.rows import Row
from classifier.training.evaluation.bootstrap import interval
from classifier.verdict import NON_TOXIC, Verdict, most_likely

_HALF = 0.5
_FLAG_BUDGET = 0.01
Report = dict[str, Any]
Statistic = Callable[[NDArray[np.int64]], float]


def flag_threshold(curves: Mapping[str, ThresholdCurve]) -> float:
    """Return the threshold that reports call flagged; one half where too few clean messages were measured."""
    try:
        return curves["toxic"].threshold(_FLAG_BUDGET)
    except (KeyError, ThresholdError):
        return _HALF


def report(rows: Sequence[Row], verdicts: Sequence[Verdict], *, flag: float) -> Report:
    """Return the metrics of verdicts on rows: all together, per source and per category.

    `flag` is the threshold of P(toxic) at which a message would be flagged.
    """
    toxic = np.array([verdict.toxic for verdict in verdicts])
    truth = np.array([row.toxic > _HALF for row in rows])
    sources = sorted({row.source for row in rows})
    chosen = {name: np.array([row.source == name for row in rows]) for name in sources}
    return {
        "flag_threshold": round(flag, 4),
        "all": _binary(truth, toxic, flag),
        "sources": {name: _binary(truth[mask], toxic[mask], flag) for name, mask in chosen.items()},
        "categories": _categories(rows, verdicts),
    }


def _binary(truth: NDArray[np.bool_], toxic: NDArray[np.float64], flag: float) -> Report:
    """Return ranking, classification at P(toxic) 0.5, calibration, and what is flagged at the flag threshold."""
    precision, recall, f1, _ = precision_recall_fscore_support(truth, toxic >= _HALF, average="binary", zero_division=0)
    both = bool(truth.any() and not truth.all())
    numbers = {
        "auc": roc_auc_score(truth, toxic) if both else None,
        "average_precision": average_precision_score(truth, toxic) if both else None,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "macro_f1": f1_score(truth, toxic >= _HALF, average="macro", zero_division=0),
        "calibration_error": expected_calibration_error(toxic, truth.astype(np.float64)),
        "flagged_of_clean": float((toxic[~truth] >= flag).mean()) if (~truth).any() else None,
        "flagged_of_toxic": float((toxic[truth] >= flag).mean()) if truth.any() else None,
    }
    return {"rows": len(truth), "toxic": int(truth.sum())} | {
        name: None if value is None else round(float(value), 4) for name, value in numbers.items()
    }


def _categories(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> Report:
    """Return precision, recall and F1 of the top category on toxic rows whose category is known."""
    pairs = [(row.category, v.top[0]) for row, v in zip(rows, verdicts, strict=True) if row.category]
    if not pairs:
        return {}
    truth, predicted = zip(*pairs, strict=True)
    return _named(truth, predicted, sorted(set(truth)))


def _named(truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> Report:
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0)
    return {
        name: {
            "rows": int(support[i]),
            "precision": round(float(precision[i]), 4),
            "recall": round(float(recall[i]), 4),
            "f1": round(float(f1[i]), 4),
        }
        for i, name in enumerate(names)
    }


def agreement(fp32: Sequence[float], int8: Sequence[float], flag: float) -> Mapping[str, float]:
    """Return how far P(toxic) of the int8 model is from that of fp32, and how many decisions differ."""
    a, b = np.asarray(fp32), np.asarray(int8)
    return {
        "mean_difference": round(float(np.abs(a - b).mean()), 5),
        "p99_difference": round(float(np.quantile(np.abs(a - b), 0.99)), 5),
        "same_side_of_half": round(float(((a >= _HALF) == (b >= _HALF)).mean()), 5),
        "same_side_of_flag": round(float(((a >= flag) == (b >= flag)).mean()), 5),
    }


def intervals(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> Report:
    """Return 95 % bootstrap intervals of AUC, F1 and macro-F1 (toxic or not, at 0.5), in all and per source.

    A figure is None where it cannot be computed, as in `report`.
    """
    toxic = np.array([verdict.toxic for verdict in verdicts])
    truth = np.array([row.toxic > _HALF for row in rows])
    names = np.array([row.source for row in rows])
    return {
        "all": _binary_intervals(truth, toxic),
        "sources": {
            name: _binary_intervals(truth[names == name], toxic[names == name]) for name in sorted(set(names.tolist()))
        },
    }


def _binary_intervals(truth: NDArray[np.bool_], toxic: NDArray[np.float64]) -> Report:
    outcome = 2 * truth.astype(np.int64) + (toxic >= _HALF)
    statistics = {
        "auc": _auc_of(truth, toxic),
        "f1": lambda chosen: float(_f1_of(outcome[chosen], 2)[1]),
        "macro_f1": lambda chosen: float(np.nanmean(_f1_of(outcome[chosen], 2))),
    }
    return {name: _ends(interval(statistic, len(truth))) for name, statistic in statistics.items()}


def _auc_of(truth: NDArray[np.bool_], toxic: NDArray[np.float64]) -> Statistic:
    """Return the statistic that is the AUC of chosen rows: scores are ranked once, and then only counted."""
    ranks = np.unique(toxic, return_inverse=True)[1]
    place = 2 * ranks + truth

    def auc(chosen: NDArray[np.int64]) -> float:
        clean, bad = np.bincount(place[chosen], minlength=2 * (ranks.max() + 1)).reshape(-1, 2).T
        pairs = clean.sum() * bad.sum()
        return float((bad * (clean.cumsum() - clean / 2)).sum() / pairs) if pairs else float("nan")

    return auc


def _f1_of(outcome: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the F1 of each class from outcomes, each `truth * classes + predicted`; NaN where a class never occurs."""
    table = np.bincount(outcome, minlength=classes * classes).reshape(classes, classes)
    both = table.sum(axis=0) + table.sum(axis=1)
    return np.asarray(np.divide(2.0 * table.diagonal(), both, out=np.full(classes, np.nan), where=both > 0))


def _ends(ends: tuple[float, float]) -> list[float] | None:
    return None if np.isnan(ends[0]) else [round(end, 4) for end in ends]


def class_report(
    rows: Sequence[Row], verdicts: Sequence[Verdict], weights: Mapping[str, float] | None = None
) -> Report:
    """Return how well the one class of each text is named, non_toxic among them, as `most_likely` names it.

    Toxic rows of unknown category are left out and counted. Macro-F1, with its 95 % interval, is the mean over the
    classes that the rows have. Empty where no row is left.
    """
    known = [(row, v) for row, v in zip(rows, verdicts, strict=True) if row.toxic <= _HALF or row.category]
    if not known:
        return {}
    truth = [row.category if row.category and row.toxic > _HALF else NON_TOXIC for row, _ in known]
    predicted = [most_likely(verdict, weights) for _, verdict in known]
    names = sorted({*truth, *predicted})
    place = {name: i for i, name in enumerate(names)}
    outcome = np.array([place[t] * len(names) + place[p] for t, p in zip(truth, predicted, strict=True)])
    there = np.isin(names, truth)

    def macro(chosen: NDArray[np.int64]) -> float:
        return float(np.nanmean(_f1_of(outcome[chosen], len(names))[there]))

    return {
        "rows": len(known),
        "left_out": len(rows) - len(known),
        "accuracy": round(float((outcome // len(names) == outcome % len(names)).mean()), 4),
        "macro_f1": round(macro(np.arange(len(known))), 4),
        "macro_f1_interval": _ends(interval(macro, len(known))),
        "classes": _named(truth, predicted, [name for name in names if name in set(truth)]),
    }

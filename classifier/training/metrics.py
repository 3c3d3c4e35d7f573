"""What a model is worth on labelled rows: per source, per category, and int8 beside fp32."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from classifier.calibrate import ThresholdCurve, expected_calibration_error
from classifier.errors import ThresholdError
from classifier.training.rows import Row
from classifier.verdict import Verdict

_HALF = 0.5
_FLAG_BUDGET = 0.01
Report = dict[str, Any]


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
    names = sorted(set(truth))
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

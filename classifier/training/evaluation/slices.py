"""Metrics of rows that have something in common: their length, a disguise, a word for a group, a known text."""

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from classifier.training.data.rows import Row
from classifier.training.evaluation.disguises import disguises
from classifier.training.evaluation.metrics import Report
from classifier.verdict import Verdict

_HALF = 0.5
_LENGTHS = ((1, 10), (11, 20), (21, 40), (41, 80), (81, 160))

_WORD = re.compile(r"[^\W\d_]+")


def slice_report(
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
    *,
    flag: float,
    known: Collection[str] | None = None,
    originals: Mapping[str, str] | None = None,
    terms: Collection[str] = (),
) -> dict[str, dict[str, Report]]:
    """Return metrics of each slice that holds a row, by what the slices are cut by; lengths are in characters.

    `known` are the texts that training had (None: not to be told); only the cut `seen in training` counts their rows.
    `originals` are the texts as they were written, by the rows' `at`; `terms` words in lower case that name groups.
    """
    toxic = np.array([verdict.toxic for verdict in verdicts])
    truth = np.array([row.toxic > _HALF for row in rows])
    seen = [known is not None and row.text in known for row in rows]
    cuts: dict[str, list[Collection[str]]] = {
        "length": [{_length(row.text)} for row in rows],
        "source": [{row.source} for row in rows],
        "identity terms": [{_identity(row.text, terms)} for row in rows],
        "disguise": [disguises((originals or {}).get(row.at, row.text)) or {"none"} for row in rows],
    }
    fresh = {cut: [() if s else name for name, s in zip(names, seen, strict=True)] for cut, names in cuts.items()}
    if known is not None:
        fresh["seen in training"] = [{"yes" if s else "no"} for s in seen]
    return {cut: _slices(names, truth, toxic, flag) for cut, names in fresh.items()}


def _slices(
    names: Sequence[Collection[str]], truth: NDArray[np.bool_], toxic: NDArray[np.float64], flag: float
) -> dict[str, Report]:
    reports = {}
    for name in sorted({name for of_row in names for name in of_row}, key=_natural):
        mask = np.array([name in of_row for of_row in names])
        reports[name] = _numbers(truth[mask], toxic[mask], flag)
    return reports


def _natural(name: str) -> tuple[int, str]:
    """Sort lengths by their number."""
    first = re.match(r"\d+", name)
    return (int(first.group()) if first else 0, name)


def _numbers(truth: NDArray[np.bool_], toxic: NDArray[np.float64], flag: float) -> Report:
    both = bool(truth.any() and not truth.all())
    return {
        "rows": len(truth),
        "toxic": int(truth.sum()),
        "auc": round(float(roc_auc_score(truth, toxic)), 4) if both else None,
        "half": _at(truth, toxic >= _HALF),
        "flag": _at(truth, toxic >= flag),
    }


def _at(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> Report:
    precision, recall, f1, _ = precision_recall_fscore_support(truth, found, average="binary", zero_division=0)
    clean = ~truth
    return {
        "precision": round(float(precision), 4),
        "recall": round(float(recall), 4) if truth.any() else None,
        "f1": round(float(f1), 4) if truth.any() else None,
        "false_positives": round(float(found[clean].mean()), 4) if clean.any() else None,
    }


def _length(text: str) -> str:
    for shortest, longest in _LENGTHS:
        if len(text) <= longest:
            return f"{shortest}-{longest}"
    return f"{_LENGTHS[-1][1] + 1}+"


def _identity(text: str, terms: Collection[str]) -> str:
    return "yes" if any(word.lower() in terms for word in _WORD.findall(text)) else "no"

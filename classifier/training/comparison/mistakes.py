"""The rows that a setting was most sure about and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.training.comparison.outcome import Comparison, Floats, Outcome, TestRow
from classifier.training.comparison.scores import THRESHOLD

_MOST = 10


@dataclass(frozen=True, slots=True)
class Mistake:
    """Hold a row that was judged wrongly; `sure` is the probability that the setting gave to what it said."""

    row: TestRow
    said: str
    sure: float
    truth: str


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Hold one kind of mistake, the most confident ones first; `count` is how many there were."""

    kind: str
    count: int
    worst: tuple[Mistake, ...]


def worst_mistakes(comparison: Comparison, outcome: Outcome, *, most: int = _MOST) -> tuple[Mistakes, ...]:
    """Return the false alarms, the misses and the mixed-up categories of a setting, `most` of each.

    False alarms and misses are judged at P(toxic) 0.5; a category is mixed up where a row of one known category was
    decided to be of another. Rows without a score are left out.
    """
    truth, scores = comparison.truth, outcome.toxic
    given = outcome.classes[np.arange(len(truth)), outcome.predicted]
    alarms = ~comparison.toxic & (scores >= THRESHOLD)
    misses = comparison.toxic & (scores < THRESHOLD)
    mixed = (truth > 0) & (outcome.predicted > 0) & (truth != outcome.predicted) & np.isfinite(given)
    toxic, clean = ["toxic"] * len(truth), ["not toxic"] * len(truth)
    decided = [comparison.classes[i] for i in outcome.predicted]
    return (
        _worst(comparison, "False alarms", alarms, scores, toxic, most),
        _worst(comparison, "Misses", misses, 1 - scores, clean, most),
        _worst(comparison, "Mixed-up categories", mixed, given, decided, most),
    )


def _worst(
    comparison: Comparison, kind: str, wrong: NDArray[np.bool_], sure: Floats, said: Sequence[str], most: int
) -> Mistakes:
    places = np.flatnonzero(wrong)
    first = places[np.argsort(-sure[places], kind="stable")][:most]
    worst = tuple(
        Mistake(comparison.rows[i], said[i], float(sure[i]), _truth(comparison, comparison.rows[i])) for i in first
    )
    return Mistakes(kind, len(places), worst)


def _truth(comparison: Comparison, row: TestRow) -> str:
    if row.truth >= 0:
        return comparison.classes[row.truth]
    return "toxic, category unknown" if row.toxic else "not toxic"

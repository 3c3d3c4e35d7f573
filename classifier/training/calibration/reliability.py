"""How far the probabilities of a model can be believed on labelled rows, and the calibration that fits them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifier.calibrate import (
    Calibration,
    Floats,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    log_loss,
)
from classifier.errors import DataError
from classifier.manifest import Stages
from classifier.stages import Logits, Probabilities
from classifier.training.data.rows import Row, lot

_PRIOR = 8.0
"""Observations that the present calibration counts for: of 0 to 16, about what lost least on fresh rows after fits to
16 and to 50."""

_HALF = 0.5
_SMALLEST = 1e-12

_Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Say how far probabilities can be believed, as means over rows; lower is better.

    `category_log_loss` is of P(category | toxic) on toxic rows whose category is known; None where there are none.
    """

    calibration_error: float
    log_loss: float
    category_log_loss: float | None


@dataclass(frozen=True, slots=True)
class Truths:
    """Hold what is known of n rows: toxic or not, the place of the category (-1: not known), how much a row counts."""

    texts: tuple[str, ...]
    toxic: NDArray[np.bool_]
    category: _Places
    weight: Floats

    def at(self, chosen: _Places) -> "Truths":
        """Return those of some of the rows."""
        texts = tuple(self.texts[i] for i in chosen)
        return Truths(texts, self.toxic[chosen], self.category[chosen], self.weight[chosen])


def truths_of(rows: Sequence[Row], names: Sequence[str]) -> Truths:
    """Return what is known of rows; raise DataError for a category not in `names`, or rows of one kind alone."""
    places = {name: i for i, name in enumerate(names)}
    for row in rows:
        if row.category is not None and row.category not in places:
            raise DataError(
                f"{row.at or row.source}: {row.category!r} is not a category of this model ({', '.join(names)}); "
                "map it to one with --map"
            )
    toxic = np.array([row.toxic >= _HALF for row in rows])
    if toxic.all() or not toxic.any():
        kind = "toxic" if toxic.all() else "clean"
        raise DataError(f"all {len(rows):,} rows are {kind}; calibration needs toxic and clean ones")
    category = np.array([places[row.category] if row.category else -1 for row in rows], dtype=np.int64)
    return Truths(tuple(row.text for row in rows), toxic, category, np.array([row.weight for row in rows]))


def fit_calibration(logits: Logits, truths: Truths, present: Calibration) -> Calibration:
    """Return the calibration that fits the rows, held near the present one as by a few further observations."""
    if logits.stages is Stages.ONE:
        classes = present.scale * logits.heads[0]
        temperature = fit_temperature(classes, _classes_allowed(truths, classes.shape[1]), truths.weight, prior=_PRIOR)
        return replace(present, scale=round(present.scale / temperature, 6))
    toxic, category = logits.heads
    read = present.scale * toxic + present.bias
    scale, bias = fit_platt(read, truths.toxic.astype(np.float64), truths.weight, prior=_PRIOR)
    temperature = present.category_temperature
    known = truths.category >= 0
    if known.any():
        cooled = category[known] / temperature
        temperature *= fit_temperature(cooled, truths.category[known], truths.weight[known], prior=_PRIOR)
    return Calibration(round(scale * present.scale, 6), round(scale * present.bias + bias, 6), round(temperature, 6))


def _classes_allowed(truths: Truths, classes: int) -> NDArray[np.bool_]:
    """Return which classes of a one-stage head each row may be: any but the first where only toxic is known."""
    place = np.arange(classes)
    allowed = (place > 0) == truths.toxic[:, None]
    known = truths.category >= 0
    allowed[known] = place == truths.category[known][:, None] + 1
    return np.asarray(allowed, dtype=np.bool_)


def cross_fitted(logits: Logits, truths: Truths, present: Calibration) -> Probabilities:
    """Return the probabilities of each row by a calibration that was fitted to the other half of the rows."""
    toxic = np.zeros(len(truths.texts))
    categories = np.zeros_like(logits.read(present).categories)
    for mine, others in _halves(truths):
        read = logits.at(mine).read(fit_calibration(logits.at(others), truths.at(others), present))
        toxic[mine], categories[mine] = read.toxic, read.categories
    return Probabilities(toxic, categories)


def _halves(truths: Truths) -> Iterator[tuple[_Places, _Places]]:
    """Yield two halves, both ways round, with as much of each kind in both; equal texts of a kind stay together."""
    second = np.zeros(len(truths.texts), dtype=bool)
    # Each kind begins in another half, so that no half is empty where there is but one row of each.
    for kind, first in ((True, 1), (False, 0)):
        texts = {text for text, toxic in zip(truths.texts, truths.toxic, strict=True) if toxic == kind}
        chosen = set(sorted(texts, key=lot)[first::2])
        second |= np.array([text in chosen for text in truths.texts]) & (truths.toxic == kind)
    halves = np.flatnonzero(~second), np.flatnonzero(second)
    yield halves
    yield halves[1], halves[0]


def quality(read: Probabilities, truths: Truths) -> Quality:
    """Return how far probabilities can be believed on rows."""
    toxic = truths.toxic.astype(np.float64)
    known = np.flatnonzero(truths.category >= 0)
    conditional = read.categories[known, truths.category[known]] / np.maximum(read.toxic[known], _SMALLEST)
    return Quality(
        calibration_error=round(expected_calibration_error(read.toxic, toxic), 5),
        log_loss=round(log_loss(read.toxic, toxic), 5),
        category_log_loss=round(float(-np.log(np.maximum(conditional, _SMALLEST)).mean()), 5) if known.size else None,
    )

"""How a model's outputs become probabilities: three readings of the same idea."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibrate import Calibration, Floats, softmax
from classifier.manifest import Stages

SECOND_STAGE_FROM = 0.1
"""P(toxic) from which a two-stage model asks its second model."""


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Hold P(toxic), shape (n,), and P(category), shape (n, categories); each row of the second sums to the first."""

    toxic: Floats
    categories: Floats


@dataclass(frozen=True, slots=True)
class Logits:
    """Hold what the heads of a model gave for n texts, before any calibration.

    A one-stage model has one head, of shape (n, 1 + categories), non-toxic first. The others have two: toxicity, of
    shape (n,), and the categories, of shape (n, categories).
    """

    stages: Stages
    heads: tuple[Floats, ...]

    def read(self, calibration: Calibration) -> Probabilities:
        """Return the probabilities as a served model with that calibration gives them."""
        if self.stages is Stages.ONE:
            return one_stage(self.heads[0], calibration)
        toxic, category = self.heads
        if self.stages is Stages.HIERARCHICAL:
            return hierarchical(toxic, category, calibration)
        passed = passes_first_stage(toxic, calibration, SECOND_STAGE_FROM)
        return two_stage(toxic, passed, category[passed], category.shape[1], calibration)

    def at(self, chosen: NDArray[np.int64]) -> "Logits":
        """Return those of some of the texts."""
        return Logits(self.stages, tuple(head[chosen] for head in self.heads))


def one_stage(logits: Floats, calibration: Calibration) -> Probabilities:
    """Read one head over non-toxic (first) and the categories, shape (n, 1 + categories)."""
    p = softmax(calibration.scale * logits)
    return Probabilities(1.0 - p[:, 0], p[:, 1:])


def hierarchical(toxic_logits: Floats, category_logits: Floats, calibration: Calibration) -> Probabilities:
    """Read two heads: P(category) = P(toxic) x P(category | toxic)."""
    toxic = calibration.toxic(toxic_logits)
    return Probabilities(toxic, toxic[:, None] * calibration.category(category_logits))


def passes_first_stage(toxic_logits: Floats, calibration: Calibration, least: float) -> NDArray[np.bool_]:
    """Return which texts a two-stage model's second model must see: those with P(toxic) of `least` or more."""
    return np.asarray(calibration.toxic(toxic_logits) >= least, dtype=np.bool_)


def two_stage(
    toxic_logits: Floats, passed: NDArray[np.bool_], category_logits: Floats, categories: int, calibration: Calibration
) -> Probabilities:
    """Read a binary model and a category model that saw only the texts that passed.

    `category_logits` has a row for each true entry of `passed`. What did not pass keeps its P(toxic), spread evenly.
    """
    toxic = calibration.toxic(toxic_logits)
    conditional = np.full((len(toxic), categories), 1.0 / categories)
    if bool(np.any(passed)):
        conditional[passed] = calibration.category(category_logits)
    return Probabilities(toxic, toxic[:, None] * conditional)

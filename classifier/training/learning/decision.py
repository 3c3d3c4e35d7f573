"""One class for each text: weights for the classes, so that rare ones are named at all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from classifier.verdict import NON_TOXIC

_POWERS = tuple(np.linspace(0.0, 1.0, 21))
_FEWEST = 50


def class_weights(shares: NDArray[np.float64], truth: NDArray[np.int64], categories: Sequence[str]) -> dict[str, float]:
    """Return the weight of each class at which the macro-F1 of `truth` is best; none where the rows are too few.

    `shares` has P(non_toxic) and P(category) of each row, shape (n, 1 + categories); `truth` indexes its columns. A
    weight is a power of how rare its class is: one number to fit, so that three rows are not learned by heart.
    """
    counts = np.bincount(truth, minlength=shares.shape[1])
    if len(truth) < _FEWEST or (counts > 0).sum() < 2:
        return {}
    rarity = counts.sum() / (counts + 1.0)
    best = max(_POWERS, key=lambda power: (_macro(shares * rarity**power, truth), -power))
    weights = rarity**best / (rarity**best)[0]
    return {name: round(float(weight), 6) for name, weight in zip((NON_TOXIC, *categories), weights, strict=True)}


def _macro(weighed: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    return float(f1_score(truth, weighed.argmax(-1), average="macro", labels=np.unique(truth), zero_division=0))

"""Probabilities that mean what they say, and thresholds from a false-positive budget."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.errors import ThresholdError

Floats = NDArray[np.float64]

BUDGETS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
"""False-positive rates, as shares of clean messages, at which a curve is measured."""

_FEWEST_EXCEEDING = 2
"""A rate is measured only where at least so many clean messages may exceed the threshold."""

_SMALLEST_STEP = 1e-9


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float64)


def softmax(logits: Floats) -> Floats:
    """Return the softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Map logits to logits whose probabilities fit the observed frequencies.

    Platt scaling for the toxic head (Platt 1999), a temperature for the category head (Guo et al. 2017).
    """

    scale: float = 1.0
    bias: float = 0.0
    category_temperature: float = 1.0

    def toxic(self, logits: Floats) -> Floats:
        """Return P(toxic) of toxicity logits."""
        return sigmoid(self.scale * logits + self.bias)

    def category(self, logits: Floats) -> Floats:
        """Return P(category | toxic) of category logits, shape (n, categories)."""
        return softmax(logits / self.category_temperature)


def fit_platt(logits: Floats, truth: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return the scale and bias that maximise the likelihood of `truth` (0..1).

    Newton's method from the base rate, each step halved until the loss falls (Lin, Lin and Weng 2007): full steps
    run away where the logits are far too sure.
    """
    weight = np.ones_like(logits) if weight is None else weight
    x = np.stack([logits, np.ones_like(logits)], axis=1)
    base = float(np.clip(np.average(truth, weights=weight), 1e-6, 1 - 1e-6))
    theta = np.array([0.0, np.log(base / (1 - base))])

    def loss(at: Floats) -> float:
        z = x @ at
        return float((weight * (np.logaddexp(0.0, z) - truth * z)).sum())

    for _ in range(50):
        p = sigmoid(x @ theta)
        hessian = (x * (weight * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (weight * (p - truth)))
        while loss(theta - step) > loss(theta) and np.abs(step).max() >= _SMALLEST_STEP:
            step = step / 2
        if np.abs(step).max() < _SMALLEST_STEP:
            break
        theta = theta - step
    return float(theta[0]), float(theta[1])


def fit_temperature(logits: Floats, truth: NDArray[np.int64]) -> float:
    """Return the temperature, 0.25..8, that minimises the cross-entropy of class logits."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(8.0), 141))
    rows = np.arange(len(truth))
    losses = [-float(np.log(softmax(logits / t)[rows, truth] + 1e-12).mean()) for t in grid]
    return float(grid[int(np.argmin(losses))])


def expected_calibration_error(probabilities: Floats, truth: Floats, bins: int = 15) -> float:
    """Return the mean gap between confidence and frequency over equal-width bins (Naeini et al. 2015)."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probabilities[place == b].mean() - truth[place == b].mean())) * int((place == b).sum())
        for b in range(bins)
        if (place == b).any()
    ]
    return sum(gaps) / len(probabilities)


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Hold thresholds for falling false-positive rates: pairs of (rate, threshold), the largest rate first."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        rates = [rate for rate, _ in self.points]
        if not rates or rates != sorted(rates, reverse=True) or not all(0 <= t <= 1 for _, t in self.points):
            raise ThresholdError(f"a threshold curve needs falling rates and thresholds in 0..1, not {self.points}")

    def threshold(self, budget: float) -> float:
        """Return the threshold that keeps false positives at or under `budget`, a share of clean messages.

        Between measured rates the stricter one is taken. Raise ThresholdError where the budget is smaller than what
        was measured.
        """
        for rate, threshold in self.points:
            if rate <= budget:
                return threshold
        smallest = self.points[-1][0]
        raise ThresholdError(
            f"a budget of {budget:g} is below the smallest measured rate, {smallest:g}; "
            "ask for a larger one or calibrate on more clean messages"
        )


def measure_curve(clean_scores: Floats, budgets: Sequence[float] = BUDGETS) -> ThresholdCurve:
    """Return the thresholds at which at most the given shares of clean messages score as high or higher."""
    scores = np.sort(np.asarray(clean_scores, dtype=np.float64))
    points = []
    for budget in budgets:
        allowed = int(budget * len(scores))
        if allowed < _FEWEST_EXCEEDING:
            continue
        # Just above the first score that must not pass; where that one is 1, no threshold holds it back.
        threshold = float(np.nextafter(scores[-allowed - 1], 2.0))
        if threshold <= 1.0:
            points.append((budget, threshold))
    if not points:
        raise ThresholdError(
            f"{len(scores)} clean messages are too few, or too many of them score 1, to measure a false-positive rate; "
            "calibrate on more clean messages"
        )
    rising = itertools.accumulate((threshold for _, threshold in points), max)
    return ThresholdCurve(tuple((rate, threshold) for (rate, _), threshold in zip(points, rising, strict=True)))


def curves_to_json(curves: Mapping[str, ThresholdCurve]) -> dict[str, list[list[float]]]:
    """Return curves as plain lists, unrounded: a threshold rounded down lets more through than its rate says."""
    return {name: [[rate, threshold] for rate, threshold in c.points] for name, c in curves.items()}


def curves_from_json(raw: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, ThresholdCurve]:
    """Return curves from plain lists; raise ThresholdError where they make no sense."""
    try:
        return {
            name: ThresholdCurve(tuple((float(rate), float(threshold)) for rate, threshold in points))
            for name, points in raw.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ThresholdError(f"the threshold curves are not pairs of numbers: {error}") from error

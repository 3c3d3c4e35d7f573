"""Probabilities that mean what they say, and thresholds from a false-positive budget."""

import itertools
import math
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

_LEAST_CONFIDENCE = 0.5

_JITTER = 1e-6
"""By how much less than this a probability differs with the batch that a text is scored in."""

_SMALLEST_STEP = 1e-9
_SMALLEST_SHARE = 1e-12


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


def fit_platt(
    logits: Floats, truth: Floats, weight: Floats | None = None, *, prior: float = 0.0
) -> tuple[float, float]:
    """Return the scale and bias that maximise the likelihood of `truth` (0..1).

    Newton's method from the base rate, each step halved until the loss falls (Lin, Lin and Weng 2007): full steps
    run away where the logits are far too sure.

    A `prior` above 0 holds the result near scale 1 and bias 0, as strongly as so many further observations that come
    out as often as the logits say. Few rows that never overlap would have no finite answer without it.
    """
    weight = np.ones_like(logits) if weight is None else weight
    strength = prior / float(weight.sum())
    truth = (truth + strength * sigmoid(logits)) / (1.0 + strength)
    weight = weight * (1.0 + strength)
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


def fit_temperature(
    logits: Floats, truth: NDArray[np.int64] | NDArray[np.bool_], weight: Floats | None = None, *, prior: float = 0.0
) -> float:
    """Return the temperature, 0.25..8, that minimises the cross-entropy of class logits.

    `truth` is the class of each row, shape (n,), or which classes it may be, shape (n, classes). A `prior` above 0
    holds the temperature near 1, as strongly as so many further observations drawn from the logits as they are.
    """
    weight = np.ones(len(logits)) if weight is None else weight
    allowed = truth if truth.ndim == 2 else truth[:, None] == np.arange(logits.shape[1])
    expected = softmax(logits)
    strength = prior / float(weight.sum())

    def loss(temperature: float) -> float:
        shares = softmax(logits / temperature)
        rows = -np.log((shares * allowed).sum(axis=1) + _SMALLEST_SHARE)
        if strength:
            rows = rows - strength * (expected * np.log(shares + _SMALLEST_SHARE)).sum(axis=1)
        return float(np.average(rows, weights=weight))

    grid = np.exp(np.linspace(np.log(0.25), np.log(8.0), 141))
    return float(grid[int(np.argmin([loss(float(temperature)) for temperature in grid]))])


def log_loss(probabilities: Floats, truth: Floats) -> float:
    """Return the mean negative logarithm of the probability given to what happened; `truth` is 0..1."""
    p = np.clip(probabilities, _SMALLEST_SHARE, 1.0 - _SMALLEST_SHARE)
    return float(-(truth * np.log(p) + (1.0 - truth) * np.log1p(-p)).mean())


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


def measure_curve(
    clean_scores: Floats, budgets: Sequence[float] = BUDGETS, *, confidence: float | None = None
) -> ThresholdCurve:
    """Return the thresholds at which at most the given shares of clean messages score as high or higher.

    Without `confidence` these are the shares of the messages measured: of messages to come, about as often more as
    fewer score so high, and at the smallest measured rate half as many more on average. With it, the share of
    messages to come stays within the budget with that confidence (0.5..1; the upper bound of Clopper and Pearson
    1934): the thresholds are higher. It takes the measured messages for independent of one another.
    """
    scores = np.sort(np.asarray(clean_scores, dtype=np.float64))
    points = []
    for budget in budgets:
        allowed = _most_exceeding(len(scores), budget, confidence)
        if allowed is None:
            continue
        # Just above the first score that must not pass; where that one is 1, no threshold holds it back.
        first = float(scores[-allowed - 1])
        threshold = float(np.nextafter(first, 2.0))
        if confidence is not None:
            threshold = max(threshold, min(first + _JITTER, 1.0))
        if threshold <= 1.0:
            points.append((budget, threshold))
    if not points:
        raise ThresholdError(
            f"{len(scores)} clean messages are too few, or too many of them score 1, to measure a false-positive rate; "
            "calibrate on more clean messages"
        )
    rising = itertools.accumulate((threshold for _, threshold in points), max)
    return ThresholdCurve(tuple((rate, threshold) for (rate, _), threshold in zip(points, rising, strict=True)))


def _most_exceeding(rows: int, budget: float, confidence: float | None) -> int | None:
    """Return how many of the measured messages may exceed a threshold; None where they are too few to tell."""
    if confidence is None:
        allowed = int(budget * rows)
        return allowed if allowed >= _FEWEST_EXCEEDING else None
    if not _LEAST_CONFIDENCE <= confidence < 1.0:
        raise ThresholdError(
            f"a confidence of {confidence:g} makes no sense; give one from 0.5 to below 1, such as 0.95"
        )
    if budget >= 1.0:
        return rows - 1
    # P(at most k exceed) where each does so with the probability of the budget; as logarithms, which do not underflow.
    k = np.arange(1, min(int(budget * rows) + 1, rows) + 1)
    steps = np.log((rows - k + 1) / k) + np.log(budget) - np.log1p(-budget)
    chances = np.exp(np.concatenate([[0.0], np.cumsum(steps)]) + rows * np.log1p(-budget))
    allowed = int(np.searchsorted(np.cumsum(chances), 1.0 - confidence, side="right")) - 1
    return allowed if allowed >= 0 else None


def clean_messages_needed(budget: float, confidence: float | None = None) -> int:
    """Return how many clean messages `measure_curve` needs to measure a budget above 0 and below 1."""
    if confidence is None:
        needed = math.ceil(_FEWEST_EXCEEDING / budget)
    else:
        needed = math.ceil(math.log(1.0 - confidence) / math.log1p(-budget))
    while _most_exceeding(needed, budget, confidence) is None:  # rounding of the floats
        needed += 1
    return needed


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

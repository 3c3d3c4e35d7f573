"""A comparison on made-up lines of village chat."""

from collections.abc import Sequence

import numpy as np

from classifier.training.comparison.outcome import Comparison, LearningPoint, Outcome, TestRow

CLASSES = ("non_toxic", "rude", "spam")
WORDS = ("gg", "well", "played", "push", "mid", "sheep", "turnip", "goose")


def outcome(name, toxic, predicted, classes=CLASSES, **given):
    """Return an outcome; what the toxic share is split into follows the decision."""
    toxic, predicted = np.asarray(toxic, dtype=np.float64), np.asarray(predicted, dtype=np.int64)
    size = len(classes)
    shares = np.full((len(toxic), size - 1), 0.2 / max(size - 2, 1)) if size > 1 else np.ones((len(toxic), 0))
    for i, place in enumerate(predicted):
        if place > 0:
            shares[i, place - 1] = 0.8
    spread = np.column_stack([1 - toxic, toxic[:, None] * shares])
    costs = {"latency_ms": 2.5, "per_second": 900.0, "bytes": 23_400_000, "trained_seconds": 0.0}
    return Outcome(name, given.pop("stages", "hierarchical"), toxic, spread, predicted, **{**costs, **given})


def comparison(rows: Sequence[TestRow], outcomes: Sequence[Outcome], *, classes=CLASSES, learning=(), **given):
    words = {
        "title": "Village chat",
        "about": "Two models.",
        "command": "referee model compare",
        "machine": "2 cores",
        "notes": (),
    }
    return Comparison(
        classes=tuple(classes),
        rows=tuple(rows),
        outcomes=tuple(outcomes),
        learning=tuple(learning),
        **{**words, **given},
    )


def village(size=200, *, skills=(1.0, 2.0), seed=5, classes=CLASSES, learning=(), **given):
    """Return a comparison of settings that are right the more often the higher their skill."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(classes), size)
    rows = [
        TestRow(" ".join(random.choice(WORDS, 5)), int(place) if i % 10 else -1, bool(place), "village")
        for i, place in enumerate(truth)
    ]
    said = []
    for number, skill in enumerate(skills):
        toxic = 1 / (1 + np.exp(-skill * np.where(truth > 0, 1.0, -1.0) - random.normal(0, 1, size)))
        right = random.random(size) < 0.4 + 0.2 * skill
        kind = np.where(right & (truth > 0), truth, random.integers(1, len(classes), size))
        said.append(outcome(f"model {number}", toxic, np.where(toxic >= 0.5, kind, 0), classes))
    return comparison(rows, said, classes=classes, learning=learning, **given)


def learned(setting="model 0", counts=(25, 50, 100, 250, 500, 1840)):
    return tuple(
        LearningPoint(setting, count, 0.3 + i / 20, 0.5 + i / 20, 0.7 + i / 20) for i, count in enumerate(counts)
    )

"""What a model should reach, and whether it does."""

from collections.abc import Iterator
from typing import Any

Report = dict[str, Any]

LEAST_EVADED_RECALL = 0.9
"""Recall on disguised toxic lines, as a share of that on the plain ones."""

MOST_VIOLENT_FLAGGED = 0.02
"""Share of clean game talk that sounds violent which may be flagged, from the flag threshold on; less than this."""

MOST_POINTS_OF_INT8 = 0.5
"""Percentage points by which any figure of int8 may differ from fp32."""

_THRESHOLDS = ("half", "flag")


def targets(figures: Report) -> list[Report]:
    """Return each target that the figures speak of: `name`, `at`, `goal`, `value`, and whether it is `met`.

    `at` is the threshold: `half` or `flag`. A value that could not be measured is None and not met.
    """
    return [*_of_probes(figures), *_of_int8(figures)]


def _of_probes(figures: Report) -> Iterator[Report]:
    if "robustness" not in figures:
        return
    for at in _THRESHOLDS:
        numbers = figures["robustness"]["all"][at]
        ratio = numbers["ratio"]
        goal = f"at least {LEAST_EVADED_RECALL:.2f}"
        met = ratio is not None and ratio >= LEAST_EVADED_RECALL
        yield _target("recall on disguised toxic lines, over plain ones", at, goal, ratio, met)
        plain, disguised = (numbers[f"false_positives_{name}"] for name in ("plain", "disguised"))
        gap = None if plain is None or disguised is None else round(disguised - plain, 4)
        yield _target(
            "disguised near misses flagged, less plain ones", at, "at most 0", gap, gap is not None and gap <= 0
        )
    share = figures["violent_talk"]["all"]["flag"]
    goal = f"under {MOST_VIOLENT_FLAGGED:.2f}"
    yield _target("clean violent-sounding talk flagged", "flag", goal, share, share < MOST_VIOLENT_FLAGGED)


def _of_int8(figures: Report) -> Iterator[Report]:
    if "int8_beside_fp32" not in figures:
        return
    points = figures["int8_beside_fp32"]["largest_points"]
    goal = f"at most {MOST_POINTS_OF_INT8}"
    yield _target("largest difference of int8 and fp32, in points", "any", goal, points, points <= MOST_POINTS_OF_INT8)


def _target(name: str, at: str, goal: str, value: float | None, met: bool) -> Report:
    return {"name": name, "at": at, "goal": goal, "value": value, "met": met}

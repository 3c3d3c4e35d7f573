"""How fast a cost grows, and whether that is faster than what is done for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_TOLERANCE = 0.25
"""So much more than its work an exponent may be: sorting, the trees of a database and a busy machine take that."""


class Unit(StrEnum):
    """What a cost is counted in."""

    SECONDS = "seconds of processor time"
    MEGABYTES = "megabytes"


class Finding(StrEnum):
    """What is to be said of a growth, in plain words."""

    FLAT = "flat"
    AS_ITS_WORK = "as its work"
    FASTER = "FASTER THAN ITS WORK"
    UNKNOWN = "unknown: one size"


@dataclass(frozen=True, slots=True)
class Point:
    """Hold what something cost at one size."""

    size: int
    cost: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Hold what one operation cost at each size.

    `work` is the exponent with which what is done grows: 0 where the size is none of the operation's business, 1 where
    it does something for each.
    """

    section: str
    operation: str
    points: tuple[Point, ...]
    work: float
    unit: Unit = Unit.SECONDS

    @property
    def exponent(self) -> float | None:
        """Return the slope of log(cost) over log(size) in the upper half of the sizes, None where there is one size."""
        return slope(self.points[(len(self.points) - 1) // 2 :])

    @property
    def finding(self) -> Finding:
        """Return what is to be said of it."""
        exponent = self.exponent
        if exponent is None:
            return Finding.UNKNOWN
        if exponent > self.work + _TOLERANCE:
            return Finding.FASTER
        return Finding.FLAT if exponent <= _TOLERANCE else Finding.AS_ITS_WORK


class Ledger:
    """Gather what the operations of a section cost, in the order in which they were first measured."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._points: dict[str, list[Point]] = {}
        self._laws: dict[str, tuple[float, Unit]] = {}

    def add(self, operation: str, size: int, cost: float, *, work: float = 0.0, unit: Unit = Unit.SECONDS) -> None:
        """Note what an operation cost at a size; `work` is the exponent with which what is done grows."""
        self._points.setdefault(operation, []).append(Point(size, cost))
        self._laws[operation] = (work, unit)

    def growths(self) -> list[Growth]:
        """Return what there is so far."""
        return [Growth(self._section, name, tuple(found), *self._laws[name]) for name, found in self._points.items()]


def slope(points: Sequence[Point]) -> float | None:
    """Return the slope of the straight line through log(size) and log(cost), by least squares; None for one size."""
    if len({point.size for point in points}) < 2:
        return None
    sizes = [math.log(point.size) for point in points]
    # What costs nothing has no logarithm.
    costs = [math.log(max(point.cost, 1e-9)) for point in points]
    size, cost = sum(sizes) / len(sizes), sum(costs) / len(costs)
    above = sum((x - size) * (y - cost) for x, y in zip(sizes, costs, strict=True))
    return above / sum((x - size) ** 2 for x in sizes)

"""Figures that several measurements share: how times spread, and what a process takes."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Spread:
    """Hold how many milliseconds half, 95 and 99 in a hundred, and all of `count` things took at most."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    longest_ms: float


def spread(seconds: Iterable[float]) -> Spread | None:
    """Return how times spread; None where there are none."""
    found = sorted(seconds)
    if not found:
        return None

    def at(share: float) -> float:
        return round(found[min(len(found) - 1, int(len(found) * share))] * 1000, 3)

    return Spread(len(found), at(0.5), at(0.95), at(0.99), at(1.0))


@dataclass(frozen=True, slots=True)
class Taken:
    """Hold what a process takes at a moment: resident memory in megabytes, processor seconds since its start."""

    memory_mb: float
    processor_s: float


def taken(pid: int) -> Taken:
    """Return what a process and its children take now."""
    parent = psutil.Process(pid)
    memory = used = 0.0
    for each in (parent, *parent.children(recursive=True)):
        try:
            times = each.cpu_times()
            memory += each.memory_info().rss / _MB
            used += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return Taken(round(memory, 1), round(used, 3))

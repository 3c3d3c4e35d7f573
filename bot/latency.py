"""How long something took: the last few times exactly, and all of them counted by how long they were."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Where the counts are divided, in seconds: 100 ms is what a stall is, 5 s what a text may wait for its score."""


class Latency:
    """Remember the last durations, and count all of them, in seconds."""

    def __init__(self, most: int = 500) -> None:
        self._last: deque[float] = deque(maxlen=most)
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum = 0.0

    def note(self, seconds: float) -> None:
        """Add one duration; a clock that was set back counts as none."""
        seconds = max(0.0, seconds)
        self._last.append(seconds)
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sum += seconds

    @property
    def counts(self) -> Sequence[int]:
        """Return how many durations ended within each of `BOUNDS_S` but not within the one before; then the longer."""
        return tuple(self._counts)

    @property
    def sum(self) -> float:
        """Return how long all of them were together."""
        return self._sum

    def percentile(self, part: float) -> float | None:
        """Return the duration within which that part (0..1) of the last ones stayed, None where there are none."""
        if not self._last:
            return None
        ranked = sorted(self._last)
        return ranked[min(len(ranked) - 1, int(part * len(ranked)))]

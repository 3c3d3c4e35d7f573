"""How long messages took from their arrival to their decision, of the last few."""

from collections import deque


class Latency:
    """Remember the last durations, in seconds."""

    def __init__(self, most: int = 500) -> None:
        self._last: deque[float] = deque(maxlen=most)

    def note(self, seconds: float) -> None:
        """Add one duration."""
        self._last.append(seconds)

    def percentile(self, part: float) -> float | None:
        """Return the duration within which that part (0..1) of them stayed, None where there are none."""
        if not self._last:
            return None
        ranked = sorted(self._last)
        return ranked[min(len(ranked) - 1, int(part * len(ranked)))]

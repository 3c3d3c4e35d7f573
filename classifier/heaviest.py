"""Who is heaviest of many whose weights change all the time, without looking at them all."""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

_SPARE = 64
"""How many entries may be out of date at least, before all are made anew."""


class Heaviest:
    """Keep weights by name; what comes to weigh nothing is forgotten.

    An entry of the heap says what a name weighed once. Each name has one that says no less than it weighs now, so the
    first that is still right is the heaviest's; those that are not are mended or dropped when they come first.
    """

    def __init__(self) -> None:
        self._weights: dict[str, int] = {}
        self._entries: list[tuple[int, int, str]] = []
        self._numbers: Iterator[int] = count()

    def __len__(self) -> int:
        """Return how many names weigh something."""
        return len(self._weights)

    def change(self, name: str, by: int) -> None:
        """Add to the weight of a name, or take from it."""
        weight = self._weights.get(name, 0) + by
        if weight > 0:
            self._weights[name] = weight
        else:
            self._weights.pop(name, None)
        if by > 0:
            heappush(self._entries, self._entry(name))
        # One that is never asked for the heaviest would keep an entry of all that there ever was.
        if len(self._entries) > 2 * len(self._weights) + _SPARE:
            self._entries = [self._entry(each) for each in self._weights]
            heapify(self._entries)

    def first(self) -> str:
        """Return who is heaviest, of equals who came to weigh as much first; raise IndexError where nobody is left."""
        while True:
            negative, _, name = self._entries[0]
            weight = self._weights.get(name, 0)
            if weight == -negative:
                return name
            if 0 < weight < -negative:
                heapreplace(self._entries, self._entry(name))
            else:
                heappop(self._entries)

    def _entry(self, name: str) -> tuple[int, int, str]:
        return -self._weights[name], next(self._numbers), name

"""Room for clips: so many in work, and so many bytes of them in memory; what finds no place is not heard."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

_MOST = 50
_MOST_OF_ONE = 20
"""One author may attach ten clips to a message; the others' clips need a place too."""
_MOST_BYTES = 256 << 20

_Clip = TypeVar("_Clip")


class ClipRoom:
    """Let clips in, so many at most, and let them have memory in turn."""

    def __init__(self, most: int = _MOST, most_of_one: int = _MOST_OF_ONE, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._most_of_one, self._most_bytes = most, most_of_one, most_bytes
        self._in_work: Counter[str] = Counter()
        self._bytes = 0
        self._changed = asyncio.Condition()

    def admit(self, author: str, clips: Sequence[_Clip]) -> Sequence[_Clip]:
        """Return the first of the clips that there is room for; each of them has to pass `held` then."""
        free = min(self._most - self._in_work.total(), self._most_of_one - self._in_work[author])
        admitted = clips[: max(free, 0)]
        self._in_work[author] += len(admitted)
        return admitted

    @asynccontextmanager
    async def held(self, author: str, size: int) -> AsyncIterator[None]:
        """Wait until so many bytes have room in memory, and keep it meanwhile; afterwards the clip is out of work.

        A clip larger than the whole room gets it when nothing else is in it.
        """
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._bytes or self._bytes + size <= self._most_bytes)
                self._bytes += size
            try:
                yield
            finally:
                self._bytes -= size
                async with self._changed:
                    self._changed.notify_all()
        finally:
            self._in_work[author] -= 1
            # What is zero would stay for every author there ever was.
            self._in_work += Counter()

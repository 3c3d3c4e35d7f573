"""Room for clips: so many in work, and so many bytes of them in memory; what finds no place is not heard.

Servers share it: one alone gets half of the places, so that the next still finds room, and memory goes first to those
that have the least of it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

_MOST = 50
_LEAST_OF_A_SERVER = 4
"""A server gets so many places while there are any, however many others are there."""
_MOST_OF_ONE = 20
"""One author may attach ten clips to a message; the others' clips need a place too."""
_MOST_BYTES = 256 << 20

_Clip = TypeVar("_Clip")
_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """Hold how many bytes a server's clip waits for."""

    server: str
    size: int
    granted: asyncio.Future[None]


class ClipRoom:
    """Let clips in, so many at most, and let them have memory in turn."""

    def __init__(self, most: int = _MOST, most_of_one: int = _MOST_OF_ONE, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._most_of_one, self._most_bytes = most, most_of_one, most_bytes
        self._of_servers: Counter[str] = Counter()
        self._of_authors: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[str] = Counter()
        self._wishes: list[_Wish] = []

    def admit(self, server: str, author: str, clips: Sequence[_Clip]) -> Sequence[_Clip]:
        """Return the first of the clips that there is room for; each of them has to pass `held` then."""
        admitted = 0
        while admitted < len(clips) and self._has_place(server, author):
            admitted += 1
            self._of_servers[server] += 1
            self._of_authors[server, author] += 1
        return clips[:admitted]

    @asynccontextmanager
    async def held(self, server: str, author: str, size: int) -> AsyncIterator[None]:
        """Wait until so many bytes have room in memory, and keep it meanwhile; afterwards the clip is out of work.

        A clip larger than the whole room gets it when nothing else is in it; none overtakes it then.
        """
        try:
            await self._granted(_Wish(server, size, asyncio.get_running_loop().create_future()))
            try:
                yield
            finally:
                self._give_back(server, size)
        finally:
            _drop(self._of_servers, server, 1)
            _drop(self._of_authors, (server, author), 1)

    def _has_place(self, server: str, author: str) -> bool:
        free, own = self._most - self._of_servers.total(), self._of_servers[server]
        return free > 0 and own < max(free, _LEAST_OF_A_SERVER) and self._of_authors[server, author] < self._most_of_one

    async def _granted(self, wish: _Wish) -> None:
        self._wishes.append(wish)
        self._hand_out()
        try:
            await wish.granted
        except asyncio.CancelledError:
            if wish in self._wishes:
                self._wishes.remove(wish)
                self._hand_out()
            else:
                self._give_back(wish.server, wish.size)
            raise

    def _give_back(self, server: str, size: int) -> None:
        _drop(self._bytes, server, size)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._wishes:
            wish = min(self._wishes, key=lambda each: self._bytes[each.server])
            taken = self._bytes.total()
            if taken and taken + wish.size > self._most_bytes:
                return
            self._wishes.remove(wish)
            # Cancelled, it is given back by whoever waited for it.
            self._bytes[wish.server] += wish.size
            if not wish.granted.done():
                wish.granted.set_result(None)


def _drop(counted: Counter[_Name], name: _Name, number: int) -> None:
    counted[name] -= number
    # What is zero would stay for every server and author there ever was.
    if not counted[name]:
        del counted[name]

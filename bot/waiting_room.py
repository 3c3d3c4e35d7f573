"""Where messages wait to be judged: bounded, shared fairly, and what finds no room is told why it is not judged.

Servers take turns, and within a server its authors do, so that whoever floods waits for themselves alone and loses
first: the oldest of what waits of the author who has most waiting in the server that has most (see
`classifier.fair_queue`). What was judged and is still to be acted on counts as well: a server whose actions pile up,
behind a rate limit for instance, has no more of its messages judged until some are done.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from bot.domain import Excerpt
from classifier import NotScoredReason
from classifier.fair_queue import FairQueue, Waiting

_CHARACTERS = 200
"""A text as long as this counts as one, a longer one as several: it takes as much longer to score."""


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """Bound the room, in texts: how many may wait, and how many may be judged at once.

    `acting` is how many messages at once may be acted on. One server has no more of either than it leaves free, but at
    least `least`; one that has nothing there gets in even where it is full, while no more than `servers` are in. What
    waits longer than `deadline_s` seconds is late.
    """

    waiting: int = 2048
    deadline_s: float = 5.0
    judging: int = 256
    acting: int = 400
    least: int = 8
    servers: int = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """Hold since when somebody waits, for how much; the answer is None when they may go on, or why not."""

    since: float
    size: int
    answer: asyncio.Future[NotScoredReason | None]


class _Shares:
    """Count who has how much of something of which there is `most`, and say whether they may have more of it.

    One has no more of it than it leaves free, but at least `least`; one that has nothing gets some even where all of it
    is taken, while no more than `servers` have some.
    """

    def __init__(self, most: int, least: int, servers: int) -> None:
        self._most, self._least, self._servers = most, least, servers
        self._taken: dict[str, int] = {}
        self.total = 0

    def take(self, server: str, size: int) -> None:
        """Count some for a server."""
        self._taken[server] = self._taken.get(server, 0) + size
        self.total += size

    def give_back(self, server: str, size: int) -> None:
        """Count some less; what is zero would stay for every server there ever was."""
        self.total -= size
        if not (left := self._taken[server] - size):
            del self._taken[server]
        else:
            self._taken[server] = left

    def is_open(self, server: str) -> bool:
        """Tell whether a server may have more."""
        own = self._taken.get(server, 0)
        if own == 0 and len(self._taken) < self._servers:
            return True
        free = self._most - self.total
        return free > 0 and own < max(free, self._least)

    @property
    def is_closed_to_all(self) -> bool:
        """Tell whether no server at all may have more: then nobody has to be asked one by one."""
        return self.total >= self._most and len(self._taken) >= self._servers


class WaitingRoom:
    """Let messages through to be judged, so many at once, and have the others wait."""

    def __init__(self, limits: RoomLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or RoomLimits()
        self._clock = clock
        self._queue: FairQueue[_Wish] = FairQueue(self._limits.waiting)
        self._wishes: dict[Waiting[_Wish], None] = {}
        self._judging = _Shares(self._limits.judging, self._limits.least, self._limits.servers)
        self._acting = _Shares(self._limits.acting, self._limits.least, self._limits.servers)

    @property
    def waiting(self) -> int:
        """Return how many messages wait."""
        return len(self._queue)

    @property
    def judging(self) -> int:
        """Return how many texts' worth of messages are being judged."""
        return self._judging.total

    @property
    def acting(self) -> int:
        """Return how many messages are being acted on."""
        return self._acting.total

    @property
    def oldest_s(self) -> float:
        """Return how long the message has waited that has waited longest, 0 where none waits."""
        oldest = next(iter(self._wishes), None)
        return self._clock() - oldest.item.since if oldest is not None else 0.0

    @asynccontextmanager
    async def place(self, server: str, author: str, size: int = 1) -> AsyncIterator[NotScoredReason | None]:
        """Wait for a place among what is judged and keep it meanwhile; yield why there is none, or None.

        `size` is in texts (`size_of`).
        """
        size = max(1, min(size, self._limits.judging))
        refused = await self._asked(server, author, size)
        if refused is not None:
            yield refused
            return
        try:
            yield None
        finally:
            self._leave(self._judging, server, size)

    @contextmanager
    def acted_on(self, server: str) -> Iterator[None]:
        """Count a message as one that is acted on meanwhile; nobody waits for that, but the next do."""
        self._acting.take(server, 1)
        try:
            yield
        finally:
            self._leave(self._acting, server, 1)

    def is_behind(self, server: str) -> bool:
        """Tell whether so much of a server is being acted on that no more of it is to be begun."""
        return not self._acting.is_open(server)

    async def _asked(self, server: str, author: str, size: int) -> NotScoredReason | None:
        if self._may_be_judged(server):
            # Then nothing of this server waits: it would have been let in.
            self._judging.take(server, size)
            return None
        loop = asyncio.get_running_loop()
        wish = _Wish(self._clock(), size, loop.create_future())
        place = self._queue_up(wish, server, author)
        late = loop.call_later(self._limits.deadline_s, self._answer, place, NotScoredReason.LATE)
        try:
            return await wish.answer
        except asyncio.CancelledError:
            if not wish.answer.cancelled() and wish.answer.result() is None:
                self._leave(self._judging, server, size)
            raise
        finally:
            late.cancel()
            self._forget(place)

    def _queue_up(self, wish: _Wish, server: str, author: str) -> Waiting[_Wish]:
        place, shed = self._queue.push(wish, turn=server, lane=author, weight=wish.size)
        self._wishes[place] = None
        for lost in shed:
            self._answer(lost, NotScoredReason.OVERLOADED)
        return place

    def _let_in(self) -> None:
        while (place := self._next()) is not None:
            if self._answer(place, None):
                # Counted at once: whoever waited is only woken later.
                self._judging.take(place.turn, place.item.size)

    def _next(self) -> Waiting[_Wish] | None:
        # Servers that wait may be thousands; those that may not go on although others may are never many.
        if self._judging.is_closed_to_all or self._acting.is_closed_to_all:
            return None
        return self._queue.pop(self._may_be_judged)

    def _answer(self, place: Waiting[_Wish], answer: NotScoredReason | None) -> bool:
        """Tell somebody who waits; return whether they still did."""
        self._forget(place)
        if place.item.answer.done():
            return False
        place.item.answer.set_result(answer)
        return True

    def _forget(self, place: Waiting[_Wish]) -> None:
        self._queue.remove(place)
        self._wishes.pop(place, None)

    def _may_be_judged(self, server: str) -> bool:
        return self._judging.is_open(server) and self._acting.is_open(server)

    def _leave(self, shares: _Shares, server: str, size: int) -> None:
        shares.give_back(server, size)
        self._let_in()


def size_of(excerpt: Excerpt) -> int:
    """Return how many texts of usual length an excerpt counts as."""
    texts = (excerpt.text, *(part.text for part in excerpt.parts))
    return sum(1 + len(text) // _CHARACTERS for text in texts)

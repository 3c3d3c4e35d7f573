"""Who is heard next: servers take turns, and within a server its clips, slice by slice."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

_MOST_OPEN = 6
"""Clips that may be decoded and in work at once: each holds its sound in memory, 19 MB for ten minutes of a track."""
_MOST_OPEN_OF_ONE = 2
"""Of these, a server has no more: the long clips of one must not keep the others out until they end."""
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class SpeechLoad:
    """Hold how much there is to be heard: clips in line or in work, and how long the oldest has been, in seconds.

    `clips` were heard so far, `sound_s` is how long they were, `work_s` how long decoding and transcribing took.
    """

    waiting: int = 0
    oldest_s: float = 0.0
    clips: int = 0
    sound_s: float = 0.0
    work_s: float = 0.0


class FairPlaces:
    """Hand out so many places; of those who wait, whoever was served longest ago comes first.

    A name has levels, such as server and clip: the turn of the first level counts before that of the second, and no
    first level holds more than `most_of_one` places.
    """

    def __init__(self, places: int, most_of_one: int | None = None) -> None:
        self._free = places
        self._most_of_one = most_of_one or places
        self._held: Counter[str] = Counter()
        self._waiting: list[tuple[tuple[str, ...], asyncio.Future[None]]] = []
        self._served: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._turn = 0

    @asynccontextmanager
    async def place(self, *name: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((name, granted))
        self._hand_out()
        try:
            await granted
        except asyncio.CancelledError:
            self._withdraw(name, granted)
            raise
        try:
            yield
        finally:
            self._give_back(name)

    def _withdraw(self, name: tuple[str, ...], granted: "asyncio.Future[None]") -> None:
        if granted.done() and not granted.cancelled():
            self._give_back(name)
        elif (name, granted) in self._waiting:
            self._waiting.remove((name, granted))

    def _give_back(self, name: tuple[str, ...]) -> None:
        self._free += 1
        self._held[name[0]] -= 1
        if not self._held[name[0]]:
            del self._held[name[0]]
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (waiting := [each for each in self._waiting if self._may_have(each[0])]):
            name, granted = min(waiting, key=lambda each: self._last_served(each[0]))
            self._waiting.remove((name, granted))
            if not granted.done():
                self._free -= 1
                self._held[name[0]] += 1
                self._note(name)
                granted.set_result(None)

    def _may_have(self, name: tuple[str, ...]) -> bool:
        return self._held[name[0]] < self._most_of_one

    def _last_served(self, name: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self._served.get(name[:level], 0) for level in range(1, len(name) + 1))

    def _note(self, name: tuple[str, ...]) -> None:
        self._turn += 1
        for level in range(1, len(name) + 1):
            self._served[name[:level]] = self._turn
            self._served.move_to_end(name[:level])
        while len(self._served) > _MOST_REMEMBERED:
            self._served.popitem(last=False)


class Line:
    """Keep the clips that are to be heard: some are open at once; of these one is decoded and one listened to."""

    def __init__(self, most_open: int = _MOST_OPEN, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = FairPlaces(most_open, _MOST_OPEN_OF_ONE)
        self._decoding, self._turns = FairPlaces(1), FairPlaces(1)
        self._clock = clock
        self._since: dict[str, float] = {}
        self._number = 0
        self._heard, self._sound_s, self._work_s = 0, 0.0, 0.0

    @property
    def load(self) -> SpeechLoad:
        """Return how much there is to be heard, and how much was."""
        oldest = self._clock() - min(self._since.values()) if self._since else 0.0
        return SpeechLoad(len(self._since), oldest, self._heard, self._sound_s, self._work_s)

    @asynccontextmanager
    async def clip(self, community: str) -> AsyncIterator[str]:
        """Wait until a clip may be opened, and keep its place in the line; hand out its name."""
        self._number += 1
        name = str(self._number)
        self._since[name] = self._clock()
        try:
            async with self._open.place(community, name):
                yield name
        finally:
            del self._since[name]

    def decoding(self, community: str, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until a clip that is open may be decoded, and be decoded meanwhile; another may be listened to then."""
        return self._work(self._decoding, community, name)

    def turn(self, community: str, name: str) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of a clip that is open, and listen meanwhile."""
        return self._work(self._turns, community, name)

    @asynccontextmanager
    async def _work(self, places: FairPlaces, community: str, name: str) -> AsyncIterator[None]:
        async with places.place(community, name):
            began = self._clock()
            try:
                yield
            finally:
                self._work_s += self._clock() - began

    def note(self, sound_s: float) -> None:
        """Count a clip that was heard to its end."""
        self._heard += 1
        self._sound_s += sound_s

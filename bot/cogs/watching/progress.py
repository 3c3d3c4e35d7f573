"""How far each channel has been read, so that a restart goes on from there."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

_Place = tuple[str, str]


@dataclass(slots=True)
class Handling:
    """Tell of a message that is being handled whether the channel's mark may pass it when that ends."""

    is_done: bool = True


class Progress:
    """Know up to which message every channel of every server has been handled.

    A channel's mark stays below each message that is still being handled. Between `hold` and `release` no marks are
    handed out: what was missed meanwhile is not known yet; a single server may be held as well.
    """

    def __init__(self) -> None:
        self._open: defaultdict[_Place, Counter[int]] = defaultdict(Counter)
        """How many are at each message: one that arrives while it is read from the past is taken in twice at once."""
        self._undone: defaultdict[_Place, set[int]] = defaultdict(set)
        self._newest: dict[_Place, int] = {}
        self._is_held = True
        self._held: set[str] = set()

    def hold(self) -> None:
        """Hand out no marks until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Hand out marks again, those of single servers that are held left out."""
        self._is_held = False

    def hold_one(self, community: str) -> None:
        """Hand out no marks of a server until `release_one`."""
        self._held.add(community)

    def release_one(self, community: str) -> None:
        """Hand out marks of a server again."""
        self._held.discard(community)

    @contextmanager
    def handling(self, community: str, channel: str, message: int) -> Iterator[Handling]:
        """Keep the channel's mark below a message; one whose handling is cancelled keeps it there until the end.

        So does one that is told, in what is yielded, not to be done.
        """
        self.begin(community, channel, message)
        handling = Handling()
        try:
            yield handling
        except asyncio.CancelledError:
            # The process stops: the next one reads this message again.
            raise
        except BaseException:
            self.end(community, channel, message)
            raise
        if handling.is_done:
            self.end(community, channel, message)
        else:
            self._undone[community, channel].add(message)
            self._let_go((community, channel), message)

    def begin(self, community: str, channel: str, message: int) -> None:
        """Keep the channel's mark below a message, or below everything from there on that is still to be read."""
        self._open[community, channel][message] += 1

    def end(self, community: str, channel: str, message: int) -> None:
        """Let the channel's mark pass a message once nobody else is at it."""
        place = (community, channel)
        self._newest[place] = max(message, self._newest.get(place, 0))
        self._undone[place].discard(message)
        self._let_go(place, message)

    def marks(self) -> Mapping[str, Mapping[str, str]]:
        """Return the marks of the channels in which something was handled, by server and channel."""
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for place, newest in {} if self._is_held else self._newest.items():
            if place[0] in self._held:
                continue
            below = self._lowest(place)
            found[place[0]][place[1]] = str(newest if below is None else below - 1)
        return found

    def written(self, community: str, marks: Mapping[str, str]) -> None:
        """Drop the marks of a server that have been written down, those that can still move left out."""
        for channel, mark in marks.items():
            place = (community, channel)
            if self._lowest(place) is None and str(self._newest.get(place)) == mark:
                del self._newest[place]

    def forget(self, community: str, channel: str) -> None:
        """Drop the mark of a channel that is gone."""
        self._newest.pop((community, channel), None)

    def _let_go(self, place: _Place, message: int) -> None:
        still_open = self._open[place]
        still_open[message] -= 1
        if still_open[message] <= 0:
            del still_open[message]
        if not still_open:
            del self._open[place]
        if not self._undone[place]:
            del self._undone[place]

    def _lowest(self, place: _Place) -> int | None:
        """Return the oldest message that the mark may not pass, None where it may pass everything."""
        return min((*self._open.get(place, ()), *self._undone.get(place, ())), default=None)

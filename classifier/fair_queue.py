"""A bounded queue that several parties share: whoever puts most into it loses first, and everybody is served in turn.

What waits belongs to a *turn* (a server, say) and within it to a *lane* (an author). Turns are served one after the
other, so are the lanes of a turn, and in a lane what came first goes first. Where the queue is full, the heaviest lane
of the heaviest turn loses what has waited in it longest: what was said last can still be acted on.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from classifier.heaviest import Heaviest

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Waiting(Generic[T]):
    """Hold one item of a queue, whose it is, and how much room it takes."""

    item: T
    turn: str
    lane: str
    weight: int


@dataclass(slots=True)
class _Turn(Generic[T]):
    lanes: OrderedDict[str, OrderedDict[Waiting[T], None]] = field(default_factory=OrderedDict)
    heaviest: Heaviest = field(default_factory=Heaviest)


def _anybody(_turn: str) -> bool:
    return True


class FairQueue(Generic[T]):
    """Keep what waits, up to a weight of `most` in all; raise ValueError where that is below one."""

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"a queue that may hold {most} holds nothing; at least 1 is needed")
        self._most = most
        self._weight = 0
        self._length = 0
        self._turns: OrderedDict[str, _Turn[T]] = OrderedDict()
        self._heaviest = Heaviest()

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._length

    @property
    def weight(self) -> int:
        """Return how much room is taken."""
        return self._weight

    def push(self, item: T, *, turn: str = "", lane: str = "", weight: int = 1) -> tuple[Waiting[T], list[Waiting[T]]]:
        """Add an item; return its place, and what had to go for it, which may be itself.

        What is heavier than the whole queue counts as just as heavy: it fits where nothing else waits.
        """
        waiting = Waiting(item, turn, lane, max(1, min(weight, self._most)))
        self._add(waiting)
        shed: list[Waiting[T]] = []
        while self._weight > self._most:
            shed.append(self._first_to_lose())
            self.remove(shed[-1])
        return waiting, shed

    def pop(self, may: Callable[[str], bool] = _anybody) -> Waiting[T] | None:
        """Take out what is next among the turns that may be served now, None where there is nothing."""
        name = next((name for name in self._turns if may(name)), None)
        if name is None:
            return None
        turn = self._turns[name]
        lane = next(iter(turn.lanes))
        found = next(iter(turn.lanes[lane]))
        self._turns.move_to_end(name)
        turn.lanes.move_to_end(lane)
        self.remove(found)
        return found

    def remove(self, waiting: Waiting[T]) -> bool:
        """Take out an item wherever it stands; tell whether it was still there."""
        turn = self._turns.get(waiting.turn)
        lane = turn.lanes.get(waiting.lane) if turn else None
        if turn is None or lane is None or waiting not in lane:
            return False
        del lane[waiting]
        self._count(turn, waiting, -waiting.weight)
        self._length -= 1
        # What is empty would stay for everybody there ever was.
        if not lane:
            del turn.lanes[waiting.lane]
        if not turn.lanes:
            del self._turns[waiting.turn]
        return True

    def _add(self, waiting: Waiting[T]) -> None:
        turn = self._turns.get(waiting.turn) or self._turns.setdefault(waiting.turn, _Turn())
        turn.lanes.setdefault(waiting.lane, OrderedDict())[waiting] = None
        self._count(turn, waiting, waiting.weight)
        self._length += 1

    def _count(self, turn: _Turn[T], waiting: Waiting[T], change: int) -> None:
        turn.heaviest.change(waiting.lane, change)
        self._heaviest.change(waiting.turn, change)
        self._weight += change

    def _first_to_lose(self) -> Waiting[T]:
        turn = self._turns[self._heaviest.first()]
        return next(iter(turn.lanes[turn.heaviest.first()]))

"""What members cost: authors that were seen, and what is remembered of each of them."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from benchmarks.growth.costs import cost_of, cost_of_asking, counted_memory
from benchmarks.growth.laws import Growth, Ledger, Unit
from benchmarks.growth.rig import CLEAN, Rig, open_rig
from benchmarks.growth.servers import cost_of_messages
from bot.context import Context
from bot.domain import Excerpt, Platform, SourceKey
from bot.waiting_room import RoomLimits, WaitingRoom
from classifier import Classifier
from classifier.fair_queue import FairQueue

SECTION = "members"
NOTE = (
    "members: authors of one server; up to {most:,} of them say something to the real bot, what is beyond that to its "
    "parts alone. A queue has room for one message of each author, so that the next one has to push out somebody's."
)
_THROUGH_THE_BOT = 10_000
_AT_ONCE = 64
_NEVER_S = 3600.0
_WINDOW = timedelta(seconds=8)
_NOW = datetime(2026, 5, 1, tzinfo=UTC)


def note() -> str:
    """Return what must be known to read the figures."""
    return NOTE.format(most=_THROUGH_THE_BOT)


async def measure(
    classifier: Classifier, sizes: Sequence[int], folder: Path, say: Callable[[str], None]
) -> AsyncGenerator[list[Growth], None]:
    """Yield what was measured so far, after each size."""
    found = Ledger(SECTION)
    async with open_rig(classifier, folder / "members", 1) as rig:
        await rig.connect(0.01)
        await rig.arrive()
        for size in sorted(sizes):
            say(f"{size:,} members")
            if size <= _THROUGH_THE_BOT:
                await _talk(rig, size)
                cost = await cost_of_messages(rig, CLEAN, _AT_ONCE)
                found.add("a message of somebody new, its score known", size, cost)
            _remembered(size, found)
            found.add("a message into a full queue", size, _pushed(size))
            found.add("a message through a waiting room, others wait", size, await _through(size))
            yield found.growths()


async def _talk(rig: Rig, authors: int) -> None:
    """Have people say something until so many have."""
    tally = rig.bot.services.pipeline.tally
    while (seen := tally.seen) < authors:
        new = min(_AT_ONCE, authors - seen)
        for _ in range(new):
            rig.say(rig.places[0], CLEAN)
        await rig.judged(seen + new)


def _remembered(authors: int, found: Ledger) -> None:
    context, numbers = Context(), count()
    with counted_memory() as held:
        for _ in range(authors):
            context.readings(_line(next(numbers)), _WINDOW)
        gc.collect()
        found.add("what authors said last, in memory", authors, held(), work=1, unit=Unit.MEGABYTES)
    last = next(numbers) - 1

    def join() -> object:
        return context.readings(_line(next(numbers), str(last)), _WINDOW)

    found.add("a line joined to what its author said before", authors, cost_of(join))
    erased = cost_of(lambda: context.forget("1", "nobody"))
    found.add("a member erased: all that is remembered is looked through", authors, erased, work=1)


def _line(number: int, author: str | None = None) -> Excerpt:
    key = SourceKey(Platform.DISCORD, "1", "2", f"m{number}")
    return Excerpt(key, author or str(number), _NOW, "well played")


def _pushed(authors: int) -> float:
    queue = FairQueue[int](authors)
    for number in range(authors):
        queue.push(number, turn="a server", lane=str(number))
    numbers = count(authors)

    def push() -> object:
        number = next(numbers)
        return queue.push(number, turn="a server", lane=str(number))

    return cost_of(push)


async def _through(authors: int) -> float:
    """Return what it costs to come and go where a message of every author waits."""
    room = WaitingRoom(RoomLimits(waiting=authors + 1, deadline_s=_NEVER_S, judging=1))
    enough = asyncio.Event()

    async def talk(author: str) -> None:
        async with room.place("a server", author):
            await enough.wait()

    talking = [asyncio.create_task(talk(str(number))) for number in range(authors + 1)]
    await asyncio.sleep(0)

    async def come_and_go() -> None:
        async with room.place("another server", "somebody"):
            pass

    try:
        return await cost_of_asking(come_and_go)
    finally:
        enough.set()
        await asyncio.gather(*talking)

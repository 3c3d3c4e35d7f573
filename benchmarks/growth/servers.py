"""What servers cost: their arrival, a message, the work of every second and of now and then, what is held of them."""

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.growth.costs import cost_of_asking, counted_memory
from benchmarks.growth.laws import Growth, Ledger, Unit
from benchmarks.growth.rig import CLEAN, RUDE, Rig, open_rig
from bot.app.observation import Observer
from bot.app.pulse import LoopPulse
from bot.cogs.watching.progress import Progress
from bot.communities import Communities
from bot.domain import Platform
from bot.waiting_room import RoomLimits, WaitingRoom
from classifier import Classifier

SECTION = "servers"
NOTE = (
    "servers: the real bot on a real database, in this process; the gateway's events are handed to its client without "
    "a wire, so that reading them from the wire and whatever Discord is asked for is not counted."
)
_AT_ONCE, _FLAGGED_AT_ONCE = 64, 8
_ROUNDS = 5
_READY_AFTER_S = 0.01
_NEVER_S = 3600.0


async def measure(
    classifier: Classifier, sizes: Sequence[int], folder: Path, say: Callable[[str], None]
) -> AsyncGenerator[list[Growth], None]:
    """Yield what was measured so far, after each size."""
    found = Ledger(SECTION)
    for size in sizes:
        say(f"{size:,} servers")
        held = await _memory(classifier, size, folder)
        async with open_rig(classifier, folder / f"servers-{size}", size) as rig:
            await rig.connect(_READY_AFTER_S)
            found.add("start: servers arrive and are caught up with", size, await _arrival(rig), work=1)
            await _messages(rig, size, found)
            await _now_and_then(rig, size, found)
            policies = await _policies(rig)
        found.add("a place is free, every server waits for it", size, await _waiting(size))
        found.add("servers in memory, as the client holds them", size, held, work=1, unit=Unit.MEGABYTES)
        found.add("policies in memory, four kinds of them", size, policies, work=1, unit=Unit.MEGABYTES)
        yield found.growths()


async def _arrival(rig: Rig) -> float:
    gc.collect()
    began = time.process_time()
    await rig.arrive()
    return time.process_time() - began


async def _memory(classifier: Classifier, size: int, folder: Path) -> float:
    async with open_rig(classifier, folder / f"memory-{size}", size) as rig:
        # Nothing but the client's own memory of servers: what follows their arrival waits for the last of them.
        await rig.connect(_NEVER_S)
        with counted_memory() as held:
            rig.tell_of_servers()
            return held()


async def _messages(rig: Rig, size: int, found: Ledger) -> None:
    found.add("a message, its score known", size, await cost_of_messages(rig, CLEAN, _AT_ONCE))
    flagged = await cost_of_messages(rig, RUDE, _FLAGGED_AT_ONCE)
    found.add("a flagged message: kept, explained, its card made", size, flagged)


async def cost_of_messages(rig: Rig, text: str, at_once: int) -> float:
    """Return the processor seconds that a message of a stranger takes where so many come at once in all servers."""
    taken = []
    for number in range(_ROUNDS + 1):
        gc.collect()
        seen = rig.bot.services.pipeline.tally.seen
        began = time.process_time()
        for place in range(at_once):
            rig.say(rig.places[(number * at_once + place) % len(rig.places)], text)
        await rig.judged(seen + at_once)
        taken.append((time.process_time() - began) / at_once)
    # The first round has to be scored, and makes what every round after it finds.
    return statistics.median(taken[1:])


async def _now_and_then(rig: Rig, size: int, found: Ledger) -> None:
    one, every = rig.places[:1], rig.places
    for name, places, work in (("one server talks", one, 0), ("every server talks", every, 1)):
        ask = _marks(rig.watch.progress, rig.watch.note, [(place.guild, place.channel) for place in places])
        found.add(f"every second: marks, {name}", size, await cost_of_asking(ask), work=work)
    observer = Observer(rig.bot, LoopPulse())
    found.add("every minute: cards that are still to be shown", size, await cost_of_asking(rig.bot.cards.restore))
    found.add("every hour: who was left", size, await cost_of_asking(lambda: _left(rig)), work=1)
    found.add("a look at /metrics", size, await cost_of_asking(observer.look), work=1)


async def _left(rig: Rig) -> object:
    known = rig.bot.services.communities.known() | await rig.stores.communities.traces(Platform.DISCORD)
    return known - {str(guild.id) for guild in rig.bot.guilds}


def _marks(
    progress: Progress, note: Callable[[], Awaitable[object]], places: Sequence[tuple[str, str]]
) -> Callable[[], Awaitable[object]]:
    """Return what handles a message in each place and writes the marks down."""
    number = 10**18

    async def ask() -> None:
        nonlocal number
        number += 1
        for community, channel in places:
            progress.begin(community, channel, number)
            progress.end(community, channel, number)
        await note()

    return ask


async def _policies(rig: Rig) -> float:
    services = rig.bot.services
    fresh = Communities(rig.stores.communities, services.communities.basis)
    await fresh.load()
    with counted_memory() as held:
        for place in rig.places:
            fresh.of(place.guild)
        return held()


async def _waiting(servers: int) -> float:
    """Return what it costs to give a place to the next, where a message of every server waits for one."""
    limits = RoomLimits(waiting=servers + 1, deadline_s=_NEVER_S, judging=1)
    room = WaitingRoom(limits)

    async def come_and_go() -> None:
        with room.acted_on("one that acts"):
            pass

    async with _crowded(room, limits, servers):
        return await cost_of_asking(come_and_go)


@asynccontextmanager
async def _crowded(room: WaitingRoom, limits: RoomLimits, servers: int) -> AsyncIterator[None]:
    """Have as many servers judged as may be, and another message of every server wait."""
    enough = asyncio.Event()

    async def talk(server: str) -> None:
        async with room.place(server, "somebody"):
            await enough.wait()

    talking = [asyncio.create_task(talk(f"busy {n}")) for n in range(limits.servers)]
    await asyncio.sleep(0)
    talking += [asyncio.create_task(talk(f"server {n}")) for n in range(servers)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        enough.set()
        await asyncio.gather(*talking)

"""From the start of the process to the first verdict, and what a bot takes where nothing is said."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.end_to_end.measurement import Plan
from benchmarks.end_to_end.running import START_S, running
from benchmarks.end_to_end.talk import rude_lines
from benchmarks.end_to_end.town import Place, Town
from benchmarks.figures import taken
from tests.loopback.process import RefereeProcess

_HEARD_S = 120.0
_SETTLING_S = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """Hold the seconds from the start of the process until it was connected, ready, and had acted on a message.

    The message is said once the bot has its servers; with a new database it has no rules yet, and nothing is said.
    """

    new_database: bool
    online_s: float
    ready_s: float
    acted_s: float | None


@dataclass(frozen=True, slots=True)
class Idle:
    """Hold what a bot takes where nothing is said: processor in percent of one core, memory in megabytes."""

    seconds: float
    percent: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Voice:
    """Hold the memory of a bot that listens, before its first clip and after it; and the seconds until it acted."""

    before_mb: float
    after_mb: float
    acted_s: float


async def first_start(plan: Plan, town: Town, folder: Path) -> Start:
    """Start the bot in an empty folder, set it up as its admins do, and end it again."""
    began = time.monotonic()
    async with running(town.world, folder, plan.environment()) as referee:
        online = time.monotonic() - began
        ready = await _ready_at(referee) - began
        await town.set_up()
        await referee.stop()
    return Start(True, round(online, 3), round(ready, 3), None)


async def start(plan: Plan, town: Town, folder: Path) -> Start:
    """Start the bot in a folder where it was set up, have it act on a message, and end it again."""
    began = time.monotonic()
    async with running(town.world, folder, plan.environment()) as referee:
        online = time.monotonic() - began
        said_ready = asyncio.create_task(_ready_at(referee))
        acted = await _first_acted(town, began)
        ready = await said_ready - began
        await referee.stop()
    return Start(False, round(online, 3), round(ready, 3), round(acted, 3))


async def idle(plan: Plan, town: Town, folder: Path, seconds: float) -> Idle:
    """Start the bot, say nothing, and return what it takes."""
    async with running(town.world, folder, plan.environment()) as referee:
        await referee.printed("ready as", START_S)
        await _first_acted(town, 0.0)
        # What a start leaves to be done is no part of being idle.
        await asyncio.sleep(_SETTLING_S)
        before, began = taken(referee.pid), time.monotonic()
        await asyncio.sleep(seconds)
        after, lasted = taken(referee.pid), time.monotonic() - began
        await referee.stop()
    percent = 100 * (after.processor_s - before.processor_s) / lasted
    return Idle(round(lasted, 1), round(percent, 2), after.memory_mb)


async def voice(plan: Plan, town: Town, folder: Path, clip: bytes) -> Voice:
    """Start the bot, have it hear a rude clip, and return what that takes."""
    async with running(town.world, folder, plan.environment(REFEREE_SPEECH="true")) as referee:
        await referee.printed("ready as", START_S)
        await _first_acted(town, 0.0)
        before = taken(referee.pid).memory_mb
        place = _deleting(town)
        who, channel = town.newcomer(place)["user"], place.guild.channels[place.channels[0]]
        began = time.monotonic()
        said = await town.world.voice_message(who, clip, channel=channel)
        call = await town.world.call("DELETE", rf"/channels/\d+/messages/{said['id']}", within=_HEARD_S)
        await asyncio.sleep(_SETTLING_S)
        after = taken(referee.pid).memory_mb
        await referee.stop()
    return Voice(before, after, round(call.at - began, 2))


async def _ready_at(referee: RefereeProcess) -> float:
    """Return when the bot says that it is ready."""
    await referee.printed("ready as", START_S)
    return time.monotonic()


async def _first_acted(town: Town, began: float) -> float:
    """Say something rude and return how long after a moment the request for its deletion came."""
    place = _deleting(town)
    who, channel = town.newcomer(place)["user"], place.guild.channels[place.channels[0]]
    said = await town.world.say(who, next(rude_lines(int(town.world.ids.next()))), channel=channel)
    call = await town.world.call("DELETE", rf"/channels/\d+/messages/{said['id']}", within=START_S)
    return call.at - began


def _deleting(town: Town) -> Place:
    return next(place for place in town.places if not place.times_out)

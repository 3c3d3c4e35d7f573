"""A run: the bot is started, set up, and talked to under each load."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.arrivals import Arrival
from benchmarks.end_to_end.answers import Acted, acted
from benchmarks.end_to_end.inside import Inside, Loop, State, counted_between, loop_between, samples_between
from benchmarks.end_to_end.running import START_S, running
from benchmarks.end_to_end.saying import Speaker
from benchmarks.end_to_end.stages import stages_between
from benchmarks.end_to_end.talk import Load, Talk
from benchmarks.end_to_end.town import Town
from benchmarks.figures import taken
from tests.loopback.world import World

_DRAIN_S = 30.0
"""What was not acted on so long after the last was said counts as not acted on."""

_SETTLED_S = 300.0
_LOOK_AGAIN_S = 0.25
_WARM_UP = Load(Arrival.POISSON, 20.0, 2.0, 0.3)
_BRAKE = "10000"
"""Automatic actions a minute: so many are wanted here that the brake would stop them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is to be measured."""

    loads: Sequence[Load]
    threads: int | None = None
    servers: int = 8
    channels: int = 20
    sample: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str | None]:
        """Return the settings of the bot's process."""
        threads = {} if self.threads is None else {"REFEREE_THREADS": str(self.threads)}
        usual = {"REFEREE_SPEECH": "false", "REFEREE_ACTIONS_PER_MINUTE": _BRAKE}
        return {**usual, **threads, **self.settings, **more}


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold the figures of one load; processor use is in percent of one core, `lasted_s` until all was done.

    `offered` is what was really said a second: less than asked for where the server could not send as fast.
    """

    load: Load
    said: int
    rude: int
    offered: float
    lasted_s: float
    acted: Acted
    scored: int
    incidents: int
    not_scored: Mapping[str, int]
    bot_percent: float
    server_percent: float
    elsewhere_percent: float
    memory_mb: float
    writing: int
    statements: int
    kinds: Mapping[str, int]
    requests: int
    loop: Loop
    threads_percent: Mapping[str, float]
    stages: Mapping[str, Mapping[str, float]]
    samples: Mapping[str, Mapping[str, float]]
    where: Sequence[str]


@asynccontextmanager
async def town_open(plan: Plan) -> AsyncIterator[Town]:
    """Serve a Discord with a town in it that the bot is invited to."""
    async with World(guild=None) as world:
        yield Town.founded(world, plan.servers, plan.channels)


async def measure(plan: Plan, town: Town, folder: Path, lines: Sequence[str], note: Callable[[Measured], None]) -> None:
    """Start the bot and measure each load; `note` is told of each, so that an end in between loses none."""
    path = folder / "probe.json"
    arguments = ("-m", "benchmarks.end_to_end.probe", str(path), *(["sample"] if plan.sample else []))
    async with running(town.world, folder, plan.environment(), arguments) as referee:
        await referee.printed("ready as", START_S)
        run = _Run(town, Talk(town, lines), Inside(referee.pid, path), referee.pid)
        await run.measured(_WARM_UP)
        for load in plan.loads:
            note(await run.measured(load))
        await referee.stop()


class _Run:
    def __init__(self, town: Town, talk: Talk, inside: Inside, pid: int) -> None:
        self._town, self._talk, self._inside, self._pid = town, talk, inside, pid

    async def measured(self, load: Load) -> Measured:
        """Put the bot under a load and return the figures of it."""
        world = self._town.world
        # What is left of the load before would be counted for this one.
        await self._all_done(0, _SETTLED_S)
        speaker = Speaker(world, self._talk.of(load))
        since = len(world.calls)
        gc.collect()
        gc.freeze()
        before, used, own = await self._inside.state(), taken(self._pid).processor_s, time.process_time()
        everything = busy_s()
        began = time.monotonic()
        said = await speaker.say_all()
        spoken = time.monotonic() - began
        await self._all_done(before["seen"] + len(said), _DRAIN_S)
        after = await self._inside.state()
        lasted = time.monotonic() - began
        used, own = taken(self._pid).processor_s - used, time.process_time() - own
        elsewhere = max(0.0, busy_s() - everything - used - own)
        calls = world.calls[since:]
        return Measured(
            load=load,
            said=len(said),
            rude=sum(each.line.toxic for each in said),
            offered=round(len(said) / max(spoken, load.seconds), 1),
            lasted_s=round(lasted, 2),
            acted=acted(said, calls),
            bot_percent=round(100 * used / lasted, 1),
            server_percent=round(100 * own / lasted, 1),
            elsewhere_percent=round(100 * elsewhere / lasted, 1),
            memory_mb=taken(self._pid).memory_mb,
            requests=len(calls),
            **_counted(before, after, lasted),
        )

    async def _all_done(self, seen: int, within: float) -> None:
        """Wait until the bot has counted everything that was said and nothing is left to do, but not for ever."""
        asked = time.monotonic()
        while True:
            state = await self._inside.progress()
            if (state["seen"] >= seen and not state["left"]) or time.monotonic() - asked > within:
                return
            await asyncio.sleep(_LOOK_AGAIN_S)


def busy_s() -> float:
    """Return how many seconds all processors of this machine have worked since it was switched on."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _counted(before: State, after: State, lasted: float) -> dict[str, Any]:
    """Return what the probe's two answers say."""
    threads = counted_between(before["threads"], after["threads"])
    return {
        "scored": after["scored"] - before["scored"],
        "incidents": after["incidents"] - before["incidents"],
        "not_scored": counted_between(before["not_scored"], after["not_scored"]),
        "writing": after["writing"] - before["writing"],
        "statements": after["statements"] - before["statements"],
        "kinds": counted_between(before["kinds"], after["kinds"]),
        "loop": loop_between(before, after),
        "threads_percent": {name: round(100 * used / lasted, 1) for name, used in threads.items()},
        "stages": stages_between(before["at"], after["stages"]),
        "samples": samples_between(before, after),
        "where": [where for at, where in after["where"] if at >= before["at"]],
    }

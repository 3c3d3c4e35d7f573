"""A run: what can be scored in a second, then so many times that for a while, then how soon all is well again."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.overload.crowd import Crowd, Mix
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

QUIET, FLOOD = "quiet", "flood"
_BUSY = ("busy 1", "busy 2", "busy 3")
_FLOODERS = 5
_START_S = 60.0
_SAMPLED_EVERY_S = 0.1
_PATIENCE_S = 60.0
_TOO_MANY = 400.0
"""Lines a second that are surely more than can be scored, to find out how many that is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is to be run: `factor` times the capacity for `seconds`; see `probe` for `slow_ms`.

    The capacity is found out in `warm_up_s` seconds.
    """

    seconds: float = 30.0
    factor: float = 10.0
    threads: int = 1
    slow_ms: float = 0.0
    heartbeat_ms: int = 1000
    warm_up_s: float = 4.0
    mix: Mix = field(default_factory=Mix)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """Hold what became of one server's messages in the whole run; `latency_ms` holds p50, p95 and p99 of the flood."""

    said: int
    seen: int
    scored: int
    exempt: int
    unchecked: int
    not_scored: Mapping[str, int]
    latency_ms: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold the figures of a run; times in seconds, memory in megabytes.

    `longest_stall_s` is by how much the event loop was late, for whatever reason; `longest_work_s` what it worked
    itself between two turns, which is the same on a busy machine.
    """

    capacity: float
    offered: float
    servers: Mapping[str, Server]
    memory_before: float
    memory_peak: float
    memory_after: float
    most_tasks: int
    most_waiting: int
    longest_stall_s: float
    stalls_over_100ms: int
    longest_work_s: float
    longest_collection_s: float
    beat_late_s: float
    reconnected: int
    recovery_s: float
    where: tuple[str, ...] = ()


class _Watching:
    """Look at the bot from outside while it runs: memory, and what the probe has written."""

    def __init__(self, pid: int, path: Path) -> None:
        self._pid, self._path = pid, path
        self.memory = 0.0
        self.most_tasks = self.most_waiting = 0
        self._task = asyncio.create_task(self._sample())

    def state(self) -> dict[str, Any]:
        """Return what the probe wrote last."""
        found: dict[str, Any] = json.loads(self._path.read_text())
        return found

    def rss(self) -> float:
        """Return the memory that the process holds now, in megabytes."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """End it."""
        self._task.cancel()

    async def _sample(self) -> None:
        while True:
            self.memory = max(self.memory, self.rss())
            state = self.state()
            self.most_tasks = max(self.most_tasks, state["tasks"])
            self.most_waiting = max(self.most_waiting, state["waiting"])
            await asyncio.sleep(_SAMPLED_EVERY_S)


async def measure(plan: Plan) -> Measured:
    """Make a run in a folder of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "probe.json"
        settings = {"REFEREE_THREADS": str(plan.threads), "REFEREE_SPEECH": "false", **plan.settings}
        arguments = ("-m", "benchmarks.overload.probe", str(path), str(plan.slow_ms))
        async with World() as world:
            world.gateway.heartbeat_ms = plan.heartbeat_ms
            process = RefereeProcess(world, Path(folder), arguments=arguments, settings=dict(settings))
            async with process as referee:
                await world.online(_START_S)
                await referee.printed("ready as", _START_S)
                run = await _Run.prepared(plan, world, referee.pid, path)
                measured = await run.measured()
                await referee.stop()
                return measured


class _Run:
    def __init__(self, plan: Plan, world: World, watching: _Watching, servers: Mapping[str, str]) -> None:
        self._plan, self._world, self._watching = plan, world, watching
        self._servers = servers
        self._crowd = Crowd(world, plan.mix)

    @classmethod
    async def prepared(cls, plan: Plan, world: World, pid: int, path: Path) -> "_Run":
        """Invite the bot to servers with people in them."""
        servers: dict[str, str] = {}
        run = cls(plan, world, await _watching(pid, path), servers)
        for name in (QUIET, FLOOD, *_BUSY):
            guild = await world.add_guild(name)
            names = [f"{name} {n}" for n in range(_FLOODERS)]
            for person in names:
                await world.join_member(person, guild)
            servers[name] = guild.id
            run._crowd.settle(guild, names)
        return run

    async def measured(self) -> Measured:
        """Measure."""
        try:
            return await self._measured()
        finally:
            self._watching.stop()

    async def _measured(self) -> Measured:
        watching, world = self._watching, self._world
        await self._until(lambda state: state["tallies"].keys() >= set(self._servers.values()), "the servers known")
        capacity = await self._capacity()
        await self._all_seen()
        before, watching.memory = watching.rss(), 0.0
        watching.most_tasks = watching.most_waiting = 0
        sessions, said, since = len(world.gateway.sessions), self._crowd.said.total(), time.time()
        began = time.monotonic()
        await self._crowd.talk(self._rates(capacity), self._plan.seconds)
        ended = time.monotonic()
        offered = (self._crowd.said.total() - said) / (ended - began)
        state = await self._all_seen()
        recovered = time.monotonic()
        return Measured(
            capacity=capacity,
            offered=offered,
            servers={name: self._server(state, key, since) for name, key in self._servers.items()},
            memory_before=before,
            memory_peak=watching.memory,
            memory_after=watching.rss(),
            most_tasks=watching.most_tasks,
            most_waiting=watching.most_waiting,
            longest_stall_s=max((late for at, late, _ in state["stalls"] if at >= began), default=0.0),
            stalls_over_100ms=sum(at >= began and late > 0.1 for at, late, _ in state["stalls"]),
            longest_work_s=max((work for at, _, work in state["stalls"] if at >= began), default=0.0),
            longest_collection_s=max((took for at, took in state["collections"] if at >= began), default=0.0),
            beat_late_s=_late(world.gateway.beaten_at, began, recovered, self._plan.heartbeat_ms / 1000),
            reconnected=len(world.gateway.sessions) - sessions,
            recovery_s=recovered - ended,
            where=tuple(where for at, where in state["where"] if at >= began),
        )

    def _rates(self, capacity: float) -> Mapping[str, float]:
        """Return what each server says a second: the quiet one 2 lines, the busy ones little, the flood the rest."""
        busy = capacity * 0.05
        rates = {self._servers[name]: busy for name in _BUSY}
        rates[self._servers[QUIET]] = 2.0
        rates[self._servers[FLOOD]] = capacity * self._plan.factor - sum(rates.values())
        return rates

    async def _capacity(self) -> float:
        """Return how many lines a second are scored where there are always some to be scored."""
        server = self._servers[_BUSY[0]]
        talking = asyncio.create_task(self._crowd.talk({server: _TOO_MANY}, self._plan.warm_up_s))
        await asyncio.sleep(self._plan.warm_up_s / 4)
        first = self._watching.state()
        await talking
        last = self._watching.state()
        scored = last["tallies"][server]["scored"] - first["tallies"][server]["scored"]
        return float(max(1.0, scored / (last["at"] - first["at"])))

    async def _all_seen(self) -> dict[str, Any]:
        """Wait until the bot has counted everything that was said, and nothing is left to do."""
        said = self._crowd.said.total()

        def is_done(state: dict[str, Any]) -> bool:
            seen = sum(tally["seen"] for tally in state["tallies"].values())
            return seen >= said and not any(state[count] for count in ("waiting", "judging", "acting"))

        return await self._until(is_done, f"all of {said} lines counted")

    async def _until(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        waited = time.monotonic()
        while not holds(state := self._watching.state()):
            if time.monotonic() - waited > _PATIENCE_S:
                counts = {name: tally["seen"] for name, tally in state["tallies"].items()}
                raise AssertionError(f"not within {_PATIENCE_S:.0f} s: {what}; counted so far: {counts}")
            await asyncio.sleep(_SAMPLED_EVERY_S)
        return state

    def _server(self, state: dict[str, Any], server: str, since: float) -> Server:
        tally = state["tallies"][server]
        taken = [latency for said, latency in state["latencies"].get(server, ()) if said >= since - 0.001]
        return Server(
            said=self._crowd.said[server],
            seen=tally["seen"],
            scored=tally["scored"],
            exempt=tally["exempt"],
            unchecked=tally["unchecked"],
            not_scored=dict(tally["not_scored"]),
            latency_ms=_percentiles(taken),
        )


async def _watching(pid: int, path: Path) -> _Watching:
    await asyncio.to_thread(_written, path)
    return _Watching(pid, path)


def _written(path: Path) -> None:
    """Wait for the probe, which writes its first words when the bot is up."""
    waited = time.monotonic()
    while not path.exists():
        if time.monotonic() - waited > _START_S:
            raise AssertionError(f"the probe wrote nothing within {_START_S:.0f} s")
        time.sleep(_SAMPLED_EVERY_S)


def _late(beats: list[float], began: float, ended: float, interval_s: float) -> float:
    """Return by how much the latest heartbeat was late, in seconds; one that never came is late until the end."""
    inside = [began, *(beat for beat in beats if began <= beat <= ended), ended]
    return max(0.0, max(b - a for a, b in pairwise(inside)) - interval_s)


def _percentiles(taken: list[float]) -> tuple[float, float, float] | None:
    if not taken:
        return None
    ranked = sorted(taken)
    p50, p95, p99 = (ranked[min(len(ranked) - 1, int(part * len(ranked)))] * 1000 for part in (0.5, 0.95, 0.99))
    return p50, p95, p99

"""The bot with a probe in it: `python -m benchmarks.overload.probe FILE [SLOW_MS]` runs it as `referee run` does.

Several times a second the probe writes to FILE what it has seen: how long the event loop stood still and where, what
was counted of each server, how long its messages took, and what waits. With SLOW_MS every text takes at least so long
to score, so that what can be scored in a second is the same on every machine.
"""

import asyncio
import gc
import json
import sys
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import discord

import bot.app.run
from bot.app.setup import STEPS
from bot.assembly import load_classifier
from bot.domain import Excerpt
from bot.pipeline import Handled
from bot.settings import Settings, read_settings
from bot.tally import Tally
from classifier import Classifier, Verdict

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_TICK_S = 0.005
_WRITTEN_EVERY_S = 0.2
_STALL_S = 0.05
_MOST = 20_000


@dataclass(slots=True)
class Seen:
    """Hold what the probe has seen, with monotonic times.

    `stalls` are (time, seconds that the loop was late, seconds of work that its thread did meanwhile); on a busy
    machine the first may be long where the second is not. `where` is the code that was running.
    """

    stalls: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=_MOST))
    collections: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST))
    where: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=200))
    latencies: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


class Probe:
    """Watch a bot from inside."""

    def __init__(self, referee: "RefereeBot", path: Path) -> None:
        self._bot, self._path = referee, path
        self._seen = Seen()
        self._ticked = time.monotonic()
        self._loop_thread = threading.get_ident()
        self._began = 0.0
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._write())]
        gc.callbacks.append(self._collected)
        threading.Thread(target=self._watch, daemon=True).start()
        self._meter()

    def _meter(self) -> None:
        pipeline = self._bot.services.pipeline
        decide = pipeline.decide

        async def metered(excerpt: Excerpt) -> Handled:
            handled = await decide(excerpt)
            taken = self._seen.latencies[excerpt.key.community]
            if excerpt.key.message.isdigit() and len(taken) < _MOST:
                said = discord.utils.snowflake_time(int(excerpt.key.message)).timestamp()
                taken.append((said, time.time() - said))
            return handled

        # The seam of a probe: nothing in the bot knows that it is watched.
        pipeline.decide = metered  # type: ignore[method-assign]

    async def _tick(self) -> None:
        while True:
            began, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(_TICK_S)
            self._ticked = time.monotonic()
            late, work = self._ticked - began - _TICK_S, time.thread_time() - worked
            if late > _STALL_S / 5:
                self._seen.stalls.append((began, late, work))

    def _watch(self) -> None:
        """Note what the event loop is doing while it stands still."""
        while True:
            time.sleep(_STALL_S / 2)
            late = time.monotonic() - self._ticked
            if late > _STALL_S:
                frame = sys._current_frames().get(self._loop_thread)
                self._seen.where.append((time.monotonic(), f"{late:.3f} s {_told(frame)}"))

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.monotonic()
        elif (took := time.monotonic() - self._began) > 0.005:
            self._seen.collections.append((self._began, took))

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_WRITTEN_EVERY_S)
            state = self._state()
            await asyncio.to_thread(self._put, state)

    def _put(self, state: dict[str, Any]) -> None:
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(state))
        written.replace(self._path)

    def _state(self) -> dict[str, Any]:
        services = self._bot.services
        room, pipeline = services.room, services.pipeline
        return {
            "at": time.monotonic(),
            "tallies": {str(each.id): _counts(pipeline.tally_of(str(each.id))) for each in self._bot.guilds},
            "waiting": room.waiting,
            "judging": room.judging,
            "acting": room.acting,
            "texts": services.waiting(),
            "tasks": len(asyncio.all_tasks()),
            "stalls": list(self._seen.stalls),
            "collections": list(self._seen.collections),
            "where": list(self._seen.where),
            "latencies": {server: list(each) for server, each in self._seen.latencies.items()},
            "gateway_s": self._bot.latency if self._bot.latency < 1e9 else None,
        }


class _Slow(Classifier):
    """A model that takes at least so long for every text."""

    slow_s = 0.0

    def score(self, texts: "list[str]") -> list[Verdict]:  # type: ignore[override]
        """Return what the model says, late."""
        time.sleep(self.slow_s * len(texts))
        return super().score(texts)


def _counts(tally: Tally) -> dict[str, Any]:
    return {each.name: getattr(tally, each.name) for each in fields(tally)}


def _told(frame: FrameType | None) -> str:
    lines: list[str] = []
    while frame is not None and len(lines) < 14:
        lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}:{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(f"referee: {text}\n")


def main() -> None:
    """Run the bot with the probe in it."""
    path, slow_ms = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0

    async def probe(referee: "RefereeBot") -> None:
        referee.probe = Probe(referee, path)  # type: ignore[attr-defined]

    def loaded(settings: Settings) -> Classifier:
        found = load_classifier(settings)
        if slow_ms:
            _Slow.slow_s = slow_ms / 1000
            found.__class__ = _Slow
        return found

    bot.app.run.STEPS = (*STEPS, probe)  # type: ignore[attr-defined]
    bot.assembly.load_classifier = loaded
    asyncio.run(bot.app.run.run(read_settings(), _say))


if __name__ == "__main__":
    main()

"""Looking into a running bot from inside: how long its event loop stood still, where, and what collecting took.

Measurements run the bot with `run_with`, which is `referee run` and one more step; nothing in the bot knows of it.
"""

import asyncio
import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import bot.app.run
from bot.app.setup import STEPS
from bot.console import discord_bot

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

STALL_S = 0.05
_MOST = 20_000
_COLLECTION_S = 0.005


@dataclass(slots=True)
class Standstills:
    """Hold what was seen of the event loop, with monotonic times.

    `stalls` are (time, seconds that the loop was late, seconds of work that its thread did meanwhile); on a busy
    machine the first may be long where the second is not. `collections` are (time, seconds) of garbage collection.
    `where` is the code that was running.
    """

    stalls: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=_MOST))
    collections: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST))
    where: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=200))

    def as_values(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "stalls": list(self.stalls),
            "collections": list(self.collections),
            "where": list(self.where),
        }


class LoopWatch:
    """Watch the event loop that it is made in, looking every `tick_s` seconds."""

    def __init__(self, tick_s: float) -> None:
        self.seen = Standstills()
        self._tick_s = tick_s
        self._ticked = time.monotonic()
        self._loop_thread = threading.get_ident()
        self._began = 0.0
        self._task = asyncio.create_task(self._tick())
        gc.callbacks.append(self._collected)
        threading.Thread(target=self._watch, name="probe", daemon=True).start()

    async def _tick(self) -> None:
        while True:
            began, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(self._tick_s)
            self._ticked = time.monotonic()
            late, work = self._ticked - began - self._tick_s, time.thread_time() - worked
            if late > STALL_S / 5:
                self.seen.stalls.append((began, late, work))

    def _watch(self) -> None:
        """Note what the event loop is doing while it stands still."""
        while True:
            time.sleep(STALL_S / 2)
            late = time.monotonic() - self._ticked
            if late > STALL_S:
                frame = sys._current_frames().get(self._loop_thread)
                self.seen.where.append((time.monotonic(), f"{late:.3f} s {told(frame)}"))

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.monotonic()
        elif (took := time.monotonic() - self._began) > _COLLECTION_S:
            self.seen.collections.append((self._began, took))


def told(frame: FrameType | None) -> str:
    """Return where a thread is, as one line, the innermost place first."""
    lines: list[str] = []
    while frame is not None and len(lines) < 14:
        lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}:{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(lines)


def run_with(attach: "Callable[[RefereeBot], object]") -> None:
    """Run the bot as `referee run` does, with a probe that `attach` makes once it is put together."""

    async def probe(referee: "RefereeBot") -> None:
        referee.probe = attach(referee)  # type: ignore[attr-defined]

    bot.app.run.STEPS = (*STEPS, probe)  # type: ignore[attr-defined]
    discord_bot.run()

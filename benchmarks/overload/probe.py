"""The bot with a probe in it: `python -m benchmarks.overload.probe FILE [SLOW_MS]` runs it as `referee run` does.

Several times a second the probe writes to FILE what it has seen: how long the event loop stood still and where, what
was counted of each server, how long its messages took, and what waits. With SLOW_MS every text takes at least so long
to score, so that what can be scored in a second is the same on every machine.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord

import bot.assembly
from benchmarks.probe import LoopWatch, run_with
from bot.assembly import load_classifier
from bot.domain import Excerpt
from bot.pipeline import Handled
from bot.settings import Settings
from bot.tally import Tally
from classifier import Classifier, Verdict

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_TICK_S = 0.005
_WRITTEN_EVERY_S = 0.2
_MOST = 20_000


class Probe:
    """Watch a bot from inside."""

    def __init__(self, referee: "RefereeBot", path: Path) -> None:
        self._bot, self._path = referee, path
        self._loop = LoopWatch(_TICK_S)
        self._latencies: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._task = asyncio.create_task(self._write())
        self._meter()

    def _meter(self) -> None:
        pipeline = self._bot.services.pipeline
        decide = pipeline.decide

        async def metered(excerpt: Excerpt) -> Handled:
            handled = await decide(excerpt)
            taken = self._latencies[excerpt.key.community]
            if excerpt.key.message.isdigit() and len(taken) < _MOST:
                said = discord.utils.snowflake_time(int(excerpt.key.message)).timestamp()
                taken.append((said, time.time() - said))
            return handled

        # The seam of a probe: nothing in the bot knows that it is watched.
        pipeline.decide = metered  # type: ignore[method-assign]

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
            **self._loop.seen.as_values(),
            "latencies": {server: list(each) for server, each in self._latencies.items()},
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


def main() -> None:
    """Run the bot with the probe in it."""
    path, slow_ms = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0

    def loaded(settings: Settings) -> Classifier:
        found = load_classifier(settings)
        if slow_ms:
            _Slow.slow_s = slow_ms / 1000
            found.__class__ = _Slow
        return found

    bot.assembly.load_classifier = loaded
    run_with(lambda referee: Probe(referee, path))


if __name__ == "__main__":
    main()

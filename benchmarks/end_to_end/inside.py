"""What the probe says, asked for from outside, and what lies between two answers of it."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import InputError

_LOOK_AGAIN_S = 0.02
_ANSWER_S = 30.0
_STALL_S = 0.05

State = dict[str, Any]


class Inside:
    """Ask the probe of a process what it has seen."""

    def __init__(self, pid: int, path: Path) -> None:
        self._pid, self._path = pid, path

    async def state(self) -> State:
        """Return all that the probe has seen until now."""
        return await self._asked(signal.SIGUSR1)

    async def progress(self) -> State:
        """Return how many messages were seen and are left to do."""
        return await self._asked(signal.SIGUSR2)

    async def _asked(self, how: signal.Signals) -> State:
        self._path.unlink(missing_ok=True)
        os.kill(self._pid, how)
        asked = time.monotonic()
        while not self._path.exists():
            if time.monotonic() - asked > _ANSWER_S:
                raise InputError(f"the bot did not answer for {_ANSWER_S:.0f} s; run it again on a quieter machine")
            await asyncio.sleep(_LOOK_AGAIN_S)
        found: State = json.loads(self._path.read_text(encoding="utf-8"))
        return found


@dataclass(frozen=True, slots=True)
class Loop:
    """Hold how the event loop went: by how many milliseconds it was late, and how many its own thread worked then.

    Where the machine is busy with other things, the first is long and the second is not.
    """

    longest_stall_ms: float
    stalls_over_50ms: int
    longest_work_ms: float
    works_over_50ms: int
    longest_collection_ms: float


def loop_between(before: State, after: State) -> Loop:
    """Return how the event loop went between two answers."""
    since = before["at"]
    stalls = [(late, work) for at, late, work in after["stalls"] if at >= since]
    late, work = [late for late, _ in stalls], [work for _, work in stalls]
    return Loop(
        longest_stall_ms=_ms(late),
        stalls_over_50ms=sum(each > _STALL_S for each in late),
        longest_work_ms=_ms(work),
        works_over_50ms=sum(each > _STALL_S for each in work),
        longest_collection_ms=_ms([took for at, took in after["collections"] if at >= since]),
    )


def counted_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return by how much counts grew, those that did not left out."""
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    return dict(sorted(((key, value) for key, value in grown.items() if value > 0), key=lambda item: -item[1]))


def samples_between(before: State, after: State) -> dict[str, dict[str, float]]:
    """Return which share of the event loop's working time went where, in percent; empty where it was not looked at."""
    if not after["samples"]:
        return {}
    looked = after["samples"]["looked"] - before["samples"]["looked"]
    shares: dict[str, dict[str, float]] = {}
    for kind in ("ours", "leaves"):
        grown = Counter(counted_between(before["samples"][kind], after["samples"][kind]))
        shares[kind] = {name: round(100 * times / looked, 1) for name, times in grown.most_common(40)}
    return shares


def _ms(seconds: list[float]) -> float:
    return round(1000 * max(seconds, default=0.0), 1)

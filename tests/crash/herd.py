"""Bots forked from one process that has imported everything, from the side of the tests."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.crash.killing import Plan
from tests.loopback.process import ROOT
from tests.loopback.world import World

PATIENCE_S = 60.0


@dataclass(slots=True, eq=False)
class Bot:
    """Hold a forked bot; `ended` tells its exit code once it is gone."""

    pid: int
    ended: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def is_alive(self) -> bool:
        """Tell whether it has not ended."""
        return not self.ended.done()

    def kill(self) -> None:
        """End it at once."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def arm(self) -> None:
        """Let its plan count from now on."""
        os.kill(self.pid, signal.SIGUSR1)

    async def gone(self, within: float = PATIENCE_S) -> int:
        """Wait for its end and return its exit code."""
        async with asyncio.timeout(within):
            return await asyncio.shield(self.ended)


class Herd:
    """Fork bots until the block ends, and end those that are left then."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = count()
        self._begun: dict[int, asyncio.Future[Bot]] = {}
        self._bots: dict[int, Bot] = {}
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        own = {key: value for key, value in os.environ.items() if not key.startswith("REFEREE_")}
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.nursery", env=own | quiet, stdin=PIPE, stdout=PIPE, cwd=ROOT
        )
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(PATIENCE_S):
            await self._ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        for bot in self._bots.values():
            bot.kill()
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def fork(self, world: World, folder: Path, plan: Plan | None = None, **settings: str) -> Bot:
        """Start a bot in a world; settings without their prefix, in lower case."""
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._numbers)
        begun = self._begun[number] = asyncio.get_running_loop().create_future()
        order = {
            "number": number,
            "folder": str(folder),
            "environment": environment(world, folder, **settings),
            "plan": [plan.name, plan.number, plan.waits] if plan else None,
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(PATIENCE_S):
            return await begun

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))

    def _take(self, told: dict[str, Any]) -> None:
        if told.get("ready"):
            self._ready.set()
        elif "began" in told:
            bot = self._bots[told["began"]] = Bot(told["began"])
            self._begun.pop(told["number"]).set_result(bot)
        else:
            self._bots.pop(told["ended"]).ended.set_result(told["code"])


def environment(world: World, folder: Path, **settings: str) -> dict[str, str]:
    """Return the settings of a bot in a world."""
    given = {
        "discord_token": world.token,
        "discord_api": world.api_url,
        "discord_gateway": world.gateway_url,
        "attachment_hosts": world.origin,
        "database_url": f"sqlite+aiosqlite:///{folder / 'referee.db'}",
        "threads": "1",
        "speech": "false",
        "actions_per_minute": "10000",
        "catch_up_messages": "5000",
        # A busy machine is to be slow, not to leave texts unscored.
        "deadline_s": "300",
        **settings,
    }
    return {f"REFEREE_{name.upper()}": value for name, value in given.items()}

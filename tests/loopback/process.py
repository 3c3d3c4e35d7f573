"""The bot as a process of its own, on a loopback Discord."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.loopback.calls import PATIENCE_S
from tests.loopback.world import World

ROOT = Path(__file__).parents[2]
RUN = ("-m", "bot", "run")
_EXIT_S = 20.0


class RefereeProcess:
    """Run the bot in a folder of its own until the block ends; what it kept there is found again by the next run.

        async with RefereeProcess(world, tmp_path) as referee:
            await world.online()
            await referee.kill()
            await referee.start()

    Settings are environment variables; `None` takes one away.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        arguments: Sequence[str] = RUN,
        settings: dict[str, str | None] | None = None,
    ) -> None:
        self._world = world
        self._folder = folder
        self._arguments = arguments
        self._settings = settings or {}
        self._process: Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._printed = asyncio.Condition()
        self.stdout = ""
        self.stderr = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            await self.kill()

    @property
    def running(self) -> bool:
        """Tell whether the process has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        assert self._process is not None, "the process was not started"
        return self._process.pid

    async def start(self) -> None:
        """Start the process, again if it has ended; its output is appended to what came before."""
        assert not self.running, "the process runs already"
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            cwd=self._folder,
            env=self.environment(),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._readers = [asyncio.create_task(self._read(name, pipe)) for name, pipe in streams.items() if pipe]

    async def kill(self) -> int:
        """End the process at once, as a crash of the machine does."""
        assert self._process is not None, "the process was not started"
        if self.running:
            self._process.kill()
        return await self.wait_exit()

    async def stop(self) -> None:
        """Ask the process to end and expect that it does so cleanly."""
        assert self._process is not None, "the process was not started"
        assert self.running, f"the process has ended by itself: {self.output}"
        self._process.terminate()
        code = await self.wait_exit()
        assert code == 0, f"the process ended with {code} on SIGTERM: {self.output}"

    async def wait_exit(self, within: float = _EXIT_S) -> int:
        """Wait until the process has ended and its output is read, and return its exit code; kill it if it is late."""
        process = self._process
        assert process is not None, "the process was not started"
        try:
            async with asyncio.timeout(within):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            await asyncio.gather(*self._readers)
            raise AssertionError(f"the process did not end within {within} s: {self.output}") from None
        await asyncio.gather(*self._readers)
        await self._world.offline()
        return await process.wait()

    async def printed(self, words: str, within: float = PATIENCE_S) -> None:
        """Wait until the process has written these words."""
        try:
            async with asyncio.timeout(within), self._printed:
                await self._printed.wait_for(lambda: words in self.stdout or words in self.stderr)
        except TimeoutError:
            raise AssertionError(f"{words!r} was not printed within {within} s: {self.output}") from None

    @property
    def output(self) -> str:
        """Return the end of what the process wrote, to show in a failure."""
        return f"stdout: {self.stdout[-2000:]!r}\nstderr: {self.stderr[-4000:]}"

    def environment(self) -> dict[str, str]:
        """Return the variables that the process is given: none of the caller's REFEREE_ ones."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("REFEREE_")}
        given: dict[str, str | None] = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "REFEREE_DISCORD_TOKEN": self._world.token,
            "REFEREE_DISCORD_API": self._world.api_url,
            "REFEREE_DISCORD_GATEWAY": self._world.gateway_url,
            "REFEREE_ATTACHMENT_HOSTS": self._world.origin,
            "REFEREE_DATABASE_URL": f"sqlite+aiosqlite:///{self._folder / 'referee.db'}",
            **self._settings,
        }
        return own | {key: value for key, value in given.items() if value is not None}

    async def _read(self, name: str, pipe: asyncio.StreamReader) -> None:
        while chunk := await pipe.read(65536):
            async with self._printed:
                setattr(self, name, getattr(self, name) + chunk.decode(errors="replace"))
                self._printed.notify_all()

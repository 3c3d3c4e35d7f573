"""The bot as a process, until it is connected."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.errors import InputError
from tests.loopback.process import RUN, RefereeProcess
from tests.loopback.world import World

START_S = 60.0
_LOOK_AGAIN_S = 0.2


@asynccontextmanager
async def running(
    world: World, folder: Path, settings: dict[str, str | None], arguments: Sequence[str] = RUN
) -> AsyncIterator[RefereeProcess]:
    """Run the bot until the block ends; it is connected. Raise InputError where it ends before."""
    async with RefereeProcess(world, folder, arguments=arguments, settings=settings) as referee:
        online = asyncio.create_task(world.online(START_S))
        try:
            while not online.done():
                await asyncio.wait({online}, timeout=_LOOK_AGAIN_S)
                if not referee.running:
                    await referee.wait_exit()
                    raise InputError(f"the bot did not start: {_last_words(referee)}")
            await online
        finally:
            online.cancel()
        yield referee


def _last_words(referee: RefereeProcess) -> str:
    lines = (referee.stderr or referee.stdout).strip().splitlines()
    return lines[-1] if lines else "it said nothing"

"""Two bots on one database: one watches and the other stands by, so that no message is handled twice."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain import Outcome
from bot.store import open_stores
from tests.bot.app.played import CLEAN, START_S, Played
from tests.crash.laws import Kept, broken, kept_in
from tests.fakes.postgres import PostgresServer
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

_SETTLED_S = 90.0
_LOOK_AGAIN_S = 0.2
STANDS_BY = "standing by until it ends"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'referee.db'}"
    return str(request.getfixturevalue("postgres_url"))


@asynccontextmanager
async def two_bots(world: World, folder: Path, url: str) -> AsyncIterator[tuple[RefereeProcess, RefereeProcess]]:
    """Run a bot that watches, and one that stands by."""
    settings: dict[str, str | None] = {
        "REFEREE_THREADS": "1",
        "REFEREE_SPEECH": "false",
        "REFEREE_DATABASE_URL": url,
        "REFEREE_CONTENT_KEY_FILE": str(folder / "referee.key"),
        "REFEREE_ACTIONS_PER_MINUTE": "10000",
        "REFEREE_DEADLINE_S": "300",
    }
    async with RefereeProcess(world, folder, settings=settings) as watching:
        await watching.printed("ready as", START_S)
        async with RefereeProcess(world, folder, settings=settings) as waiting:
            await waiting.printed(STANDS_BY, START_S)
            try:
                yield watching, waiting
            finally:
                # Both at once: whichever is left would connect when the other ends.
                for process in (watching, waiting):
                    if process.running:
                        os.kill(process.pid, signal.SIGKILL)
                for process in (watching, waiting):
                    await ended(process)


async def ended(process: RefereeProcess) -> None:
    """Wait until a process has ended, whoever is connected."""
    async with asyncio.timeout(START_S):
        while process.running:  # noqa: ASYNC110 - another process tells nobody here
            await asyncio.sleep(_LOOK_AGAIN_S)


async def kept(folder: Path, url: str) -> Kept:
    stores = await open_stores(url, key_file=folder / "referee.key", busy_timeout_s=30)
    try:
        return await kept_in(stores)
    finally:
        await stores.close()


async def settled(world: World, folder: Path, url: str, toxic: list[str]) -> Kept:
    """Wait until everything said is an incident that was acted on and shown, and return what is kept."""
    faults: list[str] = []
    try:
        async with asyncio.timeout(_SETTLED_S):
            while True:
                found = await kept(folder, url)
                faults = broken(world, found, toxic)
                if not faults and not found.behind:
                    return found
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise AssertionError(f"not settled within {_SETTLED_S} s: {faults}") from None


async def test_of_two_bots_one_handles_each_message_and_the_other_goes_on_where_it_was_killed(
    discord_world: World, tmp_path: Path, database_url: str
) -> None:
    world, toxic = discord_world, list[str]()
    async with two_bots(world, tmp_path, database_url) as (watching, waiting):
        played = Played(world, watching, tmp_path)
        assert "standard" in await played.set_up("standard", moderators="Moderator")
        answer = await (await world.slash("admin", "policy set", category="insult", ladder="timeout:10m")).final()
        assert "timeout" in answer.text
        members = [f"guest{number}" for number in range(24)]
        for member in members:
            await world.join_member(member)
        for number, member in enumerate(members):
            said = await world.say(member, f"you worthless idiot, number {number}")
            toxic.append(said["id"])
            await world.say(member, CLEAN)
            if number == len(members) // 2:
                await world.call("PATCH", r"/guilds/\d+/members/\d+", within=START_S)
                os.kill(watching.pid, signal.SIGKILL)
        await ended(watching)
        await waiting.printed("ready as", START_S)
        later = await world.say("alice", "shut up you stupid idiot")
        toxic.append(later["id"])

        found = await settled(world, tmp_path, database_url, toxic)

        assert Counter(incident.key.message for incident in found.incidents) == Counter(toxic)
        assert {incident.outcome for incident in found.incidents} <= {Outcome.DONE, Outcome.NOT_NEEDED}
        assert waiting.output.count(STANDS_BY) == 1
        assert "Traceback" not in waiting.stderr


async def test_one_that_stands_by_is_not_connected_and_ends_when_it_is_told(
    discord_world: World, tmp_path: Path, database_url: str
) -> None:
    async with two_bots(discord_world, tmp_path, database_url) as (watching, waiting):
        assert len(discord_world.gateway.identifies) == 1
        os.kill(waiting.pid, signal.SIGTERM)
        await ended(waiting)
        assert watching.running
        assert "Traceback" not in waiting.stderr


async def test_two_bots_whose_connections_to_the_server_are_cut_agree_on_one_again(
    discord_world: World, tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    world, toxic = discord_world, list[str]()
    async with two_bots(world, tmp_path, postgres_url) as (watching, waiting):
        await Played(world, watching, tmp_path).set_up("standard", moderators="Moderator")
        for number in range(6):
            await world.join_member(f"guest{number}")
            toxic.append((await world.say(f"guest{number}", f"you worthless idiot, number {number}"))["id"])
            if number % 3 == 1:
                postgres.cut_off(postgres_url.rpartition("/")[2])

        found = await settled(world, tmp_path, postgres_url, toxic)

        assert Counter(incident.key.message for incident in found.incidents) == Counter(toxic)
        assert watching.running
        assert waiting.running
        assert "Traceback" not in watching.stderr + waiting.stderr

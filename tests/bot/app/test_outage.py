"""The database goes away under a running bot and comes back: what was said meanwhile is judged all the same."""

import asyncio
from pathlib import Path

from bot.domain import IncidentQuery
from bot.store import open_stores
from tests.bot.app.played import START_S, Played
from tests.fakes.postgres import PostgresServer
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

_TRIED_AGAIN_S = 120.0


async def held(url: str, folder: Path) -> list[str]:
    stores = await open_stores(url, key_file=folder / "referee.key", busy_timeout_s=30)
    try:
        return [incident.key.message for incident in await stores.incidents.find(IncidentQuery())]
    finally:
        await stores.close()


async def test_what_was_said_while_the_database_server_was_away_is_judged_when_it_is_back(
    discord_world: World, tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    world = discord_world
    settings: dict[str, str | None] = {
        "REFEREE_THREADS": "1",
        "REFEREE_SPEECH": "false",
        "REFEREE_DATABASE_URL": postgres_url,
    }
    async with RefereeProcess(world, tmp_path, settings=settings) as referee:
        await referee.printed("ready as", START_S)
        await Played(world, referee, tmp_path).set_up("shadow")
        before = await world.say("alice", "you worthless idiot")
        await Played(world, referee, tmp_path).card("insult")

        postgres.stop()
        try:
            during = await world.say("bob", "shut up you stupid idiot")
            await referee.printed("does not answer", START_S)
        finally:
            postgres.start()

        async with asyncio.timeout(_TRIED_AGAIN_S):
            while during["id"] not in (found := await held(postgres_url, tmp_path)):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert sorted(found) == [before["id"], during["id"]]
        await Played(world, referee, tmp_path).card("stupid")
        assert world.gateway.identifies[1:] == []
        await referee.stop()
        assert "Traceback" not in referee.stderr
        assert "sesame" not in referee.output

"""What is dropped now and then while the bot runs."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet

from bot.app import upkeep
from bot.community import Community
from bot.domain import Action, Decision, Incident, Mode, Platform, SourceKey
from bot.store import open_stores
from tests.bot.store.sealing import after
from tests.fakes.discord_bench import DiscordBench, open_discord

ELSEWHERE = "77"


async def flagged(bench: DiscordBench, community: str, *, days_ago: int = 0) -> None:
    """Store an incident of so many days ago."""
    at = bench.bot.services.clock.now() - timedelta(days=days_ago)
    key = SourceKey(Platform.DISCORD, community, "1", f"m{days_ago}")
    decision = Decision(Action.FLAG, Action.FLAG, Mode.SHADOW, "insult", 0.9, ("why",))
    await bench.stores.incidents.record(Incident(key, "5", at, "text", decision, 0.9, {}, "v1", created_at=at))


class Told(logging.Handler):
    """Wait for what the bot says in its log: its tasks work on threads, which no clock of the test moves."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words, self.said = words, asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.said.set()


async def hour(bench: DiscordBench) -> None:
    """Let a bit more than an hour pass."""
    await bench.env.advance_time(3700)


async def test_a_server_that_removed_the_bot_while_it_was_away_is_forgotten_after_an_hour(tmp_path: Path):
    async with open_discord(tmp_path, upkeep.setup) as bench:
        communities, now = bench.bot.services.communities, bench.bot.services.clock.now()
        for community in (bench.community, ELSEWHERE):
            await communities.save(Community(community), "1", now, "set up")
            await flagged(bench, community)
        assert communities.known() == {bench.community, ELSEWHERE}

        await hour(bench)

        assert communities.known() == {bench.community}
        assert [incident.key.community for incident in await bench.incidents()] == [bench.community]


async def test_no_server_is_forgotten_while_none_is_known(tmp_path: Path):
    async with open_discord(tmp_path, upkeep.setup) as bench:
        communities, now = bench.bot.services.communities, bench.bot.services.clock.now()
        await communities.save(Community(ELSEWHERE), "1", now, "set up")
        bench.bot.clear()

        await hour(bench)

        assert communities.known() == {ELSEWHERE}


async def test_what_has_expired_is_dropped_once_a_day(tmp_path: Path):
    async with open_discord(tmp_path, upkeep.setup) as bench:
        for days in (0, 31, 91):
            await flagged(bench, bench.community, days_ago=days)
        assert [incident.text for incident in await bench.incidents()] == ["text"] * 3

        await bench.env.advance_time(timedelta(days=1, hours=2).total_seconds())

        assert [incident.text for incident in await bench.incidents()] == ["text", None]


async def test_a_server_without_settings_that_removed_the_bot_is_forgotten_too(tmp_path: Path):
    async with open_discord(tmp_path, upkeep.setup) as bench:
        for community in (bench.community, ELSEWHERE):
            await flagged(bench, community)

        await hour(bench)

        assert [incident.key.community for incident in await bench.incidents()] == [bench.community]


async def test_a_server_whose_forgetting_failed_is_tried_again_an_hour_later(tmp_path: Path, caplog):
    async with open_discord(tmp_path, upkeep.setup) as bench:
        communities, now = bench.bot.services.communities, bench.bot.services.clock.now()
        await communities.save(Community(ELSEWHERE), "1", now, "set up")
        await flagged(bench, ELSEWHERE)
        with after("DELETE FROM communities", 0):
            await hour(bench)
        assert "tried again in an hour" in caplog.text
        assert communities.known() == {ELSEWHERE}

        await hour(bench)

        assert communities.known() == frozenset()


async def test_everything_is_sealed_with_a_new_first_key_while_the_bot_runs(tmp_path: Path):
    key_file, old, new = tmp_path / "referee.key", Fernet.generate_key().decode(), Fernet.generate_key().decode()
    key_file.write_text(old)
    async with open_discord(tmp_path) as bench:
        await flagged(bench, bench.community)
    key_file.write_text(f"{new},{old}")

    told = Told("older keys can be dropped")
    logging.getLogger(upkeep.__name__).addHandler(told)
    async with open_discord(tmp_path, upkeep.setup) as bench, asyncio.timeout(60):
        await told.said.wait()
        assert await bench.stores.incidents.is_resealed()
    logging.getLogger(upkeep.__name__).removeHandler(told)

    stores = await open_stores(f"sqlite+aiosqlite:///{tmp_path}/referee.db", keys=new)
    assert (await stores.incidents.get(1)).text == "text"
    await stores.close()

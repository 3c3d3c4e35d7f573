"""What is dropped now and then while the bot runs."""

from datetime import timedelta
from pathlib import Path

from bot.app import upkeep
from bot.community import Community
from bot.domain import Action, Decision, Incident, Mode, Platform, SourceKey
from tests.fakes.discord_bench import DiscordBench, open_discord

ELSEWHERE = "77"


async def flagged(bench: DiscordBench, community: str, *, days_ago: int = 0) -> None:
    """Store an incident of so many days ago."""
    at = bench.bot.services.clock.now() - timedelta(days=days_ago)
    key = SourceKey(Platform.DISCORD, community, "1", f"m{days_ago}")
    decision = Decision(Action.FLAG, Action.FLAG, Mode.SHADOW, "insult", 0.9, ("why",))
    await bench.stores.incidents.record(Incident(key, "5", at, "text", decision, 0.9, {}, "v1", created_at=at))


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

"""Arriving at a server, also while Referee was away, and leaving it."""

from pathlib import Path

import discord
import pytest
import simcord
from simcord.backend.models import Overwrite

from bot.app import sync
from bot.app.compose import compose
from bot.assembly import Parts, load_policy
from bot.cogs.governing import arrival
from bot.community import Change, Community
from bot.domain import Excerpt, Platform, SourceKey
from bot.errors import StoreBusy
from bot.policy_presets import Preset
from bot.settings import Settings
from tests.fakes.discord_bench import DiscordBench, SystemTime, open_discord, shipped
from tests.fakes.seats import announce

PRIVATE = discord.PermissionOverwrite(view_channel=False)


async def changes(bench: DiscordBench) -> list[str]:
    return [change.what for change in await bench.stores.communities.changes(bench.community)]


async def start_again(bench: DiscordBench) -> None:
    """Stop the bot and start another one on the same store."""
    for cog in tuple(bench.bot.cogs):
        await bench.bot.remove_cog(cog)
    values = Settings(_env_file=None)  # type: ignore[call-arg]
    parts = Parts(shipped(), load_policy(values, shipped()), bench.stores, bench.scorer, bench.transcriber)
    bench.bot = await compose(values, parts, SystemTime(), [arrival.setup, sync.setup])
    await bench.env.restart_bot(bench.bot)
    await bench.env.settle()


async def be_ready(bench: DiscordBench) -> None:
    """Have the bot be ready once more, as after a session that could not be resumed."""
    cog = bench.bot.get_cog("Arrival")
    assert isinstance(cog, arrival.Arrival)
    await cog.on_ready()


def mute_everywhere(bench: DiscordBench) -> None:
    """Take from everybody, the bot included, the right to write in any channel."""
    deny = discord.Permissions(send_messages=True).value
    for channel in (bench.lobby, bench.review, bench.log):
        bench.env.backend.set_overwrite(channel.id, Overwrite(target_id=bench.guild.id, type=0, allow=0, deny=deny))


# Invited while connected


async def test_a_new_server_is_greeted_once_where_the_bot_may_write(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        secret = bench.guild.create_text_channel("a-secret", overwrites={bench.guild.me: PRIVATE})
        first = bench.lobby

        await announce(bench, bench.guild)
        await announce(bench, bench.guild)

        assert secret.history() == []
        (greeting,) = first.history()
        assert all(part in greeting.content for part in ("Referee", "punish nobody", "/referee setup", "/privacy"))
        assert 4 <= len(greeting.content.splitlines()) <= 6


async def test_the_system_channel_is_greeted_first(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        bench.env.backend.edit_guild(bench.guild.id, {"system_channel_id": bench.log.id})

        await announce(bench, bench.guild)

        assert "/referee setup" in bench.log.last_message.content
        assert bench.lobby.history() == []


async def test_the_owner_is_written_to_where_no_channel_can_be_written_in(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup, bot_permissions=discord.Permissions.none()) as bench:
        mute_everywhere(bench)

        await announce(bench, bench.guild)

        assert "/referee setup" in bench.olga.user.dm_channel.last_message.content


async def test_a_server_that_takes_no_greeting_stops_nothing_and_is_not_asked_again(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        bench.env.inject_error("POST", "/channels/*/messages", status=403, code=50013, times=1)

        await announce(bench, bench.guild)
        await be_ready(bench)

        assert bench.lobby.history() == []
        assert await changes(bench) == ["joined"]


# Invited while away


async def test_a_server_that_invited_referee_while_it_was_away_is_greeted_once(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        assert bench.lobby.history() == []

        await start_again(bench)
        assert "/referee setup" in bench.lobby.last_message.content

        await be_ready(bench)
        await announce(bench, bench.guild)
        await start_again(bench)
        await bench.env.advance_time(200)
        assert len(bench.lobby.history()) == 1
        assert await changes(bench) == ["joined"]


async def test_a_server_that_was_set_up_is_not_greeted_and_keeps_its_settings(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        await bench.set_up(Preset.STRICT)
        before = bench.bot.services.communities.get(bench.community)

        await start_again(bench)

        assert bench.lobby.history() == []
        assert bench.bot.services.communities.get(bench.community) == before


async def test_a_server_in_an_outage_is_greeted_once_it_is_back(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        bench.env.backend.emit("GUILD_DELETE", {"id": bench.community, "unavailable": True})
        await be_ready(bench)
        await bench.env.advance_time(120)
        assert (bench.lobby.history(), await changes(bench)) == ([], [])

        bench.env.backend.emit("GUILD_CREATE", payload(bench))
        await bench.env.advance_time(61)

        assert len(bench.lobby.history()) == 1


def payload(bench: DiscordBench) -> dict[str, object]:
    """Return what Discord sends of the server when it is there again."""
    guild = bench.env.backend.guilds[bench.guild.id]
    return dict(simcord.backend.serializers.guild_create_payload(bench.env.backend, guild))


async def test_many_new_servers_are_greeted_twenty_a_minute(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        lobbies = [bench.env.create_guild(f"Arena {n}").create_text_channel("lobby") for n in range(22)]
        await bench.env.settle()

        await be_ready(bench)
        await be_ready(bench)
        assert sum(len(lobby.history()) for lobby in (*lobbies, bench.lobby)) == 20

        await bench.env.advance_time(61)
        assert [len(lobby.history()) for lobby in (*lobbies, bench.lobby)] == [1] * 23


async def test_a_server_that_could_not_be_noted_is_greeted_when_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with open_discord(tmp_path, arrival.setup) as bench:
        save = bench.stores.communities.save

        async def refused(community: Community, change: Change | None = None) -> None:
            raise StoreBusy("the database is busy")

        monkeypatch.setattr(bench.stores.communities, "save", refused)
        await announce(bench, bench.guild)
        assert bench.lobby.history() == []

        monkeypatch.setattr(bench.stores.communities, "save", save)
        await bench.env.advance_time(61)
        assert len(bench.lobby.history()) == 1


# Leaving


async def test_a_server_that_referee_was_removed_from_is_forgotten_and_one_in_an_outage_is_not(tmp_path: Path):
    async with open_discord(tmp_path, arrival.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        services, communities = bench.bot.services, bench.bot.services.communities
        key = SourceKey(Platform.DISCORD, bench.community, str(bench.lobby.id), "77")
        await services.pipeline.handle(Excerpt(key, str(bench.ann.id), discord.utils.utcnow(), "you idiot"))
        services.brake.pull(bench.community, discord.utils.utcnow())

        bench.env.backend.emit("GUILD_DELETE", {"id": bench.community, "unavailable": True})
        await bench.env.settle()
        assert (len(await bench.incidents()), communities.get(bench.community).is_set_up) == (1, True)

        bench.env.backend.remove_guild(bench.guild.id)
        await bench.env.settle()
        assert await bench.incidents() == []
        assert communities.get(bench.community) == Community(bench.community)
        assert not communities.is_known(bench.community)
        assert await changes(bench) == []
        assert not services.brake.is_on(bench.community)

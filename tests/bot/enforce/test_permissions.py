"""What is asked for, and what a server is told that it lacks."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import discord

from bot.enforce.automod import AutoModLog
from bot.enforce.permissions import LABELS, REASONS, REQUIRED, missing_permissions
from bot.enforce.protect import protection
from bot.enforce.reasons import fitted
from tests.bot.enforce.cases import arena, lift, top_role, without
from tests.fakes.discord_bench import DiscordBench


def told(bench: DiscordBench) -> list[str]:
    """Return what Referee cannot do there."""
    community = bench.bot.services.communities.get(bench.community)
    return missing_permissions(bench.bot.get_guild(bench.guild.id), community)


async def test_what_is_asked_for_is_enough_and_a_server_that_gives_it_is_told_nothing(tmp_path: Path):
    async with arena(tmp_path, bot_permissions=REQUIRED) as bench:
        lift(bench, bench.guild.roles[bench.bot.user.name])
        assert told(bench) == []


def test_every_permission_has_a_name_and_a_reason_and_none_gives_power_over_the_server():
    assert set(LABELS) == set(REASONS)
    assert all(name in discord.Permissions.VALID_FLAGS for name in REASONS)
    assert not REQUIRED.administrator
    assert not REQUIRED.manage_guild
    assert not REQUIRED.manage_roles
    assert not REQUIRED.manage_nicknames


async def test_what_is_missing_in_the_server_or_in_channels_is_told_in_words(tmp_path: Path):
    async with arena(tmp_path, bot_permissions=without("kick_members", "manage_threads")) as bench:
        me = bench.bot.get_guild(bench.guild.id).me
        for name, denied in (
            ("rules", discord.PermissionOverwrite(manage_messages=False)),
            ("staff", discord.PermissionOverwrite(view_channel=False)),
            ("owners", discord.PermissionOverwrite(view_channel=False)),
        ):
            bench.guild.create_text_channel(name, overwrites={me: denied})
        top_role(bench, "Legends")

        assert told(bench) == [
            "cannot delete messages in #rules",
            "cannot see 2 channels",
            "cannot kick: the permission Kick Members is missing",
            "cannot read private threads: the permission Manage Threads is missing",
            "cannot punish members with @Legends: move the role of Referee above",
        ]


async def test_a_bot_without_any_permission_is_told_so_in_few_lines(tmp_path: Path):
    async with arena(tmp_path, bot_permissions=discord.Permissions.none()) as bench:
        lines = told(bench)

        assert "cannot delete messages in any channel" in lines
        assert len(lines) <= 10


async def test_a_review_channel_that_is_gone_hidden_or_mute_is_told_first(tmp_path: Path):
    async with arena(tmp_path) as bench:
        communities, guild = bench.bot.services.communities, bench.bot.get_guild(bench.guild.id)
        mute = bench.guild.create_text_channel(
            "mute", overwrites={guild.me: discord.PermissionOverwrite(send_messages=False)}
        )
        hidden = bench.guild.create_text_channel(
            "hidden", overwrites={guild.me: discord.PermissionOverwrite(view_channel=False)}
        )
        settings = communities.get(bench.community)
        for review, line in (
            (str(mute.id), "cannot send in the review channel"),
            (str(hidden.id), "cannot see the review channel"),
            ("1", "the review channel is gone"),
            ("²", "the review channel is gone"),
        ):
            assert missing_permissions(guild, replace(settings, review_channel=review))[0] == line


async def test_roles_of_moderators_and_of_bots_above_referee_are_no_fault(tmp_path: Path):
    async with arena(tmp_path) as bench:
        lift(bench, bench.guild.roles[bench.bot.user.name])
        lift(bench, bench.moderators)
        lift(bench, bench.guild.roles["Admins"])

        assert told(bench) == []


async def test_many_channels_and_roles_are_counted_not_listed(tmp_path: Path):
    async with arena(tmp_path) as bench:
        me = bench.bot.get_guild(bench.guild.id).me
        for n in range(30):
            bench.guild.create_text_channel(
                f"c{n}", overwrites={me: discord.PermissionOverwrite(manage_messages=False)}
            )

        assert "cannot delete messages in #c0, #c1, #c2 and 27 more" in told(bench)


async def test_protection_names_the_reason_and_nobody(tmp_path: Path):
    async with arena(tmp_path) as bench:
        guild = bench.bot.get_guild(bench.guild.id)
        community = bench.bot.services.communities.get(bench.community)
        found = {
            person.name: protection(await guild.fetch_member(person.id), community)
            for person in (bench.ann, bench.mia, bench.ada, bench.olga)
        }

        assert found == {
            "ann": "",
            "mia": "the member moderates here",
            "ada": "the member administers the server",
            "olga": "the member owns the server",
        }


def test_an_audit_reason_is_cut_after_quoting():
    for text in ("a" * 2000, "侮辱" * 300, "😀" * 300, "\n" * 600, "\ud800" * 600, "a b" * 400):
        assert 400 < len(quote(fitted(text), safe="")) <= 512
    assert fitted("Referee incident 42: 侮辱 (0.97)") == "Referee incident 42: 侮辱 (0.97)"


def test_the_log_of_automod_is_bounded_and_takes_ids_as_they_come():
    log = AutoModLog()
    log.note(1)
    for message in range(2, 10_002):
        log.note(str(message))

    assert not log.handled("1")
    assert log.handled(2)
    assert log.handled("10001")

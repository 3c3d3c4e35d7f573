"""`/referee setup`, with the guide and without."""

from pathlib import Path

import discord
import pytest
import simcord
from simcord.backend.models import Overwrite

from bot.cogs.governing import setup_guide
from bot.community import Community
from bot.domain import Excerpt, Mode, Platform, SourceKey
from bot.policy_presets import Preset
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.seats import outsider

PRIVATE = discord.PermissionOverwrite(view_channel=False)
MUTE = discord.PermissionOverwrite(send_messages=False)


def settings(bench: DiscordBench) -> Community:
    return bench.bot.services.communities.get(bench.community)


async def last_change(bench: DiscordBench) -> tuple[str, str, tuple[str, ...]]:
    change = (await bench.stores.communities.changes(bench.community))[0]
    return change.author, change.what, change.lines


def review_excerpt(bench: DiscordBench) -> Excerpt:
    key = SourceKey(Platform.DISCORD, bench.community, str(bench.lobby.id), "77")
    return Excerpt(key, str(bench.ann.id), discord.utils.utcnow(), "you idiot")


# The guide


async def test_the_guide_sets_everything_up_and_keeps_who_did_it(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        guide = (await bench.ada.slash(bench.lobby, "referee setup")).response
        assert guide.ephemeral

        await bench.ada.select(guide, [bench.review], custom_id="setup:review")
        await bench.ada.select(guide, [bench.log], custom_id="setup:log")
        await bench.ada.select(guide, [bench.moderators], custom_id="setup:moderators")
        await bench.ada.select(guide, ["relaxed"], custom_id="setup:preset")
        assert not settings(bench).is_set_up
        await bench.ada.click(guide, label="Save")

        known = settings(bench)
        assert (known.review_channel, known.log_channel) == (str(bench.review.id), str(bench.log.id))
        assert known.moderator_roles == {str(bench.moderators.id)}
        assert known.is_set_up
        assert bench.bot.services.communities.of(bench.community).categories["insult"].mode is Mode.LIVE
        author, what, lines = await last_change(bench)
        assert (author, what) == (str(bench.ada.id), "set up")
        assert {"review channel: none -> #review", "preset: shadow -> relaxed"} <= set(lines)
        assert "review channel: none -> #review" in guide.content
        assert guide.components == []
        assert f"<@{bench.ada.id}>" in bench.log.last_message.content


async def test_the_guide_says_what_is_missing_and_saves_nothing_without_it(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        guide = (await bench.olga.slash(bench.lobby, "referee setup")).response
        assert "There is no review channel" in guide.content

        await bench.olga.click(guide, label="Save")
        assert guide.content.startswith("**Not saved.**")
        assert settings(bench) == Community(bench.community)

        await bench.olga.select(guide, [bench.review], custom_id="setup:review")
        assert "There is no review channel" not in guide.content
        await bench.olga.click(guide, label="Save")
        assert settings(bench).review_channel == str(bench.review.id)


async def test_a_guide_that_is_dismissed_changes_nothing(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        guide = (await bench.ada.slash(bench.lobby, "referee setup")).response
        await bench.ada.select(guide, [bench.review], custom_id="setup:review")

        await bench.ada.click(guide, label="Cancel")

        assert "Nothing was changed" in guide.content
        assert settings(bench) == Community(bench.community)


async def test_the_guide_begins_with_what_is_set_and_can_take_it_back(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        await bench.set_up(Preset.STRICT)
        guide = (await bench.ada.slash(bench.lobby, "referee setup")).response
        (chosen,) = [
            o["value"]
            for row in guide.components
            for c in row["components"]
            for o in c.get("options", [])
            if o.get("default")
        ]
        assert chosen == "strict"

        await bench.ada.select(guide, [], custom_id="setup:log")
        await bench.ada.select(guide, [], custom_id="setup:moderators")
        await bench.ada.click(guide, label="Save")

        known = settings(bench)
        assert (known.log_channel, known.moderator_roles) == (None, frozenset())
        assert known.review_channel == str(bench.review.id)
        assert bench.bot.services.communities.rules(bench.community).preset is Preset.STRICT


async def test_whoever_lost_the_right_while_choosing_saves_nothing(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        guide = (await bench.ada.slash(bench.lobby, "referee setup")).response
        await bench.ada.select(guide, [bench.review], custom_id="setup:review")
        bench.env.backend.remove_member_role(bench.guild.id, bench.ada.id, bench.guild.roles["Admins"].id)

        refused = await bench.ada.click(guide, label="Save")

        assert "Manage Server" in refused.response.content
        assert settings(bench) == Community(bench.community)


async def test_a_review_channel_that_everybody_sees_is_warned_of_and_a_private_one_is_not(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        allow = discord.PermissionOverwrite(view_channel=True)
        private = bench.guild.create_text_channel(
            "mods", overwrites={bench.guild.default_role: PRIVATE, bench.guild.me: allow, bench.moderators: allow}
        )
        blind = bench.guild.create_text_channel(
            "staff", overwrites={bench.guild.default_role: PRIVATE, bench.guild.me: allow}
        )
        told = [
            (
                await bench.ada.slash(bench.lobby, "referee setup", review_channel=one, moderators=bench.moderators)
            ).response.content
            for one in (bench.review, private, blind)
        ]

        assert ["Everybody can see" in text for text in told] == [True, False, False]
        assert ["cannot see" in text for text in told] == [False, False, True]


# Without the guide


async def test_options_are_saved_at_once_and_leave_the_rest_alone(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        await bench.set_up(Preset.STANDARD)

        said = await bench.ada.slash(bench.lobby, "referee setup", preset="strict")

        assert "preset: standard -> strict" in said.response.content
        assert "hate: acted on from" in said.response.content
        known = settings(bench)
        assert (known.review_channel, known.log_channel) == (str(bench.review.id), str(bench.log.id))
        assert known.moderator_roles == {str(bench.moderators.id)}
        assert (await last_change(bench))[:2] == (str(bench.ada.id), "set up")


async def test_without_a_review_channel_not_even_a_preset_is_saved(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        said = await bench.ada.slash(bench.lobby, "referee setup", preset="strict")

        assert "Not saved" in said.response.content
        assert settings(bench) == Community(bench.community)


def mute(bench: DiscordBench, channel: simcord.ChannelHandle) -> None:
    """Take from everybody, the bot included, the right to write in a channel."""
    deny = discord.Permissions(send_messages=True).value
    bench.env.backend.set_overwrite(channel.id, Overwrite(target_id=bench.guild.id, type=0, allow=0, deny=deny))


@pytest.mark.parametrize("option", ["review_channel", "log_channel"])
async def test_a_channel_that_the_bot_cannot_write_in_is_not_saved(tmp_path: Path, option: str):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        before = settings(bench)
        muted = bench.guild.create_text_channel("muted", overwrites={bench.guild.me: MUTE})

        said = await bench.ada.slash(bench.lobby, "referee setup", **{option: muted})

        assert f"cannot write in {muted.mention}" in said.response.content
        assert "Send Messages" in said.response.content
        assert settings(bench) == before


async def test_everybody_cannot_be_made_a_moderator(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        said = await bench.ada.slash(
            bench.lobby, "referee setup", review_channel=bench.review, moderators=bench.guild.default_role
        )

        assert "everybody would moderate" in said.response.content
        assert settings(bench) == Community(bench.community)


async def test_names_of_roles_and_channels_break_no_block_and_ping_nobody(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        role = bench.guild.create_role("```\n@everyone **x** \u202e" + "y" * 60)

        said = await bench.ada.slash(bench.lobby, "referee setup", review_channel=bench.review, moderators=role)

        assert said.response.content.count("```") == 2
        assert "\u202e" not in said.response.content
        assert not said.response.message.mention_everyone


async def test_what_could_not_be_shown_is_shown_once_there_is_a_review_channel(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        await bench.bot.services.pipeline.handle(review_excerpt(bench))
        assert bench.review.last_message is None

        await bench.ada.slash(bench.lobby, "referee setup", review_channel=bench.review)
        await bench.env.settle()

        assert len(bench.review.history()) == 1
        assert await bench.stores.cards.unsent() == []


async def test_only_managers_set_up(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        before = settings(bench)

        for somebody in (outsider(bench), bench.mia):
            for options in ({}, {"preset": "strict"}):
                refused = await somebody.slash(bench.lobby, "referee setup", **options)
                assert refused.ephemeral
                assert "Manage Server" in refused.response.content
        assert settings(bench) == before


async def test_names_in_what_is_missing_are_shown_as_they_are_written(tmp_path: Path):
    async with open_discord(tmp_path, setup_guide.setup) as bench:
        read_only = discord.PermissionOverwrite(manage_messages=False)
        bench.guild.create_text_channel("**@everyone** https://x.example", overwrites={bench.guild.me: read_only})

        said = await bench.ada.slash(bench.lobby, "referee setup", review_channel=bench.review)

        (line,) = [line for line in said.response.content.splitlines() if "Permissions: " in line]
        assert "everyone" in line
        assert "**@everyone**" not in line
        assert "https://" not in line
        assert not said.response.message.mention_everyone

"""`/referee status` and `/referee resume`."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import discord

from bot import __version__
from bot.cogs.governing import status
from bot.domain import Clip, Excerpt, Platform, SourceKey
from bot.policy_presets import Preset
from bot.speech.line import SpeechLoad
from tests.fakes.chat import heard
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.seats import outsider


async def handle(bench: DiscordBench, *texts: str) -> None:
    """Have the pipeline judge what Ann wrote."""
    now = discord.utils.utcnow()
    for number, text in enumerate(texts):
        key = SourceKey(Platform.DISCORD, bench.community, str(bench.lobby.id), str(9000 + number))
        at = now - timedelta(minutes=10 * (len(texts) - number))
        await bench.bot.services.pipeline.handle(Excerpt(key, str(bench.ann.id), at, text))


async def page(bench: DiscordBench) -> str:
    result = await bench.ada.slash(bench.lobby, "referee status")
    assert result.ephemeral
    return result.response.content


async def test_the_status_counts_what_was_seen_flagged_and_not_scored(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        await handle(bench, "hello", "you idiot", "buy gold", "late")
        for seconds in (0.01, 0.02, 0.5):
            bench.bot.services.latency.note(seconds)

        text = await page(bench)

        assert f"Referee {__version__}" in text
        assert bench.bot.services.model_version in text
        assert "4 seen, 3 scored, 0 exempt, 2 incidents" in text
        assert "Flagged: `insult` 1, `spam` 1" in text
        assert "NOT SCORED: `late` 1" in text
        assert "2 incidents wait for a verdict" in text
        assert "20 ms (median) and 500 ms (95 %)" in text
        assert "preset *shadow*" in text


async def test_all_is_well_only_once_it_is_set_up(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        assert "run `/referee setup`" in await page(bench)

        await bench.set_up(Preset.SHADOW)

        assert (await page(bench)).startswith("**All is well.**")


async def test_what_needs_attention_comes_first(tmp_path: Path):
    nothing = discord.Permissions(view_channel=True, send_messages=True)
    async with open_discord(tmp_path, status.setup, bot_permissions=nothing) as bench:
        await bench.set_up(Preset.SHADOW)
        services = bench.bot.services
        known = replace(services.communities.get(bench.community), review_channel="1", policy='{"version": 99}')
        await services.communities.save(known, str(bench.ada.id), services.clock.now(), "broken")
        await handle(bench, "you idiot")
        services.pipeline.tally_of(bench.community).not_kept += 3

        text = await page(bench)

        assert text.startswith("**Needs attention**")
        for line in ("The policy of this server", "newer Referee", "Permissions: ", "Cards not shown yet: 1"):
            assert line in text
        assert "Incidents not kept: 3" in text


async def test_the_brake_is_shown_and_let_go_of_for_good(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        services, since = bench.bot.services, discord.utils.utcnow()
        assert "nothing to resume" in (await bench.ada.slash(bench.lobby, "referee resume")).response.content
        services.brake.pull(bench.community, since)
        await services.communities.hold(bench.community, since)
        assert "Automatic actions are stopped" in await page(bench)

        await bench.ada.slash(bench.lobby, "referee resume")

        assert not services.brake.is_on(bench.community)
        assert services.communities.held() == {}
        assert "Automatic actions are stopped" not in await page(bench)
        assert f"<@{bench.ada.id}> let automatic actions go on" in bench.log.last_message.content


async def test_only_moderators_see_the_status_and_let_go_of_the_brake(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.STANDARD)
        hal, brake = outsider(bench), bench.bot.services.brake
        brake.pull(bench.community, discord.utils.utcnow())

        for command in ("referee status", "referee resume"):
            refused = await hal.slash(bench.lobby, command)
            assert "Only moderators" in refused.response.content
        assert brake.is_on(bench.community)

        assert "stopped" in (await bench.mia.slash(bench.lobby, "referee status")).response.content
        await bench.mia.slash(bench.lobby, "referee resume")
        assert not brake.is_on(bench.community)


async def test_names_in_the_status_are_shown_as_they_are_written(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        read_only = discord.PermissionOverwrite(manage_messages=False)
        bench.guild.create_text_channel("**@everyone** https://x.example", overwrites={bench.guild.me: read_only})

        result = await bench.ada.slash(bench.lobby, "referee status")

        assert len(result.response.content) <= 2000
        assert "everyone" in result.response.content
        assert "**@everyone**" not in result.response.content
        assert "https://" not in result.response.content
        assert not result.response.message.mention_everyone


async def test_the_clips_that_wait_and_how_fast_they_are_heard_are_shown(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        loads = {
            SpeechLoad(): "speech is on: no clip waits to be heard",
            SpeechLoad(1, 12.4): "1 clip waits to be heard, the oldest 12 s",
            SpeechLoad(3, 300.0, 34, 600.0, 65.0): "3 clips wait to be heard, the oldest 5 min; "
            "34 heard, 6.5 s of work for a minute of sound",
            None: "speech is off",
        }
        for load, words in loads.items():
            bench.bot.services = replace(bench.bot.services, speech=lambda load=load: load)

            assert words in await page(bench)


async def test_the_clips_that_were_not_checked_are_counted(tmp_path: Path):
    async with open_discord(tmp_path, status.setup) as bench:
        await bench.set_up(Preset.SHADOW)
        pipeline, now = bench.bot.services.pipeline, discord.utils.utcnow()
        bench.transcriber.script["half.ogg"] = heard("well played", complete=False)
        for number, name in enumerate(("clean.ogg", "half.ogg", "voice-message.ogg")):
            key = SourceKey(Platform.DISCORD, bench.community, str(bench.lobby.id), str(9000 + number))
            async for _ in pipeline.hear(Excerpt(key, str(bench.ann.id), now, clip=Clip(name, b"sound"))):
                pass

        assert "Clips: 3, of which 1 not or not wholly checked" in await page(bench)

"""`/toxcheck`: what a moderator is told of a text or a clip, of which nothing is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cogs.reviewing import toxcheck
from bot.domain import Mode
from bot.errors import ClipRejected
from bot.policy import nothing
from bot.policy_change import with_exempt_channel, with_mode
from bot.policy_community import CommunityPolicy
from bot.policy_presets import Preset
from bot.previewing import Preview
from bot.ui.judgement import judgement
from tests.fakes.answers import said
from tests.fakes.bench import POLICY
from tests.fakes.chat import heard, verdict
from tests.fakes.discord_bench import CLIPS, DiscordBench, open_discord
from tests.fakes.fetcher import LocalFetcher

VOICE = ("voice-message.ogg", b"sound")
HOSTILE = "@everyone **big** ||shown|| <@1> ``` https://evil.example [x](https://evil.example)"


@asynccontextmanager
async def checking(folder: Path, preset: Preset = Preset.STANDARD) -> AsyncIterator[DiscordBench]:
    """Open a server that was set up, and that can fetch every clip but one."""
    script = {"long": verdict(insult=0.1, partial=True)}
    async with open_discord(folder, toxcheck.setup, script=script) as bench:
        await bench.set_up(preset)
        bench.bot.services = replace(bench.bot.services, fetcher=LocalFetcher("gone.ogg"))  # type: ignore[arg-type]
        yield bench


async def check(bench: DiscordBench, **options: object) -> str:
    """Return what Mia is told, privately."""
    result = await bench.mia.slash(bench.lobby, "toxcheck", **options)
    assert result.ephemeral
    return said(result)


async def follow(bench: DiscordBench, rules: CommunityPolicy) -> None:
    await bench.bot.services.communities.set_rules(bench.community, rules, "ada", bench.bot.services.clock.now(), "?")


async def test_a_toxic_text_is_told_with_its_categories_its_words_and_what_the_policy_does(tmp_path: Path):
    async with checking(tmp_path) as bench:
        told = await check(bench, text="you idiot")

    assert "Toxic, very likely: P(toxic) 0.99, mostly insult" in told
    assert "insult ██████████ 0.99" in told
    assert "because of: ||idiot||" in told
    assert "the policy asks for a warning, without earlier strikes" in told
    assert "nothing of it is stored" in told


async def test_nothing_is_stored_shown_to_others_or_counted(tmp_path: Path):
    async with checking(tmp_path) as bench:
        await check(bench, text="you idiot")
        await check(bench, clip=VOICE)

        assert await bench.incidents() == []
        assert bench.bot.services.pipeline.tally_of(bench.community).seen == 0
        assert bench.lobby.history(viewer=bench.ann) == []


async def test_a_harmless_text_looks_fine_and_names_no_words(tmp_path: Path):
    async with checking(tmp_path) as bench:
        told = await check(bench, text="well played")

    assert "Looks fine: P(toxic) under 0.01" in told
    assert "nothing would be done" in told
    assert "because of" not in told


async def test_shadow_mode_tells_what_would_have_been_done_and_whether_it_is_the_whole_server(tmp_path: Path):
    async with checking(tmp_path, Preset.SHADOW) as bench:
        whole = await check(bench, text="you idiot")
        await bench.set_up(Preset.STANDARD)
        communities = bench.bot.services.communities
        rules = communities.rules(bench.community)
        await follow(bench, with_mode(communities.basis, rules, "insult", Mode.SHADOW))
        one = await check(bench, text="you idiot")

    assert "would ask for a warning, but this server is in shadow mode: it is only flagged" in whole
    assert "would ask for a warning, but insult is in shadow mode: it is only flagged" in one


async def test_a_server_that_nobody_set_up_is_in_shadow_mode(tmp_path: Path):
    async with open_discord(tmp_path, toxcheck.setup) as bench:
        told = said(await bench.ada.slash(bench.lobby, "toxcheck", text="you idiot"))

    assert "this server is in shadow mode" in told


async def test_whatever_keeps_the_policy_from_acting_is_told(tmp_path: Path):
    async with checking(tmp_path) as bench:
        assert "decided by humans" in await check(bench, text="i will find you")

        await bench.bot.services.communities.hold(bench.community, bench.bot.services.clock.now())
        assert "Automatic actions are stopped" in await check(bench, text="you idiot")
        assert "Automatic actions are stopped" not in await check(bench, text="well played")


async def test_an_exempt_channel_does_not_hide_what_the_policy_does(tmp_path: Path):
    async with checking(tmp_path) as bench:
        communities = bench.bot.services.communities
        rules = communities.rules(bench.community)
        await follow(bench, with_exempt_channel(communities.basis, rules, str(bench.lobby.id)))

        assert "the policy asks for a warning" in await check(bench, text="you idiot")


async def test_what_was_not_judged_or_only_in_part_says_so(tmp_path: Path):
    async with checking(tmp_path) as bench:
        late = await check(bench, text="late")
        long = await check(bench, text="long")

    assert "No verdict: late" in late
    assert "counted as not scored" in late
    assert "its end was not judged" in long
    assert "could not be checked whole" in long


async def test_what_is_checked_neither_pings_nor_formats_nor_breaks_the_answer(tmp_path: Path):
    async with checking(tmp_path) as bench:
        told = await check(bench, text=HOSTILE)

    assert "@everyone" not in told
    assert "\\*\\*big\\*\\*" in told
    assert "||shown||" not in told
    assert "<@1>" not in told.replace("\\<@1>", "").replace("\\<@\u200b1>", "")
    assert "https://evil" not in told


async def test_the_longest_text_is_judged_whole_and_its_answer_still_fits(tmp_path: Path):
    async with checking(tmp_path) as bench:
        for letter in ("a", "*", "|", "<", "\U0001f600", "@here "):
            text = (letter * 6000)[:6000].strip()
            told = await check(bench, text=text)

            assert bench.scorer.scored[-1] == text
            assert "Looks fine" in told
            assert "(cut)" in told
            assert len(told.encode("utf-16-le")) // 2 <= 4000


async def test_exactly_one_of_text_and_clip_is_needed(tmp_path: Path):
    async with checking(tmp_path) as bench:
        assert "either a text or a clip" in await check(bench)
        assert "either a text or a clip" in await check(bench, text="you idiot", clip=VOICE)
        assert bench.scorer.scored == []


async def test_moderators_admins_and_the_owner_may_check_and_members_may_not(tmp_path: Path):
    async with checking(tmp_path) as bench:
        result = await bench.ann.slash(bench.lobby, "toxcheck", text="you idiot")
        assert "Only moderators may do this" in said(result)
        assert result.ephemeral
        assert bench.scorer.scored == []

        for person in (bench.mia, bench.ada, bench.olga):
            assert "very likely" in said(await person.slash(bench.lobby, "toxcheck", text="you idiot"))


async def test_a_clip_is_told_with_what_was_heard_and_how_well(tmp_path: Path):
    async with checking(tmp_path) as bench:
        clear = await check(bench, clip=VOICE)
        doubtful = await check(bench, clip=("mumbled.ogg", b"sound"))

    assert "of the clip voice-message.ogg" in clear
    assert "**Heard** (1 s, clearly heard (doubt 0.10)): ||you idiot||" in clear
    assert "the policy asks for a warning" in clear
    assert "hard to understand (doubt 0.90)" in doubtful
    assert "would ask for a warning, but the transcript is doubtful (0.90): it is only flagged" in doubtful


async def test_a_clip_that_was_not_heard_whole_or_not_at_all_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CLIPS, "half.ogg", heard("well played", complete=False, notes=("only 60 s were *heard*",)))
    monkeypatch.setitem(CLIPS, "noise.ogg", ClipRejected("noise.ogg is not audio"))
    async with checking(tmp_path) as bench:
        half = await check(bench, clip=("half.ogg", b"sound"))
        noise = await check(bench, clip=("noise.ogg", b"no sound"))
        gone = await check(bench, clip=("gone.ogg", b"sound"))

    assert "only 60 s were \\*heard\\*" in half
    assert "could not be checked whole" in half
    assert "Could not be checked" in noise
    assert "noise.ogg is not audio" in noise
    assert "Not checked: the attachment gone.ogg has expired" in gone


async def test_a_long_clip_is_told_with_where_in_it_the_worst_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    slices = (heard("well played"), heard("you idiot", start=3727.0), heard("push left", start=3740.0))
    monkeypatch.setitem(CLIPS, "long.ogg", slices)
    async with checking(tmp_path) as bench:
        rude = await check(bench, clip=("long.ogg", b"sound"))
        clean = await check(bench, clip=("clean.ogg", b"sound"))

    assert "At 1:02:07: ||you idiot||" in rude
    assert "At 0:" not in clean


async def test_a_clip_in_a_foreign_language_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CLIPS, "german.ogg", heard("gut gespielt", foreign="German"))
    async with checking(tmp_path) as bench:
        told = await check(bench, clip=("german.ogg", b"sound"))

    assert "**Heard** (1 s, spoken in German, clearly heard" in told
    assert "could not be checked: spoken in German" in told
    assert "could not be checked whole" in told


async def test_with_speech_off_a_clip_says_so_and_is_not_fetched(tmp_path: Path):
    async with open_discord(tmp_path, toxcheck.setup, speech=False) as bench:
        fetcher = LocalFetcher()
        bench.bot.services = replace(bench.bot.services, fetcher=fetcher)  # type: ignore[arg-type]

        assert "Speech is switched off" in said(await bench.ada.slash(bench.lobby, "toxcheck", clip=VOICE))
        assert fetcher.asked == []


async def test_a_server_that_knows_no_layouts_gets_plain_text(tmp_path: Path):
    async with checking(tmp_path) as bench:
        bench.env.inject_error("POST", "/webhooks/*", status=400)
        result = await bench.mia.slash(bench.lobby, "toxcheck", text="you idiot")

        assert result.response is not None
        assert "Toxic, very likely" in result.response.content
        assert "the policy asks for a warning" in result.response.content
        assert result.response.components == []


def test_no_probability_reads_as_a_certainty():
    sure = Preview("x", verdict(insult=0.9999, hate=0.00001), nothing("no"))
    told = "\n".join(judgement(sure, POLICY).blocks)

    assert "P(toxic) over 0.99" in told
    assert "under 0.01" in told
    assert "1.00" not in told
    assert "0.00" not in told

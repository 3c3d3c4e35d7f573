"""Voice messages and attached sound: fetched before anything is done, judged on their own, never passed in silence."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.cogs.watching import watch
from bot.domain import UNCHECKED
from bot.policy_community import CommunityPolicy
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.fetcher import LocalFetcher

VOICE = ("voice-message.ogg", b"sound")


def fetching(bench: DiscordBench, fetcher: LocalFetcher) -> LocalFetcher:
    bench.bot.services = replace(bench.bot.services, fetcher=fetcher)  # type: ignore[arg-type]
    return fetcher


async def test_a_voice_message_is_heard_and_flagged(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetching(bench, LocalFetcher())
        said = await bench.ann.send(bench.lobby, attachments=[VOICE])
        [incident] = await bench.incidents()

    assert (incident.clip_name, incident.text) == ("voice-message.ogg", "you idiot")
    assert (incident.key.message, incident.key.revision) == (str(said.id), f"clip:{said.attachments[0].id}")


async def test_the_clips_of_a_forward_are_heard_too(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetching(bench, LocalFetcher())
        said = await bench.ann.send(bench.lobby, attachments=[VOICE])
        await bench.ben.forward(said, bench.review)

        assert [int(each.author) for each in await bench.incidents()] == [bench.ann.id, bench.ben.id]


async def test_every_clip_is_fetched_before_the_message_can_be_deleted(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        scored: list[str] = []
        fetcher = fetching(bench, LocalFetcher(on_fetch=lambda: scored.extend(bench.scorer.scored)))
        await bench.ann.send(bench.lobby, "you idiot", attachments=[VOICE, ("clean.ogg", b"sound")])

        assert fetcher.asked == ["voice-message.ogg", "clean.ogg"]
        assert scored == []
        assert {each.clip_name for each in await bench.incidents()} == {None, "voice-message.ogg"}


async def test_a_clip_that_cannot_be_fetched_is_brought_up_with_its_name(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetching(bench, LocalFetcher("voice-message.ogg"))
        await bench.ann.send(bench.lobby, "you clown", attachments=[VOICE])
        by_name = {each.clip_name: each for each in await bench.incidents()}

    assert by_name[None].text == "you clown"
    unchecked = by_name["voice-message.ogg"]
    assert unchecked.category == UNCHECKED
    assert unchecked.decision.reasons == (
        "could not be checked: the attachment voice-message.ogg has expired or was deleted (404)",
    )


async def test_with_speech_off_clips_are_counted_and_nobody_is_bothered_with_them(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup, speech=False) as bench:
        fetcher = fetching(bench, LocalFetcher())
        await bench.ann.send(bench.lobby, "hello", attachments=[VOICE])
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        assert (fetcher.asked, await bench.incidents()) == ([], [])
        assert (tally.seen, tally.scored, tally.clips, tally.unchecked) == (2, 1, 1, 1)


async def test_an_edit_of_the_text_does_not_fetch_the_clip_again(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, LocalFetcher())
        said = await bench.ann.send(bench.lobby, "hello", attachments=[("clean.ogg", b"sound")])
        await bench.ann.edit(said, "you idiot")

        assert fetcher.asked == ["clean.ogg"]
        assert [each.text for each in await bench.incidents()] == ["you idiot"]


@pytest.mark.parametrize("exempt", ["Moderators", "nobody"])
async def test_the_clips_of_whoever_is_exempt_are_not_fetched(tmp_path: Path, exempt: str):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, LocalFetcher())
        rules = CommunityPolicy(exempt_roles=frozenset({exempt}))
        now = bench.bot.services.clock.now()
        await bench.bot.services.communities.set_rules(bench.community, rules, "ada", now, "exempt")
        await bench.mia.send(bench.lobby, attachments=[VOICE])

        assert fetcher.asked == ["voice-message.ogg"] * (exempt == "nobody")

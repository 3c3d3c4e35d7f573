"""Voice messages and attached sound: fetched before anything is done, judged on their own, never passed in silence."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.cogs.watching import watch
from bot.cogs.watching.clip_room import ClipRoom
from bot.domain import UNCHECKED, Clip
from bot.policy_community import CommunityPolicy
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.fetcher import LocalFetcher

VOICE = ("voice-message.ogg", b"sound")
BAD = "go back to your country"
"""What is deleted the first time that somebody says it."""


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


class SlowFetcher(LocalFetcher):
    """Hand out nothing before `gate` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def fetch(self, url: str, name: str) -> Clip:
        clip = await super().fetch(url, name)
        await self.gate.wait()
        return clip


async def flagged(bench: DiscordBench, number: int) -> None:
    async with asyncio.timeout(5):
        # Each look goes through the database, and lets the bot go on meanwhile.
        while len(await bench.incidents()) < number:
            pass


def remains(bench: DiscordBench) -> bool:
    return BAD in [message.content for message in bench.env.backend.messages.get(bench.lobby.id, {}).values()]


async def test_a_text_is_flagged_while_its_clips_are_on_their_way_and_deleted_once_they_are_here(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetcher = fetching(bench, SlowFetcher())
        sending = asyncio.create_task(bench.ann.send(bench.lobby, BAD, attachments=[VOICE]))
        await flagged(bench, 1)
        assert fetcher.asked == ["voice-message.ogg"]
        assert remains(bench)

        fetcher.gate.set()
        await sending
        assert not remains(bench)
        assert {each.clip_name for each in await bench.incidents()} == {None, "voice-message.ogg"}


async def test_clips_that_do_not_come_do_not_keep_a_text_from_being_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.cogs.watching.delivery._CLIPS_WITHIN_S", 0)
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetcher = fetching(bench, SlowFetcher())
        sending = asyncio.create_task(bench.ann.send(bench.lobby, BAD, attachments=[VOICE]))
        async with asyncio.timeout(5):
            while not await bench.incidents() or remains(bench):
                pass
        assert not fetcher.gate.is_set()
        fetcher.gate.set()
        await sending


async def test_texts_with_clips_are_judged_however_many_clips_wait(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, SlowFetcher())
        for number in range(8):
            author = (bench.ann, bench.ben)[number % 2]
            files = bench.env.backend.store_attachments(bench.lobby.id, [("clean.ogg", b"sound")])
            bench.env.backend.create_message(bench.lobby.id, author.id, "you idiot", attachments=files)
        await flagged(bench, 8)
        fetcher.gate.set()
        await bench.env.settle()


async def test_clips_for_which_there_is_no_room_are_counted_as_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("bot.cogs.watching.delivery.ClipRoom", partial(ClipRoom, 1))
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, LocalFetcher())
        said = await bench.ann.send(bench.lobby, "hello", attachments=[("clean.ogg", b"sound"), VOICE])
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        assert (fetcher.asked, tally.clips, tally.unchecked, tally.seen) == (["clean.ogg"], 2, 1, 3)
    assert f"too many clips at once: 1 of message {said.id} are not heard" in caplog.text


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

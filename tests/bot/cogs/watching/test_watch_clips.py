"""Voice messages and attached sound: fetched before anything is done, judged on their own, never passed in silence."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.cogs.watching import watch
from bot.cogs.watching.clip_room import ClipRoom
from bot.cogs.watching.intake import Intake
from bot.domain import UNCHECKED, Action, Clip, Outcome
from bot.errors import SpeechError
from bot.policy_community import CommunityPolicy
from tests.fakes.chat import heard
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


async def test_clips_for_which_there_is_no_room_are_brought_up_as_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("bot.cogs.watching.delivery.ClipRoom", partial(ClipRoom, 1))
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, LocalFetcher())
        said = await bench.ann.send(bench.lobby, "hello", attachments=[("clean.ogg", b"sound"), VOICE])
        tally = bench.bot.services.pipeline.tally_of(bench.community)
        [incident] = await bench.incidents()

        assert (incident.category, incident.clip_name) == (UNCHECKED, "voice-message.ogg")
        assert incident.decision.reasons == (
            "could not be checked: too many clips at once: 1 of this message not heard",
        )
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


async def test_what_is_found_in_a_clip_is_acted_on_before_its_end_was_heard(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetching(bench, LocalFetcher())
        gate = asyncio.Event()
        bench.transcriber.script["voice-message.ogg"] = (heard(BAD, start=42.0), gate, heard("well played"))
        sending = asyncio.create_task(bench.ann.send(bench.lobby, "hello", attachments=[VOICE]))
        async with asyncio.timeout(5):
            while not await bench.incidents() or bench.env.backend.messages.get(bench.lobby.id):
                pass
        assert not gate.is_set()
        gate.set()
        await sending
        [incident] = await bench.incidents()

    assert (incident.decision.action, incident.outcome, incident.clip_at) == (Action.DELETE, Outcome.DONE, 42.0)


async def test_something_graver_later_in_a_clip_is_acted_on_too_and_shown_on_the_same_card(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetching(bench, LocalFetcher())
        slices = (heard("you idiot", start=5.0), heard(BAD, start=80.0), heard("you clown", start=90.0))
        bench.transcriber.script["voice-message.ogg"] = slices
        await bench.ann.send(bench.lobby, attachments=[VOICE])
        found, [card] = await bench.incidents(), bench.review.history()

    assert [each.decision.action for each in found] == [Action.WARN, Action.DELETE]
    assert [each.outcome for each in found] == [Outcome.DONE, Outcome.DONE]
    assert "in a voice clip at 0:05" in str(card.components)
    assert "in a voice clip at 1:20" in str(card.components)


async def test_a_clip_that_comes_again_is_acted_on_once(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetching(bench, LocalFetcher())
        bench.transcriber.script["voice-message.ogg"] = (heard("maybe rude"), heard("you idiot", start=80.0))
        await bench.ann.send(bench.lobby, attachments=[VOICE])
        before = await bench.incidents()
        [message] = bench.bot.cached_messages[:1]

        assert await Intake(bench.bot).take_message(message)

        assert bench.transcriber.asked == ["voice-message.ogg"] * 2
        assert await bench.incidents() == before
        assert bench.bot.services.pipeline.tally.outcomes.total() == sum(
            each.decision.action.punishes for each in before
        )


async def test_a_clip_that_fails_midway_is_acted_on_and_the_rest_brought_up(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetching(bench, LocalFetcher())
        bench.transcriber.script["voice-message.ogg"] = (heard("you idiot"), SpeechError("the model broke down"))
        await bench.ann.send(bench.lobby, attachments=[VOICE])
        found, [card] = await bench.incidents(), bench.review.history()

    assert [(each.category, each.outcome) for each in found] == [
        ("insult", Outcome.DONE),
        (UNCHECKED, Outcome.NOT_NEEDED),
    ]
    assert "the model broke down" in str(card.components)


async def test_a_clip_keeps_its_place_until_it_was_heard_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.cogs.watching.delivery.ClipRoom", partial(ClipRoom, 1))
    async with open_discord(tmp_path, watch.setup) as bench:
        fetcher = fetching(bench, LocalFetcher())
        gate = asyncio.Event()
        bench.transcriber.script["voice-message.ogg"] = (heard("you idiot"), gate)
        sending = asyncio.create_task(bench.ann.send(bench.lobby, attachments=[VOICE]))
        await flagged(bench, 1)
        files = bench.env.backend.store_attachments(bench.lobby.id, [("clean.ogg", b"sound")])
        bench.env.backend.create_message(bench.lobby.id, bench.ben.id, "you clown", attachments=files)
        await flagged(bench, 2)
        assert fetcher.asked == ["voice-message.ogg"]
        gate.set()
        await sending
        await bench.ben.send(bench.lobby, attachments=[("clean.ogg", b"sound")])

        assert fetcher.asked == ["voice-message.ogg", "clean.ogg"]
        assert bench.bot.services.pipeline.tally_of(bench.community).clips_unchecked == 1


class Sound(bytes):
    """Tell when it is gone."""

    gone: asyncio.Event

    def __del__(self) -> None:
        self.gone.set()


class OneAtOnceFetcher(SlowFetcher):
    """Hand out the first clip at once, with bytes that tell when they are gone; the others wait for `gate`."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()

    async def fetch(self, url: str, name: str) -> Clip:
        if self.asked:
            return await super().fetch(url, name)
        self.asked.append(name)
        sound = Sound(b"sound")
        sound.gone = self.gone
        return Clip(name, sound)


async def test_the_sound_is_gone_once_it_was_heard_even_while_its_action_waits(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        fetcher = OneAtOnceFetcher()
        fetching(bench, fetcher)
        sending = asyncio.create_task(bench.ann.send(bench.lobby, attachments=[VOICE, ("clean.ogg", b"sound")]))

        await asyncio.wait_for(fetcher.gone.wait(), 5)
        [waiting] = await bench.incidents()
        assert waiting.outcome is Outcome.PENDING

        fetcher.gate.set()
        await sending
        assert [each.outcome for each in await bench.incidents()] == [Outcome.DONE]

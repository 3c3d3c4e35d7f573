"""The menus of a message: moderators check it, members report it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import simcord

from bot.cogs.reviewing import toxcheck
from bot.cogs.reviewing.report_limit import MOST, WINDOW, ReportLimit
from bot.domain import REPORTED, Action, ReviewVerdict, Surface
from tests.fakes.answers import put, said, texts_of
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.fetcher import LocalFetcher

VOICE = ("voice-message.ogg", b"sound")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[DiscordBench]:
    """Open a server that was set up, and that can fetch every clip but one."""
    async with open_discord(folder, toxcheck.setup) as bench:
        await bench.set_up()
        bench.bot.services = replace(bench.bot.services, fetcher=LocalFetcher("gone.ogg"))  # type: ignore[arg-type]
        yield bench


async def check(bench: DiscordBench, message: discord.Message, person: simcord.MemberActor | None = None) -> str:
    result = await (person or bench.mia).context_menu(bench.lobby, "Check toxicity", message)
    assert result.ephemeral
    return said(result)


async def report(bench: DiscordBench, message: discord.Message, person: simcord.MemberActor | None = None) -> str:
    result = await (person or bench.ben).context_menu(bench.lobby, "Report to moderators", message)
    assert result.ephemeral
    return said(result)


def cards(bench: DiscordBench) -> list[str]:
    """Return what the review channel shows."""
    raw = bench.env.backend.messages.get(bench.review.id, {}).values()
    return ["\n".join([message.content, *texts_of(message.components)]) for message in raw]


async def test_a_message_is_checked_with_a_link_and_nothing_is_kept(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you idiot")
        told = await check(bench, message)

        assert "Toxic, very likely" in told
        assert message.jump_url in told
        assert await bench.incidents() == []


async def test_what_came_with_a_message_is_checked_and_its_clips_one_by_one(tmp_path: Path):
    async with watched(tmp_path) as bench:
        files = [("you_clown.txt", b"x"), VOICE, ("gone.ogg", b"x"), ("clean.ogg", b"x"), ("mumbled.ogg", b"x")]
        told = await check(bench, await bench.ann.send(bench.lobby, attachments=files))

    assert "||you clown||" in told
    assert "of the clip voice-message.ogg" in told
    assert "Not checked: the attachment gone.ogg has expired" in told
    assert "of the clip clean.ogg" in told
    assert "of the clip mumbled.ogg" not in told
    assert "Only 3 of the 4 clips were checked." in told


async def test_a_message_with_nothing_in_it_says_so(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, attachments=[("_.png", b"x")])

        assert "nothing in this message that can be checked" in await check(bench, message)


async def test_members_may_not_check_messages(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you idiot")

        assert "Only moderators may do this" in await check(bench, message, bench.ben)
        assert bench.scorer.scored == []


async def test_a_report_is_thanked_kept_and_shown_to_the_moderators_alone(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "meet me **behind** the school @everyone")
        told = await report(bench, message)
        [incident] = await bench.incidents()
        [review] = await bench.stores.incidents.reviews(incident.id)

        assert "Thank you" in told
        assert (incident.category, incident.decision.action) == (REPORTED, Action.FLAG)
        assert (incident.author, incident.text) == (str(bench.ann.id), message.content)
        assert (incident.key.channel, incident.key.message) == (str(bench.lobby.id), str(message.id))
        assert (review.verdict, review.moderator) == (ReviewVerdict.REPORT, str(bench.ben.id))
        [card] = cards(bench)
        assert f"Reported by <@{bench.ben.id}>" in card
        assert "@everyone" not in card
        assert bench.lobby.history(viewer=bench.ann) == [message]


async def test_a_message_is_reported_once_by_each_and_is_one_incident(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "meet me behind the school")
        await report(bench, message)

        assert "You reported this message before" in await report(bench, message)
        assert "Thank you" in await report(bench, message, bench.mia)
        [incident] = await bench.incidents()
        assert len(await bench.stores.incidents.reviews(incident.id)) == 2


async def test_a_report_of_what_was_flagged_joins_its_incident(tmp_path: Path):
    async with watched(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you idiot")
        flagged = await put(bench, str(message.id))

        assert "Thank you" in await report(bench, message)
        [incident] = await bench.incidents()
        assert (incident.id, incident.category) == (flagged.id, "insult")


async def test_a_reported_voice_message_comes_with_what_is_heard_in_it(tmp_path: Path):
    async with watched(tmp_path) as bench:
        await report(bench, await bench.ann.send(bench.lobby, attachments=[("clean.ogg", b"sound")]))
        await report(bench, await bench.ann.send(bench.lobby, attachments=[("gone.ogg", b"sound")]))
        heard, gone = await bench.incidents()

    assert (heard.clip_name, heard.text, heard.surface) == ("clean.ogg", "well played", Surface.CLIP)
    assert (gone.clip_name, gone.category) == ("gone.ogg", REPORTED)


async def test_a_forward_and_a_picture_can_be_reported(tmp_path: Path):
    async with watched(tmp_path) as bench:
        forward = await bench.ann.forward(await bench.ben.send(bench.log, "meet me"), bench.lobby)
        await report(bench, forward, bench.mia)
        await report(bench, await bench.ann.send(bench.lobby, attachments=[("_.png", b"x")]))
        first, second = await bench.incidents()

    assert (first.text, first.surface, first.author) == ("meet me", Surface.FORWARD, str(bench.ann.id))
    assert (second.text, second.category) == ("", REPORTED)


async def test_nobody_reports_themselves_or_the_bot(tmp_path: Path):
    async with watched(tmp_path) as bench:
        own = await bench.ben.send(bench.lobby, "I said something bad")
        ours = await bench.bot.get_channel(bench.lobby.id).send("hello")  # type: ignore[union-attr]

        assert "your own message" in await report(bench, own)
        assert "a message of Referee itself" in await report(bench, ours)
        assert await bench.incidents() == []


async def test_a_member_reports_five_messages_in_ten_minutes_and_others_are_not_held_up(tmp_path: Path):
    async with watched(tmp_path) as bench:
        messages = [await bench.ann.send(bench.lobby, f"message {number}") for number in range(MOST + 1)]
        for message in messages[:MOST]:
            assert "Thank you" in await report(bench, message)

        assert "Wait a little" in await report(bench, messages[MOST])
        assert len(await bench.incidents()) == MOST
        assert "Thank you" in await report(bench, messages[MOST], bench.mia)
        await bench.env.advance_time(WINDOW.total_seconds())
        assert "Thank you" in await report(bench, messages[MOST])


async def test_reporting_the_same_again_uses_no_report_up(tmp_path: Path):
    async with watched(tmp_path) as bench:
        first = await bench.ann.send(bench.lobby, "meet me behind the school")
        for _ in range(MOST + 1):
            await report(bench, first)

        assert "Thank you" in await report(bench, await bench.ann.send(bench.lobby, "another one"))


def test_the_limit_is_each_members_own_in_each_server_and_forgets():
    limit = ReportLimit()
    for number in range(MOST):
        assert limit.take("1", "ben", NOON + timedelta(seconds=number))

    assert not limit.take("1", "ben", NOON + WINDOW - timedelta(seconds=1))
    assert limit.take("1", "ann", NOON)
    assert limit.take("2", "ben", NOON)
    assert limit.take("1", "ben", NOON + WINDOW)
    assert not limit.take("1", "ben", NOON + WINDOW)


def test_the_limit_remembers_nobody_longer_than_it_has_to():
    limit = ReportLimit()
    for number in range(100):
        limit.take("1", f"member {number}", NOON)

    limit.take("1", "late", NOON + WINDOW)

    assert len(limit._taken) == 1


def test_what_is_given_back_can_be_taken_again():
    limit = ReportLimit()
    for _ in range(MOST):
        limit.take("1", "ben", NOON)
    limit.give_back("1", "ben", NOON)
    limit.give_back("1", "nobody", NOON)

    assert limit.take("1", "ben", NOON)
    assert not limit.take("1", "ben", NOON)

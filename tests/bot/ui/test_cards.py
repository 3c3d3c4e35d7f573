"""Cards on their way to the moderators: sent, edited, refused, sent later."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import aiohttp
import discord
import pytest

from bot.domain import Action, Excerpt, Outcome, ReviewVerdict
from bot.errors import StoreFull
from bot.ui.face import Sight
from tests.bot.ui.scene import (
    card,
    cards,
    decision,
    flag,
    flag_done,
    forget_review_channel,
    incident_of,
    labels,
    on_bench,
    pinged,
    restart,
    shown,
)
from tests.fakes.discord_bench import DiscordBench

SEND = ("POST", "/channels/*/messages")
EDIT = ("PATCH", "/channels/*/messages/*")


def requests(bench: DiscordBench, method: str, start: int = 0) -> int:
    place = f"/channels/{bench.review.id}/messages"
    sent = bench.env.http_requests[start:]
    return sum(request.method == method and request.path.startswith(place) for request in sent)


@on_bench
async def test_what_is_flagged_is_shown_in_the_review_channel_and_pings_nobody(bench: DiscordBench):
    await flag(bench, "you idiot @everyone || peek")
    message = card(bench)
    assert message.flags.components_v2
    assert "insult, very likely (0.97)" in shown(message)
    assert "||you idiot @\u200beveryone \\|\\| peek||" in shown(message)
    assert list(labels(message.components)) == ["Confirm", "False alarm", "Relabel", "Escalate", "Take over"]
    assert pinged(bench, bench.review) == ([], [])


@on_bench
async def test_the_pipeline_shows_what_it_flags(bench: DiscordBench):
    message = await bench.ann.send(bench.lobby, "maybe rude")
    pictured = incident_of(bench.community, str(bench.lobby.id), str(message.id), str(bench.ann.id))
    excerpt = Excerpt(pictured.key, pictured.author, pictured.at, "maybe rude")
    await bench.bot.services.pipeline.handle(excerpt)
    await bench.env.settle()
    assert "maybe rude" in shown(card(bench))


@on_bench
async def test_an_outburst_is_one_card_and_another_member_has_a_card_of_their_own(bench: DiscordBench):
    await flag(bench, "you idiot")
    await flag(bench, "you clown")
    await flag(bench, "idiot", by=bench.ben)
    first, second = cards(bench)
    assert "||you idiot||" in shown(first)
    assert "||you clown||" in shown(first)
    assert "incidents 1 to 2" in shown(first)
    assert "||idiot||" in shown(second)


@on_bench
async def test_what_was_flagged_long_after_or_since_a_verdict_has_a_new_card(bench: DiscordBench):
    await flag(bench)
    await bench.env.advance_time(120)
    await flag(bench)
    first, second = cards(bench)
    assert "Before, in this server (90 days): 1 insult" in shown(second)
    await bench.bot.services.desk.decide(2, ReviewVerdict.DISMISS, "1")
    await flag(bench)
    assert len(cards(bench)) == 3
    assert "Before, in this server (90 days): 1 insult" in shown(cards(bench)[2])
    assert first.id != second.id


@on_bench
async def test_a_flood_of_one_member_is_few_edits_of_one_card(bench: DiscordBench):
    await flag(bench)
    fresh = [await flag(bench, f"you clown {n}", show=False) for n in range(8)]
    cards_of, begun, gate = bench.bot.cards, asyncio.Event(), asyncio.Event()
    really, rounds = cards_of._delivery.deliver, []

    async def slowly(sight: Sight) -> bool:
        rounds.append(len(sight.case.incidents))
        begun.set()
        await gate.wait()
        return await really(sight)

    cards_of._delivery.deliver = slowly
    excerpts = [Excerpt(each.key, each.author, each.at, each.text or "") for each in fresh]
    first = asyncio.create_task(cards_of.notify(excerpts[0], fresh[0]))
    await begun.wait()
    await asyncio.gather(*(cards_of.notify(e, i) for e, i in zip(excerpts[1:], fresh[1:], strict=True)))
    gate.set()
    await first
    assert rounds == [2, 9]
    assert "you clown 7" in shown(card(bench))


@on_bench
async def test_a_server_without_the_newer_layout_gets_plain_cards_with_the_same_buttons(bench: DiscordBench):
    bench.env.inject_error(*SEND, status=400, code=50035)
    await flag(bench)
    message = card(bench)
    assert not message.flags.components_v2
    assert "||you idiot||" in message.content
    assert list(labels(message.components)) == ["Confirm", "False alarm", "Relabel", "Escalate", "Take over"]
    start = len(bench.env.http_requests)
    await flag(bench, by=bench.ben)
    assert requests(bench, "POST", start) == 1, "the server is not asked for the newer layout again"
    first, second = cards(bench)
    assert not second.flags.components_v2
    await bench.mia.click(first, label="Confirm")
    assert "**Confirmed**, says" in cards(bench)[0].content


@on_bench
async def test_a_plain_card_stays_plain_after_a_restart(bench: DiscordBench):
    bench.env.inject_error(*SEND, status=400, code=50035)
    await flag(bench)
    await restart(bench)
    bench.env.inject_error(*EDIT, status=400, code=50035)
    await bench.mia.click(card(bench), label="Confirm")
    assert "**Confirmed**, says" in card(bench).content


@on_bench
async def test_trouble_with_the_database_ends_no_trying(bench: DiscordBench, monkeypatch: pytest.MonkeyPatch):
    await flag(bench, show=False)
    store = bench.stores.cards
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "unsent", full)
        await bench.env.advance_time(61)
        assert cards(bench) == []
    await bench.env.advance_time(61)
    assert "you idiot" in shown(card(bench))


async def full(store: object, community: str | None = None) -> None:
    raise StoreFull("no room is left")


@on_bench
async def test_a_card_that_no_form_of_is_taken_is_noted_and_sent_when_it_can_be(bench: DiscordBench):
    bench.env.inject_error(*SEND, status=500, times=10)
    await flag(bench)
    assert cards(bench) == []
    (waiting,) = await bench.stores.cards.unsent()
    assert "500" in waiting.trouble or "did not take it" in waiting.trouble
    bench.env.backend.faults.clear()
    await bench.env.advance_time(61)
    assert "you idiot" in shown(card(bench))
    assert await bench.stores.cards.unsent() == []


@on_bench
async def test_without_a_review_channel_the_card_says_what_to_do_and_waits(bench: DiscordBench):
    await forget_review_channel(bench)
    await flag(bench)
    (waiting,) = await bench.stores.cards.unsent(bench.community)
    assert "/referee setup" in waiting.trouble
    await bench.set_up()
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert "you idiot" in shown(card(bench))


@on_bench
async def test_a_channel_that_the_bot_may_not_write_in_is_not_even_tried(bench: DiscordBench):
    bot_role = bench.env.backend.guilds[bench.guild.id].roles[bench.guild.roles[bench.bot.user.name].id]
    everyone = bench.env.backend.guilds[bench.guild.id].roles[bench.guild.id]
    guild = bench.bot.get_guild(bench.guild.id)
    assert guild is not None
    for role in (bot_role, everyone):
        cached = guild.get_role(role.id)
        assert cached is not None
        cached._permissions = discord.Permissions(view_channel=True).value
    await flag(bench)
    (waiting,) = await bench.stores.cards.unsent()
    assert "may not write" in waiting.trouble
    assert requests(bench, "POST") == 0


@on_bench
async def test_a_refusal_that_nobody_could_foresee_is_noted(bench: DiscordBench):
    bench.env.inject_error(*SEND, status=403, code=50013)
    await flag(bench)
    (waiting,) = await bench.stores.cards.unsent()
    assert "may not write" in waiting.trouble


@on_bench
async def test_a_connection_that_breaks_is_noted_and_hinders_nothing(
    bench: DiscordBench, monkeypatch: pytest.MonkeyPatch
):
    async def cut_off(*given: object, **rest: object) -> None:
        raise aiohttp.ServerDisconnectedError

    with monkeypatch.context() as broken:
        broken.setattr(bench.bot.http, "send_message", cut_off)
        await flag_done(bench)
        await bench.bot.cards.call_for_help(bench.community, "help")
    (waiting,) = await bench.stores.cards.unsent()
    assert "ServerDisconnectedError" in waiting.trouble
    await bench.env.advance_time(61)
    assert "you idiot" in shown(card(bench))


@on_bench
async def test_a_card_that_a_moderator_deleted_is_not_sent_again(bench: DiscordBench):
    await flag(bench)
    await bench.ada.delete(card(bench))
    await flag(bench, "you clown")
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert cards(bench) == []
    assert await bench.stores.cards.unsent() == []
    assert len(await bench.incidents()) == 2


@on_bench
async def test_a_card_in_a_channel_that_is_gone_is_shown_in_the_next_one(bench: DiscordBench):
    await flag(bench)
    bench.env.inject_error(*EDIT, status=404, code=10003)
    await flag(bench, "you clown")
    (waiting,) = await bench.stores.cards.unsent()
    assert "gone" in waiting.trouble
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert "you clown" in shown(cards(bench)[-1])


@on_bench
async def test_an_edit_that_fails_is_made_up_for(bench: DiscordBench):
    await flag(bench)
    bench.env.inject_error(*EDIT, status=500, times=10)
    await flag(bench, "you clown")
    assert "you clown" not in shown(card(bench))
    bench.env.backend.faults.clear()
    await bench.env.advance_time(61)
    assert "you clown" in shown(card(bench))


@on_bench
async def test_after_a_crash_between_flag_and_card_the_card_is_made(bench: DiscordBench):
    await flag(bench, show=False)
    await restart(bench)
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert "you idiot" in shown(card(bench))
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert len(cards(bench)) == 1


@on_bench
async def test_after_a_crash_during_an_edit_the_card_is_brought_up_to_date(
    bench: DiscordBench, monkeypatch: pytest.MonkeyPatch
):
    async def killed(*given: object, **rest: object) -> None:
        raise asyncio.CancelledError

    await flag(bench)
    fresh = await flag(bench, "you clown", show=False)
    with monkeypatch.context() as broken, pytest.raises(asyncio.CancelledError):
        broken.setattr(bench.bot.http, "edit_message", killed)
        await bench.bot.cards.notify(Excerpt(fresh.key, fresh.author, fresh.at, "you clown"), fresh)
    await restart(bench)
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert "you clown" in shown(card(bench))
    start = len(bench.env.http_requests)
    await bench.bot.cards.restore()
    assert requests(bench, "PATCH", start) == 0, "what is up to date is left alone"


@on_bench
async def test_after_a_crash_between_a_verdict_and_its_card_the_card_shows_the_verdict(
    bench: DiscordBench, monkeypatch: pytest.MonkeyPatch
):
    async def killed(*given: object, **rest: object) -> None:
        raise asyncio.CancelledError

    await flag(bench)
    await bench.bot.services.desk.decide(1, ReviewVerdict.CONFIRM, str(bench.mia.id))
    with monkeypatch.context() as broken, pytest.raises(asyncio.CancelledError):
        broken.setattr(bench.bot.http, "edit_message", killed)
        await bench.bot.cards.show(1)
    await restart(bench)
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert "**Confirmed**, says" in shown(card(bench))


@on_bench
async def test_a_long_list_of_unsent_cards_is_sent_in_portions(bench: DiscordBench):
    for n in range(25):
        at = discord.utils.utcnow() - timedelta(hours=30 - n)
        await bench.stores.incidents.record(
            incident_of(bench.community, str(bench.lobby.id), str(n + 1), str(bench.ann.id), at=at)
        )
    await bench.bot.cards.restore()
    await bench.env.settle()
    assert len(cards(bench)) == 10
    for _ in range(3):
        await bench.bot.cards.restore()
    await bench.env.settle()
    assert len(cards(bench)) == 25


@on_bench
async def test_incidents_of_a_server_that_the_bot_left_wait_in_peace(bench: DiscordBench):
    await bench.stores.incidents.record(incident_of("12345", "2", "3", "4"))
    await bench.bot.cards.restore()
    assert cards(bench) == []
    assert await bench.stores.cards.unsent() == []


@on_bench
async def test_the_log_channel_gets_a_line_for_what_was_done_that_quotes_nobody(bench: DiscordBench):
    await flag_done(bench)
    held = decision(Action.TIMEOUT)
    await flag(bench, by=bench.ben, decision=held, outcome=Outcome.HELD, outcome_detail="too many")
    (line,) = bench.log.history()
    assert line.content == f"Incident 1, <@{bench.ann.id}>, insult: timed out for 10 minutes"


@on_bench
async def test_the_actions_of_a_raid_are_few_messages_in_the_log_channel(bench: DiscordBench):
    raid = [
        incident_of(bench.community, "2", str(n), str(n), decision=decision(Action.BAN), outcome=Outcome.DONE)
        for n in range(60)
    ]

    async def on_message(message: discord.Message) -> None:
        """Tell of them from within the bot, so that its timers are the simulation's."""
        if message.content == "go":
            for n, each in enumerate(raid, 1):
                await bench.bot.cards._actions.add(replace(each, id=n))

    bench.bot.add_listener(on_message)
    await bench.ben.send(bench.lobby, "go")
    assert len(bench.log.history()) == 1, "the first is told at once"
    await bench.env.advance_time(6)
    first, rest = (message.content for message in bench.log.history())
    assert first == "Incident 1, <@0>, insult: banned"
    told = rest.splitlines()
    assert told[0] == "Incident 2, <@1>, insult: banned"
    assert told[-1] == f"and {60 - len(told)} more: see `/incidents list`"
    assert len(rest) <= 2000

    await bench.env.advance_time(60)
    await flag_done(bench)
    assert len(bench.log.history()) == 3, "when it is quiet again, each is told at once again"


@on_bench
async def test_what_was_gathered_for_the_log_is_written_before_the_bot_ends(bench: DiscordBench):
    await flag_done(bench)
    await flag_done(bench, by=bench.ben)
    assert len(bench.log.history()) == 1
    await bench.bot.remove_cog("CardKeeper")
    assert f"<@{bench.ben.id}>, insult: timed out for 10 minutes" in bench.log.history()[-1].content


@on_bench
async def test_a_log_channel_that_fails_hinders_no_card(bench: DiscordBench, caplog: pytest.LogCaptureFixture):
    bench.env.inject_error("POST", f"/channels/{bench.log.id}/messages", status=500, times=10)
    with caplog.at_level(logging.WARNING):
        await flag_done(bench)
    assert "timed out for 10 minutes" in shown(card(bench))
    assert "you idiot" not in caplog.text


@on_bench
async def test_a_refused_action_is_visible_on_the_card(bench: DiscordBench):
    kick = decision(Action.KICK)
    await flag(bench, decision=kick, outcome=Outcome.REFUSED, outcome_detail="Kick Members is missing")
    assert "a kick: not allowed: Kick Members is missing" in shown(card(bench))


@on_bench
async def test_the_log_records_ids_and_no_content(bench: DiscordBench, caplog: pytest.LogCaptureFixture):
    bench.env.inject_error(*SEND, status=403, code=50013)
    with caplog.at_level(logging.DEBUG, logger="bot"):
        await flag(bench, "what an idiot you are")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot")]
    assert any("card 1" in message for message in ours)
    assert not any("idiot" in message for message in ours)

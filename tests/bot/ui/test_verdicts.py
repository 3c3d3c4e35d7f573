"""The buttons of a card: verdicts, escalation, taking over, reopening, and who may press them."""

import asyncio

import discord
import pytest

from bot.domain import Outcome, ReviewState, ReviewVerdict
from bot.errors import RefereeError
from bot.ui import buttons
from bot.ui.acting import ActButton, TimeoutSelect
from bot.ui.help_call import ReleaseButton
from bot.ui.relabel import RelabelSelect
from tests.bot.ui.scene import (
    StandIn,
    card,
    cards,
    flag,
    flag_done,
    incident_of,
    labels,
    on_bench,
    pinged,
    restart,
    said,
    shown,
)
from tests.fakes.chat import LATER
from tests.fakes.discord_bench import DiscordBench


async def states(bench: DiscordBench) -> set[ReviewState]:
    return {incident.state for incident in await bench.incidents()}


@on_bench
async def test_a_confirmed_card_shows_who_said_so_and_can_only_be_reopened_or_acted_on(bench: DiscordBench):
    await flag_done(bench)
    await flag_done(bench, text="you clown")
    result = await bench.mia.click(card(bench), label="Confirm")
    assert await states(bench) == {ReviewState.CONFIRMED}
    assert f"**Confirmed**, says <@{bench.mia.id}>" in shown(card(bench))
    assert list(labels(card(bench).components)) == ["Reopen", "Act"]
    assert result.followups == [], "what the card shows needs no words beside it"
    assert f"Incidents 1 to 2, <@{bench.ann.id}>, insult: confirmed, says <@{bench.mia.id}>" in [
        line.content for line in bench.log.history()
    ]


@on_bench
async def test_a_false_alarm_takes_back_what_was_done_and_says_so(bench: DiscordBench, acting: StandIn):
    incident = await flag_done(bench)
    result = await bench.mia.click(card(bench), label="False alarm")
    assert acting.undone == [incident.id]
    assert await states(bench) == {ReviewState.DISMISSED}
    assert "taken back: the timeout was lifted" in shown(card(bench))
    assert "the timeout was lifted" in said(result)
    assert list(labels(card(bench).components)) == ["Reopen"]


@on_bench
async def test_the_second_moderator_is_told_who_was_first_and_what_they_said(bench: DiscordBench, acting: StandIn):
    await flag_done(bench)
    before = card(bench)
    await bench.mia.click(before, label="Confirm")
    stale = await press_stale(bench, "dismiss")
    assert f"<@{bench.mia.id}> was first: confirmed" in stale
    assert acting.undone == []
    assert await states(bench) == {ReviewState.CONFIRMED}


async def press_stale(bench: DiscordBench, verb: str) -> str:
    """Press a button that the card does not show any more, as somebody whose Discord lags behind does."""
    message = card(bench)
    stored = bench.env.backend.get_message(message.channel.id, message.id)
    now, stored.components = stored.components, [row(f"referee:card:{verb}:1")]
    try:
        result = await bench.ada.click(message, custom_id=f"referee:card:{verb}:1")
    finally:
        if list(labels(stored.components)) == ["old"]:
            stored.components = now
    return said(result)


def row(custom_id: str) -> dict[str, object]:
    return {"type": 1, "components": [{"type": 2, "style": 2, "label": "old", "custom_id": custom_id}]}


@on_bench
async def test_two_moderators_at_once_give_one_verdict_and_one_of_them_is_told(bench: DiscordBench, acting: StandIn):
    await flag_done(bench)
    desk = bench.bot.services.desk
    answers = await asyncio.gather(
        desk.decide(1, ReviewVerdict.CONFIRM, str(bench.mia.id)),
        desk.decide(1, ReviewVerdict.DISMISS, str(bench.ada.id)),
    )
    assert sorted(answer.done for answer in answers) == [False, True]
    kept = await bench.stores.incidents.reviews(1)
    assert len(kept) == 1


@on_bench
async def test_members_are_told_that_they_may_not_and_nothing_happens(bench: DiscordBench):
    await flag_done(bench)
    for label in ("Confirm", "False alarm", "Relabel", "Escalate", "Take over"):
        assert "moderators" in said(await bench.ben.click(card(bench), label=label))
    assert await states(bench) == {ReviewState.OPEN}
    assert await bench.stores.incidents.reviews(1) == []


@on_bench
async def test_the_owner_and_administrators_may_without_the_moderators_role(bench: DiscordBench):
    await flag_done(bench)
    await flag_done(bench, by=bench.ben)
    first, second = cards(bench)
    await bench.olga.click(first, label="Confirm")
    await bench.ada.click(second, label="Confirm")
    assert await states(bench) == {ReviewState.CONFIRMED}


@on_bench
async def test_relabelling_offers_the_models_categories_and_keeps_the_choice(bench: DiscordBench):
    await flag_done(bench)
    result = await bench.mia.click(card(bench), label="Relabel")
    (choice,) = result.followups
    assert choice.ephemeral
    options = choice.components[0]["components"][0]["options"]
    assert [option["value"] for option in options] == list(bench.bot.services.communities.basis.labels.names)
    assert all(option["description"] for option in options)
    await bench.mia.select(choice, ["hate"])
    (incident,) = await bench.incidents()
    assert (incident.state, incident.category) == (ReviewState.CONFIRMED, "hate")
    assert f"**Confirmed as hate**, says <@{bench.mia.id}>" in shown(card(bench))


@on_bench
async def test_relabelling_a_decided_card_tells_who_was_first(bench: DiscordBench):
    await flag_done(bench)
    choice = (await bench.ada.click(card(bench), label="Relabel")).followups[0]
    await bench.mia.click(card(bench), label="Confirm")
    assert "was first: confirmed" in said(await bench.ada.select(choice, ["hate"]))
    assert "was first: confirmed" in await press_stale(bench, "relabel")
    (incident,) = await bench.incidents()
    assert incident.category == "insult"


@on_bench
async def test_relabelling_survives_a_restart(bench: DiscordBench):
    await flag_done(bench)
    choice = (await bench.mia.click(card(bench), label="Relabel")).followups[0]
    await restart(bench)
    await bench.mia.select(choice, ["spam"])
    assert (await bench.incidents())[0].category == "spam"


@on_bench
async def test_escalating_calls_the_moderators_once_and_leaves_the_card_open(bench: DiscordBench):
    await flag_done(bench)
    await bench.mia.click(card(bench), label="Escalate")
    assert await states(bench) == {ReviewState.ESCALATED}
    call = bench.review.last_message
    assert "second opinion" in call.content
    assert bench.moderators.mention in call.content
    assert pinged(bench, bench.review) == ([], [bench.moderators.id])
    assert call.reference is not None
    assert call.reference.message_id == card(bench).id
    assert f"Escalated by <@{bench.mia.id}>" in shown(card(bench))
    assert "Escalate" not in labels(card(bench).components)
    assert "was first: escalated" in await press_stale(bench, "escalate")
    assert len(bench.review.history()) == 2
    await bench.ada.click(card(bench), label="Confirm")
    assert await states(bench) == {ReviewState.CONFIRMED}


@on_bench
async def test_a_card_that_was_taken_over_is_closed_to_others_until_they_take_it_over(bench: DiscordBench):
    await flag_done(bench)
    await bench.mia.click(card(bench), label="Take over")
    assert f"Taken over by <@{bench.mia.id}>" in shown(card(bench))
    assert "already" in said(await bench.mia.click(card(bench), label="Take over"))
    assert "Take it over" in said(await bench.ada.click(card(bench), label="Confirm"))
    assert await states(bench) == {ReviewState.OPEN}
    assert f"<@{bench.mia.id}>'s before" in said(await bench.ada.click(card(bench), label="Take over"))
    await bench.ada.click(card(bench), label="Confirm")
    assert await states(bench) == {ReviewState.CONFIRMED}


@on_bench
async def test_a_reopened_card_waits_for_a_verdict_again(bench: DiscordBench):
    await flag_done(bench)
    await bench.mia.click(card(bench), label="Confirm")
    await bench.ada.click(card(bench), label="Reopen")
    assert await states(bench) == {ReviewState.OPEN}
    assert next(iter(labels(card(bench).components))) == "Confirm"
    assert "**Confirmed**" not in shown(card(bench))
    assert "open already" in await press_stale(bench, "reopen")


@on_bench
async def test_cards_work_after_a_restart_and_after_many_edits(bench: DiscordBench):
    await flag_done(bench)
    await restart(bench)
    for _ in range(3):
        await bench.mia.click(card(bench), label="Confirm")
        await bench.mia.click(card(bench), label="Reopen")
    await flag_done(bench, by=bench.ben)
    await bench.mia.click(cards(bench)[1], label="Confirm")
    assert await states(bench) == {ReviewState.OPEN, ReviewState.CONFIRMED}


@on_bench
async def test_a_card_works_after_the_message_is_gone(bench: DiscordBench):
    incident = await flag_done(bench)
    (message,) = [each for each in bench.lobby.history() if str(each.id) == incident.key.message]
    await bench.ann.delete(message)
    await bench.mia.click(card(bench), label="Confirm")
    assert await states(bench) == {ReviewState.CONFIRMED}


@pytest.mark.parametrize("plain", [False, True])
@on_bench
async def test_a_card_whose_incidents_are_gone_says_so_and_loses_its_buttons(bench: DiscordBench, plain: bool):
    if plain:
        bench.env.inject_error("POST", "/channels/*/messages", status=400, code=50035)
    await flag_done(bench)
    await bench.stores.incidents.purge(LATER, LATER)
    message = card(bench)
    assert "expired or was erased" in said(await bench.mia.click(message, label="Confirm"))
    assert cards(bench) == []
    assert "expired or was erased" in shown(next(m for m in bench.review.history() if m.id == message.id))


@on_bench
async def test_a_card_of_another_server_cannot_be_decided_here(bench: DiscordBench):
    await flag_done(bench)
    stored = bench.env.backend.get_message(card(bench).channel.id, card(bench).id)
    other = await bench.stores.cards.attach(
        (await bench.stores.incidents.record(foreign(bench))).incident, bench.bot.services.communities.of("1").burst
    )
    stored.components = [row(f"referee:card:confirm:{other.id}")]
    assert "no card" in said(await bench.mia.click(card(bench), label="old"))
    assert await bench.stores.incidents.reviews(2) == []


def foreign(bench: DiscordBench):
    return incident_of("999", "2", "3", str(bench.ann.id))


@on_bench
async def test_a_verdict_is_kept_and_told_where_the_card_cannot_be_brought_up_to_date(bench: DiscordBench):
    await flag_done(bench)
    bench.env.inject_error("PATCH", "/channels/*/messages/*", status=500, times=10)
    result = await bench.mia.click(card(bench), label="Confirm")
    assert "kept" in said(result)
    assert await states(bench) == {ReviewState.CONFIRMED}


@on_bench
async def test_what_nobody_expected_is_told_in_one_line_and_logged_with_the_number(
    bench: DiscordBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def broken(card_id: int) -> None:
        raise ZeroDivisionError

    await flag_done(bench)
    monkeypatch.setattr(bench.bot.services.desk, "case", broken)
    result = await bench.mia.click(card(bench), label="Confirm")
    assert "Something went wrong" in said(result)
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


@on_bench
async def test_an_error_of_ours_is_told_in_its_own_words(bench: DiscordBench, acting: StandIn):
    async def away(incident, *, again=False):
        raise RefereeError("Discord is away")

    bench.bot.enforcer.undo = away
    await flag_done(bench)
    assert "Discord is away" in said(await bench.mia.click(card(bench), label="False alarm"))
    assert (await bench.incidents())[0].outcome is Outcome.DONE
    assert await states(bench) == {ReviewState.DISMISSED}


@on_bench
async def test_a_flag_without_an_action_can_be_dismissed_with_nothing_to_take_back(bench: DiscordBench):
    await flag(bench)
    result = await bench.mia.click(card(bench), label="False alarm")
    assert result.followups == []
    assert await states(bench) == {ReviewState.DISMISSED}


def test_no_button_answers_to_the_id_of_another():
    kinds: tuple[type[discord.ui.DynamicItem], ...] = (
        buttons.CardButton,
        RelabelSelect,
        ActButton,
        TimeoutSelect,
        ReleaseButton,
    )
    ids = ["referee:card:confirm:1", "referee:relabel:1:0", "referee:act:1:ban", "referee:timeout:1"]
    for custom_id in [*ids, "referee:brake:release:1"]:
        matching = [kind for kind in kinds if kind.__discord_ui_compiled_template__.fullmatch(custom_id)]
        assert len(matching) == 1

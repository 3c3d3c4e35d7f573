"""The moderators' desk: who was first, whose it is, what is taken back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.case import Case
from bot.desk import Desk
from bot.domain import (
    REPORTED,
    Action,
    Decision,
    Excerpt,
    Incident,
    IncidentQuery,
    Mode,
    Outcome,
    Part,
    Platform,
    Review,
    ReviewState,
    ReviewVerdict,
    Surface,
)
from bot.errors import RefereeError, UnknownIncident
from bot.store import Stores, open_stores
from tests.fakes.chat import LATER, START, line
from tests.fakes.enforcer import ListingEnforcer

CONFIRM, DISMISS, RELABEL = ReviewVerdict.CONFIRM, ReviewVerdict.DISMISS, ReviewVerdict.RELABEL


class Ticking:
    """Tell a time that never stands still."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@dataclass
class Office:
    stores: Stores
    enforcer: ListingEnforcer
    desk: Desk

    async def card(self, *outcomes: Outcome) -> int:
        """Return the number of a card with an incident for each outcome."""
        for number, outcome in enumerate(outcomes or (Outcome.DONE,)):
            punished = Decision(Action.WARN, Action.WARN, Mode.LIVE, "insult", 0.9, ("a rule",), strike=True)
            new = Incident(
                line(f"m{number}").key, "ann", START, "idiot", punished, 0.9, {"insult": 0.9}, "t", outcome=outcome
            )
            kept = (await self.stores.incidents.record(new)).incident
            card = await self.stores.cards.attach(kept, timedelta(minutes=1))
        return card.id

    async def states(self, card_id: int) -> set[ReviewState]:
        return {incident.state for incident in (await self.desk.case(card_id)).incidents}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    stores = await open_stores(f"sqlite+aiosqlite:///{tmp_path / 'referee.db'}")
    enforcer = ListingEnforcer(stores.incidents)
    yield Office(stores, enforcer, Desk(stores, enforcer, Ticking()))
    await stores.close()


def verdicts(case: Case) -> list[tuple[ReviewVerdict, str]]:
    return [(review.verdict, review.moderator) for review in case.reviews]


async def test_the_first_verdict_counts_for_everything_on_the_card_and_the_second_is_told_whose_it_was(office: Office):
    card = await office.card(Outcome.DONE, Outcome.DONE)
    first = await office.desk.decide(card, CONFIRM, "mia")
    second = await office.desk.decide(card, DISMISS, "max")
    assert first.done
    assert await office.states(card) == {ReviewState.CONFIRMED}
    assert not second.done
    assert second.first is not None
    assert (second.first.moderator, second.first.verdict) == ("mia", CONFIRM)
    assert office.enforcer.undone == []


async def test_two_moderators_at_once_give_exactly_one_verdict(office: Office):
    for _ in range(5):
        card = await office.card(Outcome.DONE, Outcome.DONE)
        other = Desk(office.stores, office.enforcer, Ticking())
        answers = await asyncio.gather(
            office.desk.decide(card, CONFIRM, "mia"), other.decide(card, DISMISS, "max"), return_exceptions=False
        )
        assert sorted(answer.done for answer in answers) == [False, True]
        assert len({who for _, who in verdicts(await office.desk.case(card))}) == 1
        await office.stores.incidents.purge(LATER, LATER)


async def test_a_false_alarm_takes_back_what_was_done_newest_first_and_only_that(office: Office):
    card = await office.card(Outcome.DONE, Outcome.REFUSED, Outcome.DONE)
    await office.desk.decide(card, DISMISS, "mia")
    done = [incident.id for incident in (await office.desk.case(card)).incidents]
    assert [incident.id for incident in office.enforcer.undone] == [done[2], done[0]]
    outcomes = [incident.outcome for incident in (await office.desk.case(card)).incidents]
    assert outcomes == [Outcome.UNDONE, Outcome.REFUSED, Outcome.UNDONE]


async def test_a_verdict_is_kept_where_taking_back_fails_and_the_moderator_is_told(office: Office):
    card = await office.card(Outcome.DONE, Outcome.DONE)
    office.enforcer.error = RefereeError("Discord is away")
    answer = await office.desk.decide(card, DISMISS, "mia")
    assert answer.done
    assert answer.notes == ("it could not be taken back: Discord is away",)
    assert len(office.enforcer.undone) == 2
    case = await office.desk.case(card)
    assert {incident.outcome for incident in case.incidents} == {Outcome.DONE}
    assert {incident.state for incident in case.incidents} == {ReviewState.DISMISSED}


async def test_what_was_done_by_hand_is_said_to_stay_after_a_false_alarm(office: Office):
    card = await office.card(Outcome.NOT_NEEDED)
    await office.desk.decide(card, CONFIRM, "mia")
    await office.desk.note_act((await office.desk.case(card)).incidents[0], "mia", "banned")
    await office.desk.reopen_card(card, "mia")
    assert (await office.desk.decide(card, DISMISS, "mia")).notes == ("what moderators did by hand stays",)


async def test_a_case_that_somebody_took_over_is_closed_to_others_until_they_take_it_over(office: Office):
    card = await office.card()
    assert (await office.desk.take_over(card, "mia")).first is None
    refused = await office.desk.decide(card, CONFIRM, "max")
    assert not refused.done
    assert refused.first is not None
    assert (refused.first.moderator, refused.first.verdict) == ("mia", ReviewVerdict.TAKE_OVER)
    assert not (await office.desk.take_over(card, "mia")).done
    taken = await office.desk.take_over(card, "max")
    assert taken.done
    assert taken.first is not None
    assert taken.first.moderator == "mia"
    assert (await office.desk.decide(card, CONFIRM, "max")).done
    assert not (await office.desk.take_over(card, "mia")).done


async def test_of_two_who_take_over_at_once_the_later_one_owns_it_and_knows_of_the_earlier(office: Office):
    card = await office.card()
    answers = await asyncio.gather(office.desk.take_over(card, "mia"), office.desk.take_over(card, "max"))
    case = await office.desk.case(card)
    assert case.owner is not None
    assert case.owner.moderator == "max"
    assert [answer.first.moderator if answer.first else None for answer in answers] == [None, "mia"]


async def test_a_second_opinion_is_asked_for_once_even_by_two_at_once(office: Office):
    card = await office.card()
    answers = await asyncio.gather(office.desk.escalate(card, "mia"), office.desk.escalate(card, "max"))
    assert [answer.done for answer in answers] == [True, False]
    assert answers[1].first is not None
    assert answers[1].first.moderator == "mia"
    assert verdicts(await office.desk.case(card)) == [(ReviewVerdict.ESCALATE, "mia")]
    assert (await office.desk.decide(card, RELABEL, "max", category="hate")).done


async def test_a_reopened_card_waits_again_and_belongs_to_nobody(office: Office):
    card = await office.card(Outcome.DONE, Outcome.DONE)
    await office.desk.take_over(card, "mia")
    await office.desk.escalate(card, "mia")
    await office.desk.decide(card, RELABEL, "mia", category="hate")
    answer = await office.desk.reopen_card(card, "max")
    assert answer.done
    assert answer.case.waits
    assert (answer.case.owner, answer.case.escalated, answer.case.decided) == (None, None, None)
    assert not (await office.desk.reopen_card(card, "max")).done
    assert (await office.desk.escalate(card, "max")).done
    assert (await office.desk.decide(card, CONFIRM, "max")).done
    assert {incident.category for incident in (await office.desk.case(card)).incidents} == {"insult"}


async def test_one_incident_can_be_reopened_alone(office: Office):
    card = await office.card(Outcome.DONE, Outcome.DONE)
    await office.desk.decide(card, CONFIRM, "mia")
    first = (await office.desk.case(card)).incidents[0]
    assert (await office.desk.reopen(first.id, "max")).state is ReviewState.OPEN
    assert await office.states(card) == {ReviewState.OPEN, ReviewState.CONFIRMED}


async def test_a_card_whose_incidents_are_gone_says_so(office: Office):
    card = await office.card()
    await office.stores.incidents.purge(LATER, LATER)
    with pytest.raises(UnknownIncident, match="expired or was erased"):
        await office.desk.decide(card, CONFIRM, "mia")
    with pytest.raises(UnknownIncident):
        await office.desk.case(999)


async def test_what_was_done_by_hand_about_several_incidents_is_told_once(office: Office):
    card = await office.card(Outcome.DONE, Outcome.DONE)
    for incident in (await office.desk.case(card)).incidents:
        await office.desk.note_act(incident, "mia", "message deleted")
    assert [act.note for act in (await office.desk.case(card)).acts] == ["message deleted"]


def said(text: str = "see you", **rest: object) -> Excerpt:
    return line("m9", text, revision="", **rest)


async def test_a_report_of_an_unflagged_message_becomes_an_incident_for_the_moderators(office: Office):
    incident = await office.desk.report(said(), "ben", "he means me")
    assert incident is not None
    assert (incident.category, incident.decision.action, incident.text) == (REPORTED, Action.FLAG, "see you")
    assert incident.state is ReviewState.OPEN
    assert not incident.decision.strike
    (report,) = await office.stores.incidents.reviews(incident.id)
    assert (report.verdict, report.moderator, report.note) == (ReviewVerdict.REPORT, "ben", "he means me")


async def test_a_member_can_report_a_message_once_and_another_member_adds_to_it(office: Office):
    first = await office.desk.report(said(), "ben")
    assert first is not None
    assert await office.desk.report(said("edited since"), "ben") is None
    second = await office.desk.report(said(), "cat")
    assert second is not None
    assert second.id == first.id
    assert len(await office.stores.incidents.reviews(first.id)) == 2


async def test_many_reports_at_once_are_one_incident_with_one_report_of_each(office: Office):
    people = ["ben", "cat", "ben", "dan", "ben"]
    kept = await asyncio.gather(*(office.desk.report(said(), who) for who in people))
    assert [incident is not None for incident in kept] == [True, True, False, True, False]
    (incident,) = await office.stores.incidents.find(IncidentQuery())
    assert [r.moderator for r in await office.stores.incidents.reviews(incident.id)] == ["ben", "cat", "dan"]


async def test_two_reports_of_two_revisions_through_two_desks_are_one_incident(office: Office):
    other = Desk(office.stores, office.enforcer, Ticking())
    kept = await asyncio.gather(office.desk.report(said(), "ben"), other.report(said("edited since"), "cat"))
    assert len({incident.id for incident in kept if incident is not None}) == 1
    assert {incident.key.revision for incident in kept if incident is not None} == {REPORTED}


async def test_a_report_of_a_flagged_message_is_added_to_its_incident_and_leaves_its_verdict(office: Office):
    card = await office.card()
    await office.desk.decide(card, CONFIRM, "mia")
    incident = await office.desk.report(line("m0", "idiot"), "ben")
    assert incident is not None
    assert incident.id == (await office.desk.case(card)).incidents[0].id
    assert incident.state is ReviewState.CONFIRMED
    assert [report.moderator for report in (await office.desk.case(card)).reports] == ["ben"]


async def test_a_message_in_another_channel_is_another_message(office: Office):
    first = await office.desk.report(said(), "ben")
    other = await office.desk.report(said(channel="arena"), "ben")
    assert first is not None
    assert other is not None
    assert first.id != other.id


async def test_a_report_of_a_forward_keeps_what_was_forwarded(office: Office):
    forward = replace(said(""), parts=(Part(Surface.FORWARD, "you clown"),))
    incident = await office.desk.report(forward, "ben")
    assert incident is not None
    assert (incident.text, incident.surface) == ("you clown", Surface.FORWARD)


async def test_a_false_alarm_cut_off_before_anything_was_taken_back_is_finished_by_the_next_process(office: Office):
    card = await office.card(Outcome.DONE, Outcome.REFUSED, Outcome.DONE)
    case = await office.desk.case(card)
    given = [Review(incident.id, DISMISS, "mia", START) for incident in case.incidents]
    await office.stores.incidents.decide_first(given)

    assert await office.desk.finish_dismissals(Platform.LOG, START) == [], "a moderator may be at it just now"
    assert await office.desk.finish_dismissals(Platform.LOG, START + timedelta(days=30)) == [], "too long ago"
    finished = await office.desk.finish_dismissals(Platform.LOG, START + timedelta(hours=1))

    assert [incident.id for incident in finished] == [case.incidents[0].id, case.incidents[2].id]
    outcomes = [incident.outcome for incident in (await office.desk.case(card)).incidents]
    assert outcomes == [Outcome.UNDONE, Outcome.REFUSED, Outcome.UNDONE]
    assert await office.desk.finish_dismissals(Platform.LOG, START + timedelta(hours=1)) == []


async def test_nothing_is_taken_back_of_what_was_reopened_or_confirmed(office: Office):
    card = await office.card(Outcome.DONE)
    incident = (await office.desk.case(card)).incidents[0]
    await office.stores.incidents.decide_first([Review(incident.id, DISMISS, "mia", START)])
    await office.desk.reopen_card(card, "mia")

    assert await office.desk.finish_dismissals(Platform.LOG, START + timedelta(hours=1)) == []
    assert office.enforcer.undone == []

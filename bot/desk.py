"""The moderators' desk: what they say of a card, who was first, and what is taken back for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from bot.case import Answer, Case
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
)
from bot.errors import RefereeError, UnknownIncident
from bot.ports import Clock, Enforcer
from bot.store import Stores

_LONG_AGO = timedelta(days=7)
"""A verdict older than that is left alone: what was not taken back then, somebody has seen to since."""

_MOST_LOOKED_AT = 500
"""Of an author's incidents; a report of something older than all of them is an incident of its own."""


class Desk:
    """Keep moderators' verdicts on cards; the first one counts."""

    def __init__(self, stores: Stores, enforcer: Enforcer, clock: Clock) -> None:
        self._stores = stores
        self._enforcer = enforcer
        self._clock = clock
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def case(self, card_id: int) -> Case:
        """Return what a card is about; raise UnknownIncident where it is gone."""
        case = await self._stores.cards.case(card_id)
        if case is None:
            raise UnknownIncident(f"What card {card_id} was about has expired or was erased.")
        return case

    async def decide(
        self, card_id: int, verdict: ReviewVerdict, moderator: str, *, category: str | None = None, note: str = ""
    ) -> Answer:
        """Close what a card shows with a verdict that decides; a false alarm takes back what can be taken back.

        Nothing is done where another moderator was first, or has taken the case over. Raise UnknownIncident.
        """
        async with self._turn(card_id):
            case = await self.case(card_id)
            if case.waits and case.owner is not None and case.owner.moderator != moderator:
                return Answer(case, False, case.owner)
            given = [self._review(incident, verdict, moderator, category, note) for incident in case.incidents]
            kept = await self._stores.incidents.decide_first(given)
            # Looked at anew: what was still to be done when it was dismissed may be done by now.
            notes = await self._take_back(await self.case(card_id), kept) if verdict is ReviewVerdict.DISMISS else ()
            now = await self.case(card_id)
            return Answer(now, bool(kept), None if kept else now.decided, notes)

    async def escalate(self, card_id: int, moderator: str, note: str = "") -> Answer:
        """Ask for a second opinion on what a card shows; once is enough."""
        async with self._turn(card_id):
            case = await self.case(card_id)
            waiting = [incident for incident in case.incidents if incident.state is ReviewState.OPEN]
            given = [self._review(incident, ReviewVerdict.ESCALATE, moderator, None, note) for incident in waiting]
            kept = await self._stores.incidents.decide_first(given)
            now = await self.case(card_id)
            return Answer(now, bool(kept), None if kept else now.decided or now.escalated)

    async def take_over(self, card_id: int, moderator: str) -> Answer:
        """Make a waiting case one moderator's own, also where it was another's; `first` then says whose it was."""
        async with self._turn(card_id):
            case = await self.case(card_id)
            if not case.waits:
                return Answer(case, False, case.decided)
            if case.owner is not None and case.owner.moderator == moderator:
                return Answer(case, False, case.owner)
            given = [self._review(incident, ReviewVerdict.TAKE_OVER, moderator) for incident in case.incidents]
            kept = await self._stores.incidents.decide_first(given)
            now = await self.case(card_id)
            return Answer(now, bool(kept), case.owner if kept else now.decided)

    async def reopen(self, incident_id: int, moderator: str, note: str = "") -> Incident:
        """Take back the verdict on one incident: it waits again; raise UnknownIncident."""
        incident = await self._stores.incidents.get(incident_id)
        return await self._stores.incidents.review(self._review(incident, ReviewVerdict.REOPEN, moderator, None, note))

    async def reopen_card(self, card_id: int, moderator: str) -> Answer:
        """Take back the verdicts on what a card shows; what was undone for them stays undone. Raise UnknownIncident."""
        async with self._turn(card_id):
            case = await self.case(card_id)
            decided = [incident for incident in case.incidents if not incident.state.waits]
            for incident in decided:
                await self._stores.incidents.review(self._review(incident, ReviewVerdict.REOPEN, moderator))
            return Answer(await self.case(card_id), bool(decided))

    async def finish_dismissals(self, platform: Platform, before: datetime) -> list[Incident]:
        """Take back what was dismissed before then and not taken back, because the process was killed; return that.

        Raise StoreError.
        """
        finished = []
        since = before - _LONG_AGO
        for left in await self._stores.incidents.half_dismissed(platform, since, before):
            incident = await self._stores.incidents.get(left.id)
            if incident.state is not ReviewState.DISMISSED or incident.outcome is not Outcome.DONE:
                continue
            outcome, detail = await self._undo(incident, again=True)
            await self._stores.incidents.finish(incident.id, outcome, detail)
            finished.append(replace(incident, outcome=outcome, outcome_detail=detail))
        return finished

    async def note_act(self, incident: Incident, moderator: str, what: str) -> None:
        """Keep that a moderator did something about an incident by hand."""
        await self._stores.incidents.review(self._review(incident, ReviewVerdict.ACT, moderator, None, what))

    async def report(self, excerpt: Excerpt, reporter: str, note: str = "") -> Incident | None:
        """Keep a member's report of a message, as an incident where it is none yet; return the incident.

        Return None where this member reported the message before. Raise StoreError where it cannot be kept.
        """
        key = excerpt.key
        async with self._turn((key.community, key.channel, key.message)):
            known = await self._incidents_of(excerpt)
            for incident in known:
                reviews = await self._stores.incidents.reviews(incident.id)
                if any(r.verdict is ReviewVerdict.REPORT and r.moderator == reporter for r in reviews):
                    return None
            incident = known[0] if known else (await self._stores.incidents.record(_reported(excerpt))).incident
            return await self._stores.incidents.review(
                self._review(incident, ReviewVerdict.REPORT, reporter, None, note)
            )

    async def _incidents_of(self, excerpt: Excerpt) -> list[Incident]:
        """Return what is known of the excerpt's message, newest first."""
        query = IncidentQuery(
            author=excerpt.author,
            community=excerpt.key.community,
            platform=excerpt.key.platform,
            limit=_MOST_LOOKED_AT,
        )
        found = await self._stores.incidents.find(query)
        place = (excerpt.key.channel, excerpt.key.message)
        return [incident for incident in found if (incident.key.channel, incident.key.message) == place]

    async def _take_back(self, case: Case, kept: Sequence[Review]) -> tuple[str, ...]:
        """Undo what was done about the incidents just dismissed; return what came of it, newest action first."""
        dismissed = {review.incident_id for review in kept}
        notes = []
        for incident in reversed(case.incidents):
            if incident.id in dismissed and incident.outcome is Outcome.DONE:
                outcome, detail = await self._undo(incident)
                await self._stores.incidents.finish(incident.id, outcome, detail)
                notes.append(detail)
        if kept and case.acts:
            notes.append("what moderators did by hand stays")
        return tuple(dict.fromkeys(note for note in notes if note))

    async def _undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        try:
            return await self._enforcer.undo(incident, again=again)
        except RefereeError as error:
            # The verdict is kept already, and the actions on the rest of the card are still to be taken back.
            return Outcome.DONE, f"it could not be taken back: {error}"

    def _turn(self, what: object) -> asyncio.Lock:
        """Return the lock of a card or a message: two moderators at it at once take turns."""
        return self._turns.setdefault(what, asyncio.Lock())

    def _review(
        self,
        incident: Incident,
        verdict: ReviewVerdict,
        moderator: str,
        category: str | None = None,
        note: str = "",
    ) -> Review:
        return Review(incident.id, verdict, moderator, self._clock.now(), category, note)


def _reported(excerpt: Excerpt) -> Incident:
    """Return the incident of something that only a member found bad."""
    told = [Part(excerpt.surface, excerpt.text), *excerpt.parts]
    first = next((part for part in told if part.text.strip()), told[0])
    decision = Decision(Action.FLAG, Action.FLAG, Mode.LIVE, REPORTED, 0.0, ("reported by a member",))
    return Incident(
        # The report is about the message, whichever of its revisions: two members' reports are one incident.
        key=replace(excerpt.key, revision=REPORTED),
        author=excerpt.author,
        at=excerpt.at,
        text=first.text,
        decision=decision,
        toxic=0.0,
        categories={},
        model_version=REPORTED,
        clip_name=excerpt.clip.name if excerpt.clip else None,
        surface=first.surface,
    )

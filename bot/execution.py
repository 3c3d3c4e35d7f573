"""What was decided is done once, and what became of it is kept, whatever is killed or fails in between."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain import UNCHECKED, Excerpt, Incident, Outcome, Platform, ReviewState
from bot.errors import RefereeError, StoreError, UnknownIncident
from bot.tally import Tally

if TYPE_CHECKING:
    from bot.pipeline import Ports

_log = logging.getLogger(__name__)
_DISMISSED = "a moderator called it a false alarm before it was done"


class Execution:
    """Act on incidents and write down the outcomes; one that cannot be written is written later, not done again.

    `tallies` tells where the outcomes of a community are counted.
    """

    def __init__(self, ports: "Ports", tallies: Callable[[str], Iterable[Tally]]) -> None:
        self._ports = ports
        self._tallies = tallies
        self._at_work: set[int] = set()
        self._unwritten: dict[int, Incident] = {}
        self._writing: set[int] = set()
        """Those of the unwritten whose turn it is: whoever writes them tells of them, and nobody else."""

    async def carry_out(self, excerpt: Excerpt, incident: Incident, *, again: bool = False) -> Incident:
        """Act on an incident, find its words and show it; raise StoreError where its outcome cannot be kept.

        The words are looked for while the action is under way: that takes longer than scoring. `again` says that an
        earlier process may have acted.
        """
        finished, words = await asyncio.gather(self._enforce(incident, again=again), self._explain(incident))
        finished = replace(finished, words=words or incident.words)
        await self._ports.notifier.notify(excerpt, finished)
        return finished

    async def recover(self, platform: Platform, before: datetime) -> list[Incident]:
        """Act on what was decided before then, but not finished, on a platform; return those incidents.

        Each is looked at anew in its turn: meanwhile a moderator may have dismissed it, or it may have been purged. An
        outcome that cannot be kept is left to `write_outcomes`. Raise StoreError where it cannot be asked what is left.
        """
        finished = []
        for left in await self._ports.store.pending(platform, before):
            if left.id in self._at_work or left.id in self._unwritten:
                continue
            incident = await self._recovered(left.id)
            if incident is not None:
                finished.append(incident)
        return finished

    async def write_outcomes(self) -> bool:
        """Write the outcomes that could not be written, and show their incidents; tell whether none is left."""
        for finished in tuple(self._unwritten.values()):
            if finished.id in self._writing:
                continue
            try:
                await self._write(finished)
            except UnknownIncident:
                self._unwritten.pop(finished.id, None)
            except StoreError as error:
                _log.warning("the outcome of incident %d still cannot be kept: %s", finished.id, error)
                return False
            else:
                await self._ports.notifier.notify(_excerpt_of(finished), finished)
        return True

    async def _recovered(self, incident_id: int) -> Incident | None:
        try:
            incident = await self._ports.store.get(incident_id)
        except UnknownIncident:
            return None
        if incident.outcome is not Outcome.PENDING:
            return None
        try:
            if incident.state is ReviewState.DISMISSED:
                refused = replace(incident, outcome=Outcome.REFUSED, outcome_detail=_DISMISSED)
                await self._write(refused)
                return refused
            return await self.carry_out(_excerpt_of(incident), incident, again=True)
        except StoreError as error:
            _log.error("what became of incident %d could not be kept, and is written later: %s", incident_id, error)
            return None

    async def _enforce(self, incident: Incident, *, again: bool) -> Incident:
        if incident.outcome is not Outcome.PENDING:
            return incident
        self._at_work.add(incident.id)
        try:
            outcome, detail = await self._ports.enforcer.enforce(incident, again=again)
        except RefereeError as error:
            _log.exception("acting on incident %d failed", incident.id)
            outcome, detail = Outcome.FAILED, str(error)
        finally:
            self._at_work.discard(incident.id)
        finished = replace(incident, outcome=outcome, outcome_detail=detail)
        state = await self._write(finished)
        if outcome is not Outcome.DONE or state is not ReviewState.DISMISSED:
            # Whoever dismisses it from now on sees that it was done, and takes it back.
            return finished
        return await self._taken_back(finished)

    async def _taken_back(self, finished: Incident) -> Incident:
        """Take back what a moderator called a false alarm while it was being done, unless they did so themselves."""
        try:
            now = await self._ports.store.get(finished.id)
        except UnknownIncident:
            return finished
        if now.state is not ReviewState.DISMISSED or now.outcome is not Outcome.DONE:
            return finished
        try:
            outcome, detail = await self._ports.enforcer.undo(now)
        except RefereeError as error:
            outcome, detail = Outcome.DONE, f"it could not be taken back: {error}"
        taken_back = replace(now, outcome=outcome, outcome_detail=detail)
        await self._write(taken_back)
        return taken_back

    async def _write(self, finished: Incident) -> ReviewState:
        # Noted first: from here on it is done, and whoever recovers meanwhile must not do it again.
        self._unwritten[finished.id] = finished
        self._writing.add(finished.id)
        try:
            state = await self._ports.store.finish(finished.id, finished.outcome, finished.outcome_detail)
        finally:
            self._writing.discard(finished.id)
        self._unwritten.pop(finished.id, None)
        for tally in self._tallies(finished.key.community):
            tally.outcomes[finished.outcome] += 1
        return state

    async def _explain(self, incident: Incident) -> tuple[str, ...]:
        """Return the words that made the score, and keep them; an incident without them is one all the same."""
        if incident.decision.category == UNCHECKED or not incident.text or incident.words:
            return ()
        words = tuple(found.word for found in await self._ports.scorer.explain(incident.text))
        try:
            await self._ports.store.set_words(incident.id, words)
        except StoreError as error:
            _log.error("the words of incident %d could not be kept: %s", incident.id, error)
        return words


def _excerpt_of(incident: Incident) -> Excerpt:
    """Return what is still known of what an incident is about."""
    text = incident.text or ""
    return Excerpt(incident.key, incident.author, incident.at, text, surface=incident.surface)

"""The seams: what the pipeline asks of the outside, one real and one fake implementation each."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain import (
    Clip,
    Excerpt,
    History,
    Incident,
    IncidentQuery,
    Outcome,
    Platform,
    Purged,
    Recorded,
    Review,
    ReviewState,
    Transcript,
)
from bot.policy import Policy
from classifier import NotScored, Verdict, WordWeight


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return the present moment with its time zone."""


class Scorer(Protocol):
    """Score texts."""

    async def score(self, text: str, *, turn: str = "") -> Verdict | NotScored:
        """Return the verdict on one text, or why there is none; `turn` is whose turn it takes, a community's id."""

    async def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return the words that made the score, heaviest first; empty where it cannot be told."""


class Transcriber(Protocol):
    """Turn clips into text."""

    def listen(self, clip: Clip, *, community: str = "", words: Sequence[str] = ()) -> AsyncGenerator[Transcript, None]:
        """Yield what is heard in the clip, slice after slice, at least one; each says what of the clip is not heard.

        `community` is whose turn it takes; `words` are names and terms that are likely there. Raise ClipRejected where
        it is not usable audio, SpeechModelMissing where there is no model, SpeechError where hearing itself fails.
        """


class IncidentStore(Protocol):
    """Keep incidents and what moderators said of them."""

    async def record(self, incident: Incident) -> Recorded:
        """Write a new incident; where its source key is known already, change nothing and return the stored one."""

    async def set_words(self, incident_id: int, words: Sequence[str]) -> None:
        """Write which words made an incident's score; one whose content is gone stays as it is."""

    async def finish(self, incident_id: int, outcome: Outcome, detail: str = "") -> ReviewState:
        """Write what became of an incident's action; return what moderators had said of it by then."""

    async def pending(self, platform: Platform, before: datetime) -> Sequence[Incident]:
        """Return a platform's incidents created before then whose action is not finished, oldest first."""

    async def half_dismissed(self, platform: Platform, since: datetime, before: datetime) -> Sequence[Incident]:
        """Return what was dismissed in that time and still counts as done, though it could be taken back."""

    async def history(self, community: str, author: str, since: datetime) -> History:
        """Return the author's strikes in that community from `since` on.

        A strike is an incident whose decision says so and that no moderator dismissed, or one that a moderator
        confirmed, unchecked content left out; its time is that of the excerpt.
        """

    async def get(self, incident_id: int) -> Incident:
        """Return one incident; raise UnknownIncident where there is none."""

    async def find(self, query: IncidentQuery) -> Sequence[Incident]:
        """Return the incidents that the query names, newest first."""

    def stream(self, query: IncidentQuery) -> AsyncIterator[Incident]:
        """Yield the incidents that the query names, oldest first, in bounded memory."""

    async def review(self, review: Review) -> Incident:
        """Keep a moderator's verdict and return the incident as it stands after it; raise UnknownIncident."""

    async def decide_first(self, reviews: Sequence[Review]) -> Sequence[Review]:
        """Keep the verdicts on those of their incidents that wait for one; return those kept."""

    async def reviews(self, incident_id: int) -> Sequence[Review]:
        """Return every verdict on an incident, oldest first."""

    async def purge(
        self, content_before: datetime, incidents_before: datetime, *, within_s: float | None = None
    ) -> Purged:
        """Drop the content of incidents created before the first moment, and whole incidents before the second.

        After `within_s` seconds the rest is left to the next call, and the answer says so.
        """

    async def close(self) -> None:
        """Finish what is being written and let go of the database."""


class Policies(Protocol):
    """Know each community's policy."""

    def of(self, community: str) -> Policy:
        """Return the policy in force in a community."""


class Enforcer(Protocol):
    """Do what was decided."""

    async def enforce(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Carry out the incident's action; return what became of it and a detail for the moderators.

        `again` says that an earlier process may have done it, or part of it: nothing is to be done twice.
        """

    async def undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Take back what can be taken back of a carried-out action; return the outcome then, and what remains.

        `again` as for `enforce`.
        """


class Notifier(Protocol):
    """Show moderators what happened."""

    async def notify(self, excerpt: Excerpt, incident: Incident) -> None:
        """Show one incident."""

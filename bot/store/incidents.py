"""The incident store on SQLite."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.community import ERASED
from bot.domain import (
    Filed,
    History,
    Incident,
    IncidentQuery,
    Outcome,
    Platform,
    Purged,
    Recorded,
    Review,
    ReviewState,
    ReviewVerdict,
    Strike,
)
from bot.errors import InputError, UnknownIncident
from bot.store import queries
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.erasure import Erasure
from bot.store.expiry import Expiry
from bot.store.rekey import Progress, is_resealed, reseal
from bot.store.rows import (
    from_micros,
    incident_of,
    incident_values,
    review_of,
    review_values,
    stored,
    to_micros,
    with_words,
)
from bot.store.schema import incidents, reviews
from bot.store.scrubbing import scrub
from bot.store.sealed import INCIDENT_AUTHOR

_STREAM_PAGE = 100

_STATE_AFTER = {
    ReviewVerdict.CONFIRM: ReviewState.CONFIRMED,
    ReviewVerdict.DISMISS: ReviewState.DISMISSED,
    ReviewVerdict.RELABEL: ReviewState.CONFIRMED,
    ReviewVerdict.REOPEN: ReviewState.OPEN,
    ReviewVerdict.ESCALATE: ReviewState.ESCALATED,
}
"""The state after a verdict; the other verdicts leave it."""


class SqlIncidentStore:
    """Keep incidents in one SQLite file; made by `open_store`, to be closed with `close`."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher
        self._expiry = Expiry(database, cipher)
        self._erasure = Erasure(database, cipher)

    async def record(self, incident: Incident) -> Recorded:
        """Write a new incident; where its source key is known already, change nothing and return the stored one.

        `created_at` is the present moment unless the incident has one.
        """
        values = incident_values(incident, self._cipher)
        row = self._database.insert(incidents).values(values).on_conflict_do_nothing().returning(incidents.c.id)
        known = queries.of_key(incident.key, self._cipher)
        # Nothing is done to a message before this is through: cards and outcomes can wait.
        async with self._database.writing(sealing=True, urgent=True) as connection:
            # Under another key, or unsealed, the same revision of the message is no conflict for the database.
            found = (await connection.execute(known)).mappings().one_or_none() if self._cipher.looks_further else None
            number = (await connection.execute(row)).scalar_one_or_none() if found is None else None
            if number is not None:
                return Recorded(stored(incident, number, values), created=True)
            found = found or (await connection.execute(known)).mappings().one()
        return Recorded(incident_of(found, self._cipher), created=False)

    async def finish(self, incident_id: int, outcome: Outcome, detail: str = "") -> ReviewState:
        """Write what became of an incident's action; return what moderators had said of it by then.

        Of one that was erased meanwhile no detail is kept: it may name somebody. Raise UnknownIncident.
        """
        values = {
            **queries.by_id(incident_id),
            "became": outcome.value,
            "erased": self._cipher.forms(ERASED, INCIDENT_AUTHOR),
            "detail": self._cipher.seal_text(detail),
        }
        async with self._database.writing(sealing=True) as connection:
            state = (await connection.execute(queries.FINISH, values)).scalar_one_or_none()
            if state is None:
                raise self._unknown(incident_id)
        return ReviewState(state)

    async def set_words(self, incident_id: int, words: Sequence[str]) -> None:
        """Write which words made an incident's score; one whose content is gone, or that is gone, stays as it is."""
        if not words:
            return
        async with self._database.writing(sealing=True) as connection:
            of = queries.by_id(incident_id)
            token = (await connection.execute(queries.CONTENT, of)).scalar_one_or_none()
            if token is not None:
                fresh = with_words(token, words, self._cipher, f"the content of incident {incident_id}")
                await connection.execute(queries.SEAL_CONTENT, {**of, "fresh": fresh})

    async def pending(self, platform: Platform, before: datetime) -> Sequence[Incident]:
        """Return a platform's incidents created before then whose action is not finished, oldest first."""
        return await self._incidents(queries.pending(platform, to_micros(before)))

    async def half_dismissed(self, platform: Platform, since: datetime, before: datetime) -> Sequence[Incident]:
        """Return what was dismissed in that time and still counts as done, deletions and kicks left out, oldest first.

        These cannot be taken back; the others have another outcome once that was tried.
        """
        return await self._incidents(queries.half_dismissed(platform, to_micros(since), to_micros(before)))

    async def history(self, community: str, author: str, since: datetime) -> History:
        """Return the author's strikes in that community from `since` on, oldest first.

        A strike is an incident whose decision says so and that no moderator dismissed, or one that a moderator
        confirmed; its time is that of the excerpt.
        """
        rows = await self._rows(queries.STRIKES, self._by(community, author, since))
        return History(tuple(Strike(row["category"], from_micros(row["at"])) for row in rows))

    async def get(self, incident_id: int) -> Incident:
        """Return one incident; raise UnknownIncident where there is none."""
        async with self._database.reading() as connection:
            return await self._get(connection, incident_id)

    async def find(self, query: IncidentQuery) -> Sequence[Incident]:
        """Return the incidents that the query names, newest first; `since` and `until` are about the excerpt's time.

        `since` is included, `until` is not.
        """
        return await self._incidents(queries.newest_first(query, self._cipher))

    async def past(self, community: str, author: str, since: datetime, most: int) -> Sequence[Filed]:
        """Return as what the author's incidents in that community are filed, newest first; nothing is unsealed."""
        rows = await self._rows(queries.PAST, {**self._by(community, author, since), "most": most})
        return [Filed(row["id"], row["final_category"] or row["category"], ReviewState(row["state"])) for row in rows]

    async def stream(self, query: IncidentQuery) -> AsyncIterator[Incident]:
        """Yield the incidents that the query names, oldest first, in bounded memory.

        What is recorded meanwhile is left out. No transaction is open between two incidents.
        """
        async with self._database.reading() as connection:
            first, last = (await connection.execute(queries.span(query, self._cipher))).one()
        while first is not None:
            page = await self._incidents(queries.oldest_first(query, first, last, _STREAM_PAGE, self._cipher))
            for incident in page:
                yield incident
            first = page[-1].id + 1 if len(page) == _STREAM_PAGE else None

    async def review(self, review: Review) -> Incident:
        """Keep a moderator's verdict and return the incident as it stands after it; raise UnknownIncident.

        A relabel names the category (else InputError); a confirmation and a dismissal leave it, reopening clears it.
        """
        async with self._database.writing(sealing=True) as connection:
            await self._apply(connection, review)
            return await self._get(connection, review.incident_id)

    async def decide_first(self, given: Sequence[Review]) -> Sequence[Review]:
        """Keep the verdicts on those of their incidents that wait for one, all at once; return those kept.

        Of two moderators who decide at the same time, one gets everything and the other nothing. What is gone is left
        out.
        """
        kept: list[Review] = []
        async with self._database.writing(sealing=True) as connection:
            for review in given:
                row = (await connection.execute(queries.state_of(review.incident_id))).scalar_one_or_none()
                if row is not None and ReviewState(row).waits:
                    await self._apply(connection, review)
                    kept.append(review)
        return kept

    async def reviews(self, incident_id: int) -> Sequence[Review]:
        """Return every verdict on an incident, oldest first; they are kept when the incident is purged."""
        rows = await self._rows(queries.verdicts(incident_id))
        return [review_of(row, self._cipher) for row in rows]

    async def purge(
        self, content_before: datetime, incidents_before: datetime, *, within_s: float | None = None
    ) -> Purged:
        """Drop the content of incidents created before the first moment, and whole incidents before the second.

        Works in small transactions, so that incidents are recorded meanwhile; after `within_s` seconds the rest is left
        to the next call, and the answer says so. Verdicts are kept; their notes, which may quote the content, go at the
        age of content, and who reported an incident goes with it.
        """
        return await self._expiry.purge(to_micros(content_before), to_micros(incidents_before), within_s)

    async def erase(self, community: str, author: str) -> int:
        """Drop what a member wrote from that community's incidents and who they are; return the number of incidents.

        What is left says that something was flagged, and as what, of nobody. Reports that the member made lose their
        name and their note. Moderators' verdicts stay. A SQLite file is written anew where it is not too large; else
        `scrub` does it.
        """
        return await self._erasure.erase(community, author)

    async def reseal(self, progress: Progress | None = None) -> int:
        """Seal the whole database with the first key, as `Stores.reseal` does; return how many rows changed."""
        return await reseal(self._database, self._cipher, progress)

    async def is_resealed(self) -> bool:
        """Tell whether everything is sealed with the first key."""
        return await is_resealed(self._database, self._cipher)

    async def scrub(self) -> bool:
        """Overwrite what an erasure left in a large file, where that is owed; tell whether nothing is owed any more."""
        return await scrub(self._database, most_bytes=None)

    async def counts(self) -> Mapping[str, int]:
        """Return the number of incidents in each review state."""
        rows = await self._rows(select(incidents.c.state, func.count().label("count")).group_by(incidents.c.state))
        found = {row["state"]: row["count"] for row in rows}
        return {state.value: found.get(state.value, 0) for state in ReviewState}

    async def check(self) -> str:
        """Return what the database says of its own soundness, `ok` where nothing is wrong; raise StoreDamaged."""
        return await self._database.check()

    async def close(self) -> None:
        """Finish what is being written and let go of the database."""
        await self._database.close()

    def _by(self, community: str, author: str, since: datetime) -> dict[str, Any]:
        """Return the values of a statement about an author."""
        forms = self._cipher.forms(author, INCIDENT_AUTHOR)
        return {"by": forms, "community": community, "since": to_micros(since)}

    async def _rows(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        async with self._database.reading() as connection:
            return (await connection.execute(statement, values)).mappings().all()

    async def _incidents(self, statement: Executable) -> list[Incident]:
        return [incident_of(row, self._cipher) for row in await self._rows(statement)]

    async def _get(self, connection: AsyncConnection, incident_id: int) -> Incident:
        row = (await connection.execute(select(incidents).where(queries.of_id(incident_id)))).mappings().one_or_none()
        if row is None:
            raise self._unknown(incident_id)
        return incident_of(row, self._cipher)

    async def _apply(self, connection: AsyncConnection, review: Review) -> None:
        changes: dict[str, str | None] = {}
        if review.verdict in _STATE_AFTER:
            changes["state"] = _STATE_AFTER[review.verdict].value
        if review.verdict is ReviewVerdict.RELABEL:
            changes["final_category"] = _new_category(review)
        elif review.verdict is ReviewVerdict.REOPEN:
            changes["final_category"] = None
        if changes:
            await self._change(connection, review.incident_id, changes)
        else:
            await self._get(connection, review.incident_id)
        await connection.execute(insert(reviews).values(review_values(review, self._cipher)))

    async def _change(self, connection: AsyncConnection, incident_id: int, changes: Mapping[str, Any]) -> None:
        change = update(incidents).where(queries.of_id(incident_id)).values(changes)
        if (await connection.execute(change)).rowcount == 0:
            raise self._unknown(incident_id)

    def _unknown(self, incident_id: int) -> UnknownIncident:
        return UnknownIncident(
            f"There is no incident {incident_id} in {self._database.label}. List what there is, or it was purged."
        )


def _new_category(review: Review) -> str:
    if not review.category:
        raise InputError(f"Relabelling incident {review.incident_id} needs a category. Name one.")
    return review.category

"""The cards that moderators are shown: one for an author's outburst, in the database of the incidents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Executable, RowMapping, bindparam, case, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.case import Case
from bot.community import Card
from bot.domain import Incident, Platform, ReviewState
from bot.errors import UnknownIncident
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.queries import waits
from bot.store.rows import from_micros, incident_of, review_of, to_micros
from bot.store.schema import BEHIND, cards, incidents, reviews
from bot.store.sealed import CARD_AUTHOR, INCIDENT_AUTHOR

_MOST_ON_A_CARD = 25

# Built once: for every incident and anew, building took longer than asking.
_BY_CARD = cards.c.id == bindparam("card")
_ON_CARD = incidents.c.card == bindparam("card")
_BY_INCIDENT = incidents.c.id == bindparam("incident")
_CARD = select(cards).where(_BY_CARD)
_SHOWN = select(incidents).where(_ON_CARD).order_by(incidents.c.id)
_VERDICTS = (
    select(reviews)
    .where(reviews.c.incident_id.in_(select(incidents.c.id).where(_ON_CARD)))
    .order_by(reviews.c.incident_id, reviews.c.id)
)
_STATES = select(incidents.c.state).where(_ON_CARD)
_HELD = select(incidents.c.card, incidents.c.community, incidents.c.author, incidents.c.at).where(_BY_INCIDENT)
_PUT = update(incidents).where(_BY_INCIDENT).values(card=bindparam("on"))
_LAST_NEAR = (
    select(cards.c.id)
    .where(
        cards.c.author.in_(bindparam("by", expanding=True)),
        cards.c.community == bindparam("community"),
        cards.c.last_at >= bindparam("earliest"),
        # What is caught up on may be older than what is shown already: it belongs to what was said around it.
        exists().where(
            incidents.c.card == cards.c.id, incidents.c.at.between(bindparam("earliest"), bindparam("latest"))
        ),
    )
    .order_by(cards.c.id.desc())
    .limit(1)
)
_ADD = (
    update(cards)
    .where(_BY_CARD)
    .values(
        last_at=case((cards.c.last_at < bindparam("said_at"), bindparam("said_at")), else_=cards.c.last_at),
        behind=cards.c.behind + 1,
    )
)
_NEW = insert(cards).returning(cards.c.id)
_OUTDATE = update(cards).where(_BY_CARD).values(behind=cards.c.behind + 1).returning(cards.c.behind)
_CATCH_UP = update(cards).where(_BY_CARD, cards.c.behind == bindparam("state")).values(behind=0)


@dataclass(frozen=True, slots=True)
class _Said:
    """Hold where something was said, by whom, and when in microseconds."""

    community: str
    author: str
    at: int


class SqlCardStore:
    """Keep which incidents are shown together, and where."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def attach(self, incident: Incident, burst: timedelta) -> Card:
        """Put an incident on a card of its author that shows another of within `burst`, or on a new one.

        One that has a card keeps it. A card on which a moderator has decided takes nothing more, nor does one that
        holds many already. What is put on a card makes it `behind`. Raise UnknownIncident where the incident is gone.
        """
        async with self._database.writing(sealing=True) as connection:
            # As it is stored: the author may have been erased since the incident was read.
            kept = (await connection.execute(_HELD, {"incident": incident.id})).mappings().one_or_none()
            if kept is None:
                raise UnknownIncident(f"Incident {incident.id} is gone: it was purged, or its server was left.")
            number = kept["card"]
            if number is None:
                author = self._cipher.open_name(
                    kept["author"], INCIDENT_AUTHOR, f"the author of incident {incident.id}"
                )
                number = await self._place(connection, _Said(kept["community"], author, kept["at"]), burst)
                await connection.execute(_PUT, {"incident": incident.id, "on": number})
            return self._card_of((await connection.execute(_CARD, {"card": number})).mappings().one())

    async def get(self, card_id: int) -> Card | None:
        """Return one card, None where there is none."""
        rows = await self._rows(_CARD, card=card_id)
        return self._card_of(rows[0]) if rows else None

    async def of_incident(self, incident_id: int) -> Card | None:
        """Return the card that shows an incident, None where none does."""
        of = select(cards).join(incidents, incidents.c.card == cards.c.id).where(incidents.c.id == incident_id)
        rows = await self._rows(of)
        return self._card_of(rows[0]) if rows else None

    async def incidents(self, card_id: int) -> Sequence[Incident]:
        """Return what a card shows, oldest first."""
        rows = await self._rows(_SHOWN, card=card_id)
        return [incident_of(row, self._cipher) for row in rows]

    async def case(self, card_id: int) -> Case | None:
        """Return a card with what it shows and every verdict on that; None where it is gone, or shows nothing."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_CARD, {"card": card_id})).mappings().one_or_none()
            shown = (await connection.execute(_SHOWN, {"card": card_id})).mappings().all()
            said = (await connection.execute(_VERDICTS, {"card": card_id})).mappings().all()
        if row is None or not shown:
            return None
        reviews = sorted((review_of(each, self._cipher) for each in said), key=lambda review: review.at)
        incidents_shown = tuple(incident_of(each, self._cipher) for each in shown)
        return Case(self._card_of(row), incidents_shown, tuple(reviews))

    async def sent(self, card_id: int, channel: str, message: str) -> None:
        """Note where a card is shown."""
        await self._change(card_id, channel=channel, message=message, trouble="")

    async def not_sent(self, card_id: int, trouble: str) -> None:
        """Note why a card could not be shown."""
        await self._change(card_id, channel=None, message=None, trouble=trouble)

    async def outdate(self, card_id: int) -> int:
        """Note that a card is to be shown anew; return the number by which `caught_up` knows this state of it."""
        async with self._database.writing() as connection:
            return (await connection.execute(_OUTDATE, {"card": card_id})).scalar_one_or_none() or 0

    async def caught_up(self, card_id: int, state: int) -> None:
        """Note that a card is shown as it was in that state; what changed since leaves it behind."""
        # Where a power cut takes it, the card is shown once more as it is.
        async with self._database.writing(lasting=False) as connection:
            await connection.execute(_CATCH_UP, {"card": card_id, "state": state})

    async def behind(self) -> Sequence[Card]:
        """Return the cards whose message does not show what it should, oldest first."""
        waiting = exists().where(incidents.c.card == cards.c.id)
        stale = select(cards).where(BEHIND, cards.c.message.is_not(None), waiting)
        return [self._card_of(row) for row in await self._rows(stale.order_by(cards.c.id))]

    async def unsent(self, community: str | None = None) -> Sequence[Card]:
        """Return the cards that are still to be shown, oldest first; those of one community where it is named."""
        waiting = exists().where(incidents.c.card == cards.c.id)
        found = select(cards).where(cards.c.message.is_(None), waiting).order_by(cards.c.id)
        if community is not None:
            found = found.where(cards.c.community == community)
        return [self._card_of(row) for row in await self._rows(found)]

    async def without_card(self, platform: Platform) -> Sequence[Incident]:
        """Return the incidents of a platform that no card shows and that wait for a verdict, oldest first."""
        named = (incidents.c.card.is_(None), incidents.c.platform == platform.value, waits())
        bare = select(incidents).where(*named)
        return [incident_of(row, self._cipher) for row in await self._rows(bare.order_by(incidents.c.id))]

    async def _place(self, connection: AsyncConnection, said: _Said, burst: timedelta) -> int:
        community, author, at = said.community, said.author, said.at
        reach = to_micros(from_micros(0) + burst)
        by = self._cipher.forms(author, CARD_AUTHOR)
        near = {"community": community, "by": by, "earliest": at - reach, "latest": at + reach}
        number = (await connection.execute(_LAST_NEAR, near)).scalar_one_or_none()
        if number is not None and await self._takes_more(connection, number):
            await connection.execute(_ADD, {"card": number, "said_at": at})
            return int(number)
        values = {"community": community, "author": self._cipher.seal_name(author, CARD_AUTHOR), "last_at": at}
        return int((await connection.execute(_NEW, {**values, "behind": 1})).scalar_one())

    async def _takes_more(self, connection: AsyncConnection, number: int) -> bool:
        states = (await connection.execute(_STATES, {"card": number})).scalars().all()
        return len(states) < _MOST_ON_A_CARD and all(ReviewState(state).waits for state in states)

    async def _change(self, card_id: int, **values: str | None) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(cards).where(cards.c.id == card_id).values(values))

    async def _rows(self, statement: Executable, **values: int) -> Sequence[RowMapping]:
        async with self._database.reading() as connection:
            return (await connection.execute(statement, values)).mappings().all()

    def _card_of(self, row: RowMapping) -> Card:
        return Card(
            id=row["id"],
            community=row["community"],
            author=self._cipher.open_name(row["author"], CARD_AUTHOR, f"the author on card {row['id']}"),
            last_at=from_micros(row["last_at"]),
            channel=row["channel"],
            message=row["message"],
            trouble=row["trouble"],
        )

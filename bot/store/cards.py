"""The cards that moderators are shown: one for an author's outburst, in the database of the incidents."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Executable, RowMapping, case, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.community import Card
from bot.domain import Incident, Platform, ReviewState
from bot.errors import UnknownIncident
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.queries import is_name, waits
from bot.store.rows import from_micros, incident_of, to_micros
from bot.store.schema import BEHIND, cards, incidents
from bot.store.sealed import CARD_AUTHOR

_MOST_ON_A_CARD = 25


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
            held = select(incidents).where(incidents.c.id == incident.id)
            row = (await connection.execute(held)).mappings().one_or_none()
            if row is None:
                raise UnknownIncident(f"Incident {incident.id} is gone: it was purged, or its server was left.")
            number = row["card"]
            if number is None:
                number = await self._place(connection, incident_of(row, self._cipher), burst)
                here = update(incidents).where(incidents.c.id == incident.id)
                await connection.execute(here.values(card=number))
            return self._card_of((await connection.execute(_of_id(number))).mappings().one())

    async def get(self, card_id: int) -> Card | None:
        """Return one card, None where there is none."""
        rows = await self._rows(_of_id(card_id))
        return self._card_of(rows[0]) if rows else None

    async def of_incident(self, incident_id: int) -> Card | None:
        """Return the card that shows an incident, None where none does."""
        of = select(cards).join(incidents, incidents.c.card == cards.c.id).where(incidents.c.id == incident_id)
        rows = await self._rows(of)
        return self._card_of(rows[0]) if rows else None

    async def incidents(self, card_id: int) -> Sequence[Incident]:
        """Return what a card shows, oldest first."""
        rows = await self._rows(select(incidents).where(incidents.c.card == card_id).order_by(incidents.c.id))
        return [incident_of(row, self._cipher) for row in rows]

    async def sent(self, card_id: int, channel: str, message: str) -> None:
        """Note where a card is shown."""
        await self._change(card_id, channel=channel, message=message, trouble="")

    async def not_sent(self, card_id: int, trouble: str) -> None:
        """Note why a card could not be shown."""
        await self._change(card_id, channel=None, message=None, trouble=trouble)

    async def outdate(self, card_id: int) -> int:
        """Note that a card is to be shown anew; return the number by which `caught_up` knows this state of it."""
        more = update(cards).where(cards.c.id == card_id).values(behind=cards.c.behind + 1).returning(cards.c.behind)
        async with self._database.writing() as connection:
            return (await connection.execute(more)).scalar_one_or_none() or 0

    async def caught_up(self, card_id: int, state: int) -> None:
        """Note that a card is shown as it was in that state; what changed since leaves it behind."""
        same = update(cards).where(cards.c.id == card_id, cards.c.behind == state)
        async with self._database.writing() as connection:
            await connection.execute(same.values(behind=0))

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

    async def _place(self, connection: AsyncConnection, incident: Incident, burst: timedelta) -> int:
        community, author, at = incident.key.community, incident.author, to_micros(incident.at)
        reach = to_micros(from_micros(0) + burst)
        # What is caught up on may be older than what is shown already: it belongs to what was said around it.
        near = exists().where(incidents.c.card == cards.c.id, incidents.c.at.between(at - reach, at + reach))
        by = is_name(cards.c.author, author, CARD_AUTHOR, self._cipher)
        mine = (by, cards.c.community == community, cards.c.last_at >= at - reach, near)
        last = select(cards.c.id).where(*mine).order_by(cards.c.id.desc()).limit(1)
        number = (await connection.execute(last)).scalar_one_or_none()
        if number is not None and await self._takes_more(connection, number):
            later = case((cards.c.last_at < at, at), else_=cards.c.last_at)
            changed = {"last_at": later, "behind": cards.c.behind + 1}
            await connection.execute(update(cards).where(cards.c.id == number).values(changed))
            return int(number)
        sealed = self._cipher.seal_name(author, CARD_AUTHOR)
        new = insert(cards).values(community=community, author=sealed, last_at=at, behind=1).returning(cards.c.id)
        return int((await connection.execute(new)).scalar_one())

    async def _takes_more(self, connection: AsyncConnection, number: int) -> bool:
        states = (await connection.execute(select(incidents.c.state).where(incidents.c.card == number))).scalars().all()
        return len(states) < _MOST_ON_A_CARD and all(ReviewState(state).waits for state in states)

    async def _change(self, card_id: int, **values: str | None) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(cards).where(cards.c.id == card_id).values(values))

    async def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        async with self._database.reading() as connection:
            return (await connection.execute(statement)).mappings().all()

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


def _of_id(card_id: int) -> Executable:
    return select(cards).where(cards.c.id == card_id)

"""Drop incidents, a few at a time, with what stands for nothing without them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.community import ERASED
from bot.domain import ReviewVerdict
from bot.store.cipher import ContentCipher
from bot.store.schema import cards, incidents, reviews
from bot.store.sealed import MODERATOR

CHUNK = 500
"""Rows dropped in one transaction, so that an incident that comes meanwhile waits for milliseconds."""

Found = Sequence[Row[Any, Any]]
"""Number and card of each incident."""


async def some(connection: AsyncConnection, *which: ColumnElement[bool]) -> Found:
    """Return number and card of a chunk of the incidents that the conditions name."""
    page = select(incidents.c.id, incidents.c.card).where(*which).limit(CHUNK)
    return (await connection.execute(page)).all()


async def drop(connection: AsyncConnection, found: Found) -> None:
    """Delete incidents, and the cards that show nothing any more: these name an author."""
    await connection.execute(delete(incidents).where(incidents.c.id.in_([row.id for row in found])))
    await drop_empty_cards(connection, sorted({row.card for row in found if row.card is not None}))


async def drop_empty_cards(connection: AsyncConnection, numbers: Sequence[int]) -> int:
    """Delete those of the cards that no incident is on; return how many they were."""
    if not numbers:
        return 0
    shows = exists().where(incidents.c.card == cards.c.id)
    return int((await connection.execute(delete(cards).where(cards.c.id.in_(numbers), ~shows))).rowcount)


async def forget_reporters(connection: AsyncConnection, found: Found, cipher: ContentCipher) -> None:
    """Drop which members reported incidents: unlike a moderator's verdict, a report does not outlive its incident."""
    of = (reviews.c.incident_id.in_([row.id for row in found]), reviews.c.verdict == ReviewVerdict.REPORT.value)
    nobody: dict[str, Any] = {"moderator": cipher.seal_name(ERASED, MODERATOR), "note": None}
    await connection.execute(update(reviews).where(*of).values(nobody))

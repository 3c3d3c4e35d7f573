"""What a member wrote, and who they are, is taken out of one community's rows, for good."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Row, Update, bindparam, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.community import ERASED
from bot.domain import ReviewVerdict
from bot.store import queries
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.schema import cards, incidents, reviews
from bot.store.scrubbing import owe, scrub
from bot.store.sealed import CARD_AUTHOR, INCIDENT_AUTHOR, MODERATOR, REVISION

_CHUNK = 200

_NOBODY = (
    update(incidents)
    .where(incidents.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in ("author", "message", "revision", "reasons")})
    .values(content=None, outcome_detail="")
)


class Erasure:
    """Erase members, a few rows at a time; where it is cut short, the next call goes on."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def erase(self, community: str, author: str) -> int:
        """Make a member nobody in a community; return the number of incidents.

        Of an incident stays that something was flagged, and as what, and which verdicts moderators gave on it.
        """
        erased, done = 0, _CHUNK
        while done == _CHUNK:
            async with self._database.writing(sealing=True) as connection:
                done = await self._incidents(connection, community, author)
            erased += done
        for step in (self._reports, self._cards):
            done = _CHUNK
            while done == _CHUNK:
                async with self._database.writing(sealing=True) as connection:
                    done = await step(connection, community, author)
        await scrub(self._database)
        return erased

    async def _incidents(self, connection: AsyncConnection, community: str, author: str) -> int:
        mine = queries.is_name(incidents.c.author, author, INCIDENT_AUTHOR, self._cipher)
        own = select(incidents.c.id).where(mine, incidents.c.community == community).limit(_CHUNK)
        numbers = (await connection.execute(own)).scalars().all()
        if numbers and author != ERASED:
            await owe(connection, self._database)
            await connection.execute(update(reviews).where(reviews.c.incident_id.in_(numbers)).values(note=None))
            await connection.execute(_NOBODY, [self._nobody(number) for number in numbers])
            return len(numbers)
        return 0

    def _nobody(self, number: int) -> dict[str, Any]:
        return {
            "row": number,
            "new_author": self._cipher.seal_name(ERASED, INCIDENT_AUTHOR),
            "new_message": f"{ERASED}:{number}",
            # It may be a digest of the text.
            "new_revision": self._cipher.seal_name("", REVISION),
            "new_reasons": self._cipher.seal_text(json.dumps([])),
        }

    async def _reports(self, connection: AsyncConnection, community: str, author: str) -> int:
        """Take the member's name and note from reports, those included whose incident is gone."""
        here = exists().where(incidents.c.id == reviews.c.incident_id, incidents.c.community == community)
        gone = ~exists().where(incidents.c.id == reviews.c.incident_id)
        made = queries.is_name(reviews.c.moderator, author, MODERATOR, self._cipher)
        by = select(reviews.c.id).where(made, reviews.c.verdict == ReviewVerdict.REPORT.value, or_(here, gone))
        found = (await connection.execute(by.limit(_CHUNK))).all()
        nobody: dict[str, Any] = {"moderator": self._cipher.seal_name(ERASED, MODERATOR), "note": None}
        await self._change(connection, found, update(reviews).values(nobody), reviews.c.id)
        return len(found)

    async def _cards(self, connection: AsyncConnection, community: str, author: str) -> int:
        mine = queries.is_name(cards.c.author, author, CARD_AUTHOR, self._cipher)
        own = select(cards.c.id).where(mine, cards.c.community == community).limit(_CHUNK)
        found = (await connection.execute(own)).all()
        nobody = update(cards).values(author=self._cipher.seal_name(ERASED, CARD_AUTHOR))
        await self._change(connection, found, nobody, cards.c.id)
        return len(found)

    async def _change(
        self, connection: AsyncConnection, found: Sequence[Row[Any]], change: Update, key: Column[int]
    ) -> None:
        if found:
            await owe(connection, self._database)
            await connection.execute(change.where(key.in_([row[0] for row in found])))

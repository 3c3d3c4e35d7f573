"""What has expired is dropped: content and incidents on their own clocks, in small steps, for so long at most."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from sqlalchemy import Update, exists, select, update

from bot.domain import Purged
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.dropping import CHUNK, drop, drop_empty_cards, forget_reporters, some
from bot.store.schema import cards, incidents, reviews
from bot.store.scrubbing import AT_ONCE_BYTES, owe

_LONGEST_PAUSE_S = 0.5
_Step = Callable[[int, int], Awaitable[tuple[int, bool]]]
"""Takes the two moments; returns how many rows it dropped, and whether there may be more."""


class Expiry:
    """Drop what has expired."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher
        self._swept = 0

    async def purge(self, content_before: int, incidents_before: int, within_s: float | None) -> Purged:
        """Drop content before the first moment and incidents before the second; times are in microseconds.

        The kinds take turns, so that a million old incidents do not keep expired texts. After each step others may
        write for as long as it took. What a power cut undoes, the next purge drops again.
        """
        steps: dict[str, _Step] = {
            "incidents": self._incidents,
            "contents": self._contents,
            "notes": self._notes,
            "cards": self._cards,
        }
        dropped: Counter[str] = Counter()
        ends = None if within_s is None else time.monotonic() + within_s
        while steps:
            for name, step in list(steps.items()):
                begun = time.monotonic()
                rows, more = await step(content_before, incidents_before)
                dropped[name] += rows
                if not more:
                    del steps[name]
                await asyncio.sleep(min(time.monotonic() - begun, _LONGEST_PAUSE_S) if more else 0)
            # Not before each kind had its turn: however short a round is, none is left out of all of them.
            if ends is not None and time.monotonic() >= ends:
                break
        if dropped.total() and not steps and self._database.size() <= AT_ONCE_BYTES:
            async with self._database.writing(lasting=False) as connection:
                await owe(connection, self._database)
        return Purged(dropped["contents"], dropped["incidents"], complete=not steps)

    async def _incidents(self, _content_before: int, incidents_before: int) -> tuple[int, bool]:
        async with self._database.writing(lasting=False, sealing=True) as connection:
            found = await some(connection, incidents.c.created_at < incidents_before)
            if found:
                await drop(connection, found)
                await forget_reporters(connection, found, self._cipher)
        return len(found), len(found) == CHUNK

    async def _contents(self, content_before: int, incidents_before: int) -> tuple[int, bool]:
        row = incidents.c
        # What is older than that goes as a whole.
        old = select(row.id).where(
            row.created_at < content_before, row.created_at >= incidents_before, row.content.is_not(None)
        )
        return await self._clear(update(incidents).where(row.id.in_(old.limit(CHUNK))).values(content=None))

    async def _notes(self, content_before: int, _incidents_before: int) -> tuple[int, bool]:
        old = select(reviews.c.id).where(reviews.c.at < content_before, reviews.c.note.is_not(None))
        return await self._clear(update(reviews).where(reviews.c.id.in_(old.limit(CHUNK))).values(note=None))

    async def _clear(self, change: Update) -> tuple[int, bool]:
        async with self._database.writing(lasting=False) as connection:
            cleared = int((await connection.execute(change)).rowcount)
        return cleared, cleared == CHUNK

    async def _cards(self, _content_before: int, incidents_before: int) -> tuple[int, bool]:
        """Drop a few cards that show nothing and were left behind by earlier versions; each is looked at once."""
        shows = exists().where(incidents.c.card == cards.c.id).label("shows")
        page = select(cards.c.id, cards.c.last_at, shows).where(cards.c.id > self._swept).order_by(cards.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(page.limit(CHUNK))).all()
        empty = [row.id for row in rows if not row.shows and row.last_at < incidents_before]
        dropped = 0
        if empty:
            async with self._database.writing(lasting=False) as connection:
                dropped = await drop_empty_cards(connection, empty)
        if rows:
            self._swept = rows[-1].id
        return dropped, len(rows) == CHUNK

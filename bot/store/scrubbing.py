"""After an erasure nothing of it is left in a SQLite file, not even where nothing refers to it any more.

`secure_delete` overwrites what is deleted, but not the copies that SQLite leaves behind when it moves rows between
pages, nor the write-ahead log. So the file is written anew. PostgreSQL is left to its own vacuum.
"""

import logging

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.database import Database
from bot.store.schema import meta

_log = logging.getLogger(__name__)
_OWED = "scrub owed"
AT_ONCE_BYTES = 200_000_000
"""About two seconds of writing on a small server."""


async def owe(connection: AsyncConnection, database: Database) -> None:
    """Note, in the transaction that erases, that the file is to be written anew; a crash does not lose the note."""
    row = database.insert(meta).values(name=_OWED, value=b"1").on_conflict_do_nothing()
    await connection.execute(row)


async def scrub(database: Database, *, most_bytes: int | None = AT_ONCE_BYTES) -> bool:
    """Write the file anew where that is owed; tell whether nothing is owed any more.

    Writers wait meanwhile, so that a file of more than `most_bytes` is left to a quieter time, and so is one that
    another process holds.
    """
    async with database.reading() as connection:
        owed = await connection.scalar(select(meta.c.name).where(meta.c.name == _OWED))
    if owed is None:
        return True
    if most_bytes is not None and database.size() > most_bytes:
        return False
    try:
        await database.rewrite()
    except StoreError as error:
        _log.warning("what was erased is overwritten later: %s", error)
        return False
    async with database.writing() as connection:
        await connection.execute(delete(meta).where(meta.c.name == _OWED))
    return True

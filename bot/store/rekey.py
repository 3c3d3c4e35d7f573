"""Make sure that the keys fit the database, and move it to a new first key."""

from sqlalchemy import Column, Table, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import ContentKeyError
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.schema import incidents, meta, reviews

_CHECK = "content key check"
_CHUNK = 200


async def check_value(connection: AsyncConnection) -> bytes | None:
    """Return the known text as encrypted when the database was made, None in a new database."""
    value: bytes | None = await connection.scalar(select(meta.c.value).where(meta.c.name == _CHECK))
    return value


async def write_check_value(connection: AsyncConnection, cipher: ContentCipher) -> None:
    """Encrypt the known text with the first key, to recognise that key later."""
    row = insert(meta).values(name=_CHECK, value=cipher.encrypt(_CHECK))
    await connection.execute(
        row.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": row.excluded.value})
    )


def require_fit(cipher: ContentCipher, check: bytes, database: Database) -> None:
    """Raise ContentKeyError where none of the keys is the one that the database was written with."""
    try:
        cipher.decrypt(check, "the check value")
    except ContentKeyError:
        raise ContentKeyError(
            f"The content of {database.path} was encrypted with another key than the one given. "
            "Give the key that belongs to this database; to change keys, the new one first and the old one after it."
        ) from None


async def rekey(database: Database, cipher: ContentCipher) -> None:
    """Encrypt everything anew with the first key, after which the older ones can be dropped.

    The check value moves last: where this is cut short, the older key is still asked for and the next start goes on.
    """
    await _rekey_column(database, cipher, incidents, incidents.c.content)
    await _rekey_column(database, cipher, reviews, reviews.c.note)
    async with database.writing() as connection:
        await write_check_value(connection, cipher)


async def _rekey_column(database: Database, cipher: ContentCipher, table: Table, column: Column[bytes]) -> None:
    store = update(table).where(table.c.id == bindparam("row")).values({column: bindparam("token")})
    last = 0
    while True:
        async with database.writing() as connection:
            page = select(table.c.id, column).where(table.c.id > last, column.is_not(None)).order_by(table.c.id)
            rows = (await connection.execute(page.limit(_CHUNK))).all()
            if not rows:
                return
            last = rows[-1][0]
            stale = [(row, token) for row, token in rows if not cipher.is_newest(token)]
            fresh = [
                {"row": row, "token": cipher.encrypt(cipher.decrypt(token, f"row {row} of {table.name}"))}
                for row, token in stale
            ]
            if fresh:
                await connection.execute(store, fresh)

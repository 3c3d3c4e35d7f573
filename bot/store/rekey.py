"""Make sure that the keys fit the database, and move it to a new first key while it is in use."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import RowMapping, Update, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import ContentKeyError
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.schema import meta
from bot.store.scrubbing import owe, scrub
from bot.store.sealed import SEALED, SealedTable

Progress = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""

CHECK_NAME = "content key check"
"""Under which name the check value is kept."""
_NEXT = "content key next"
_ALL_SEALED = "content key check: names are sealed too"
"""What the check value says where nothing is stored any more as it was before names were sealed."""
_CHUNK = 50
_LONGEST_PAUSE_S = 0.5


async def check_value(connection: AsyncConnection) -> bytes | None:
    """Return the known text as encrypted when the database was made, None in a new database."""
    value: bytes | None = await connection.scalar(select(meta.c.value).where(meta.c.name == CHECK_NAME))
    return value


async def write_check_value(connection: AsyncConnection, cipher: ContentCipher) -> None:
    """Encrypt the known text with the first key, to recognise that key later; rows that are there are not sealed."""
    filled = [await connection.scalar(select(sealed.key).limit(1)) for sealed in SEALED]
    cipher.settled = all(key is None for key in filled)
    await _write(connection, CHECK_NAME, cipher.encrypt(_ALL_SEALED if cipher.settled else CHECK_NAME))


def require_fit(cipher: ContentCipher, check: bytes, database: Database) -> None:
    """Raise ContentKeyError where none of the keys is the one that the database was written with."""
    try:
        found = cipher.decrypt(check, "the check value")
    except ContentKeyError:
        raise ContentKeyError(
            f"The content of {database.label} was encrypted with another key than the one given. "
            "Give the key that belongs to this database; to change keys, the new one first and the old one after it."
        ) from None
    cipher.settled = found == _ALL_SEALED


async def is_resealed(database: Database, cipher: ContentCipher) -> bool:
    """Tell whether everything is sealed with the first key already, so that older keys can be dropped."""
    async with database.reading() as connection:
        tokens = (await connection.execute(_IN_USE)).scalars().all()
    # A second one says that somebody wrote with another key since.
    return bool(tokens) and cipher.settled and all(map(cipher.is_newest, tokens))


async def reseal(database: Database, cipher: ContentCipher, progress: Progress | None = None) -> int:
    """Seal everything with the first key, after which older ones can be dropped; return how many rows changed.

    Others read and write meanwhile: a transaction is a few rows, and between two of them is a pause as long as the last
    one took. The check value moves last: where this is cut short, the older key is still asked for, and the next call
    goes on. As long as an older key is given everything is looked through. Raise ContentKeyError where no key opens a
    row, which it names.
    """
    if await is_resealed(database, cipher) and not cipher.looks_further:
        return 0
    async with database.writing(settling=True) as connection:
        await KeyAgreement(database, cipher).hold(connection)
        # What was readable lies in the file until that is written anew.
        await owe(connection, database)
    total, changed, found = 0, 0, True
    # What another process wrote meanwhile with an older key lies behind: until a whole round finds nothing.
    while found:
        found = False
        count = _Count(await _rows_of(database), progress)
        for sealed in SEALED:
            here = await _reseal_table(database, cipher, sealed, count)
            changed, found = changed + here, found or here > 0
        total = count.done
    async with database.writing(settling=True) as connection:
        await _write(connection, CHECK_NAME, cipher.encrypt(_ALL_SEALED))
        await connection.execute(delete(meta).where(meta.c.name == _NEXT))
    cipher.settled = True
    await scrub(database)
    if progress is not None:
        progress(total, total)
    return changed


class KeyAgreement:
    """Let no process write a message that another one stored under a key that the first does not have."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher
        self._agreed: frozenset[bytes] = frozenset()

    async def hold(self, connection: AsyncConnection) -> None:
        """Note, in a writing transaction, that the first key is in use; raise ContentKeyError where one is unknown."""
        tokens = await self._tokens(connection)
        if tokens == self._agreed:
            return
        for token in tokens:
            self._require(token)
        if not any(self._cipher.is_newest(token) for token in tokens):
            await _write(connection, _NEXT, self._cipher.encrypt(CHECK_NAME))
            tokens = await self._tokens(connection)
        self._agreed = tokens

    async def _tokens(self, connection: AsyncConnection) -> frozenset[bytes]:
        return frozenset((await connection.execute(_IN_USE)).scalars())

    def _require(self, token: bytes) -> None:
        try:
            self._cipher.decrypt(token, "the check value")
        except ContentKeyError:
            raise ContentKeyError(
                f"Another process moves {self._database.label} to a key that this one does not have. "
                "Start this one again with both keys, the new one first."
            ) from None


_IN_USE = select(meta.c.value).where(meta.c.name.in_([CHECK_NAME, _NEXT]))


class _Count:
    """Count rows, and tell of it."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self._total, self._progress = 0, total, progress

    def add(self, rows: int) -> None:
        """Note that so many more are done."""
        self.done += rows
        if self._progress is not None:
            self._progress(self.done, max(self.done, self._total))


async def _rows_of(database: Database) -> int:
    async with database.reading() as connection:
        counts = [await connection.scalar(select(func.count()).select_from(sealed.table)) for sealed in SEALED]
    return sum(count or 0 for count in counts)


async def _reseal_table(database: Database, cipher: ContentCipher, sealed: SealedTable, count: _Count) -> int:
    changed, last = 0, None
    while True:
        begun = time.monotonic()
        # A power cut may undo it, but not once the check value says that all is sealed.
        async with database.writing(settling=True, lasting=False) as connection:
            rows = await _page(connection, sealed, last)
            # In a thread: the other tasks of this process go on while it is calculated.
            fresh = await asyncio.to_thread(_fresh, rows, sealed, cipher)
            if fresh:
                await connection.execute(_update(sealed), fresh)
        changed += len(fresh)
        count.add(len(rows))
        if len(rows) < _CHUNK:
            return changed
        last = rows[-1][sealed.key.name]
        await asyncio.sleep(min(time.monotonic() - begun, _LONGEST_PAUSE_S))


async def _page(connection: AsyncConnection, sealed: SealedTable, last: object) -> Sequence[RowMapping]:
    page = select(sealed.table).order_by(sealed.key).limit(_CHUNK)
    if last is not None:
        page = page.where(sealed.key > last)
    return (await connection.execute(page)).mappings().all()


def _fresh(rows: Sequence[RowMapping], sealed: SealedTable, cipher: ContentCipher) -> list[dict[str, Any]]:
    changed = ((row[sealed.key.name], sealed.fresh(row, cipher)) for row in rows)
    return [
        {"row": key, **{f"new_{name}": value for name, value in values.items()}}
        for key, values in changed
        if values is not None
    ]


def _update(sealed: SealedTable) -> Update:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in sealed.columns}
    return update(sealed.table).where(sealed.key == bindparam("row")).values(new)


async def _write(connection: AsyncConnection, name: str, value: bytes) -> None:
    await connection.execute(delete(meta).where(meta.c.name == name))
    await connection.execute(insert(meta).values(name=name, value=value))

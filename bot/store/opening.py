"""Open the incident database that a URL names."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError
from bot.store.cards import SqlCardStore
from bot.store.cipher import ContentCipher
from bot.store.communities import SqlCommunityStore
from bot.store.database import Database
from bot.store.failures import failures_of
from bot.store.incidents import SqlIncidentStore
from bot.store.keys import load_keys
from bot.store.migrate import refuse_foreign, upgrade
from bot.store.rekey import check_value, rekey, require_fit, write_check_value

_SCHEMES = ("sqlite+aiosqlite", "sqlite")


@dataclass(frozen=True, slots=True)
class Stores:
    """Hold what one database keeps; `close` lets go of all of it."""

    incidents: SqlIncidentStore
    communities: SqlCommunityStore
    cards: SqlCardStore

    async def close(self) -> None:
        """Finish what is being written and let go of the database."""
        await self.incidents.close()


async def open_store(
    url: str, *, keys: str | None = None, key_file: Path | None = None, busy_timeout_s: float = 5.0
) -> SqlIncidentStore:
    """Open the incidents alone, as `open_stores` does."""
    return (await open_stores(url, keys=keys, key_file=key_file, busy_timeout_s=busy_timeout_s)).incidents


async def open_stores(
    url: str, *, keys: str | None = None, key_file: Path | None = None, busy_timeout_s: float = 5.0
) -> Stores:
    """Open the stores at `sqlite+aiosqlite:///PATH`, making folder, database and key file where there are none.

    `keys` are Fernet keys separated by commas, the first of which encrypts; without them `key_file` holds the keys, by
    default `referee.key` beside the database. With a new first key everything is encrypted anew before this returns.
    A lock of another process is waited for `busy_timeout_s` seconds. Raise StoreError or one of its kinds.

    Alembic keeps its state in module globals: open two new databases one after the other, not at the same time.
    """
    path = database_path(url)
    await asyncio.to_thread(_make_place, path)
    database = Database(path, busy_timeout_s)
    try:
        cipher = await _prepare(database, keys, key_file or path.with_name("referee.key"))
    except BaseException:
        await database.close()
        raise
    return Stores(SqlIncidentStore(database, cipher), SqlCommunityStore(database), SqlCardStore(database, cipher))


def database_path(url: str) -> Path:
    """Return the file that a database URL names; raise StoreError where it names none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    usable = parsed is not None and parsed.drivername in _SCHEMES and not parsed.host and not parsed.query
    if parsed is None or not usable or not parsed.database or parsed.database == ":memory:":
        # A URL may hold a password, so it is not repeated.
        raise StoreError(
            "The database URL cannot be used: only a SQLite file is supported, as in sqlite+aiosqlite:///data/referee.db."
        )
    return Path(parsed.database)


def _make_place(path: Path) -> None:
    with failures_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # aiosqlite leaves a thread behind where it cannot open the file, which complains once the loop is gone.
        sqlite3.connect(path).close()


async def _prepare(database: Database, keys: str | None, key_file: Path) -> ContentCipher:
    async with database.reading() as connection:
        await connection.run_sync(refuse_foreign, database.path)
    await database.use_wal()
    async with database.writing() as connection:
        await connection.run_sync(upgrade)
        check = await check_value(connection)
        cipher = ContentCipher(load_keys(keys, key_file, may_create=check is None))
        if check is None:
            await write_check_value(connection, cipher)
            return cipher
        require_fit(cipher, check, database)
    if not cipher.is_newest(check):
        await rekey(database, cipher)
    return cipher

"""A database opened as it is: no key is asked for, no migration run, nothing made where there is nothing."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import Connection

from bot.errors import InputError
from bot.store.database import Database
from bot.store.migrate import refuse_foreign
from bot.store.places import kind_of

_BUSY_S = 10.0
_BESIDE = ("-wal", "-shm", "-journal")


@asynccontextmanager
async def opened_plain(url: str, *, may_create: bool = False) -> AsyncIterator[Database]:
    """Open the database of a URL and close it afterwards; raise InputError where there is none, or StoreError."""
    kind = kind_of(url)
    if may_create:
        kind.make_place()
    elif kind.file is not None:
        with kind.failures():
            _require_file(kind.file)
    database = Database(kind, _BUSY_S)
    try:
        yield database
    finally:
        await database.close()


def _require_file(file: Path) -> None:
    if not file.exists():
        raise InputError(f"there is no database {file}; name another with --db, or set REFEREE_DATABASE_URL")
    # As the driver would open it, which complains long afterwards where it cannot.
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        connection.execute("PRAGMA schema_version")


def files_of(url: str) -> tuple[Path, ...]:
    """Return the files that a database lies in, the main one first; none where it is on a server."""
    file = kind_of(url).file
    return () if file is None else (file, *(file.with_name(file.name + suffix) for suffix in _BESIDE))


def key_file_of(url: str, given: Path | None) -> Path:
    """Return the key file of a database: the one given, or else where it lies by itself."""
    return given or kind_of(url).key_file


async def schema_of(database: Database) -> str:
    """Return the schema of a database; raise StoreError for another program's or a newer one, InputError for none."""
    async with database.reading() as connection:
        found = await connection.run_sync(revision_of, database)
    if found is None:
        raise InputError(f"{database.label} is empty: Referee has not used it yet. Name another database.")
    return found


def revision_of(connection: Connection, database: Database) -> str | None:
    """Return the schema, None where there is no table; raise StoreError for another program's or a newer one."""
    refuse_foreign(connection, database.label)
    return MigrationContext.configure(connection).get_current_revision()

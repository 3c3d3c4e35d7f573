"""Transactions on one SQLite file: many readers, one writer, drained at close."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreError
from bot.store.failures import failures_of

_CONNECTIONS = 4


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...

    def close(self) -> None: ...


class _DriverConnection(Protocol):
    def cursor(self) -> _Cursor: ...


class Database:
    """Hand out transactions on one file; every failure of the file is a StoreError that names it."""

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self.path = path
        self.label = str(path)
        """How errors name the database; no password is in it."""
        self._engine = _engine(path, busy_timeout_s)
        # A writer that starts with a plain BEGIN is refused at once when another wrote since it read; IMMEDIATE waits.
        self._readers = self._engine.execution_options(begin_with="BEGIN")
        self._writers = self._engine.execution_options(begin_with="BEGIN IMMEDIATE")
        self._write_turn = asyncio.Lock()
        self._in_use = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the database and never waits for a writer."""
        with self._counted():
            async with self._transaction(self._readers) as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open the one transaction of this process that may write; commit at the end, or undo it all."""
        with self._counted():
            async with self._write_turn, self._transaction(self._writers) as connection:
                yield connection

    async def use_wal(self) -> None:
        """Switch the file to write-ahead logging, which lets readers go on while one writes; the file remembers it."""
        with self._counted():
            async with self._transaction(self._engine) as connection:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def insert(self, table: Table) -> Insert:
        """Return an insertion of this database's kind, which knows `on_conflict_do_nothing` and its like."""
        return insert(table)

    async def check(self) -> str:
        """Return what the database says of its own soundness, `ok` where nothing is wrong; raise StoreDamaged."""
        async with self.reading() as connection:
            return "; ".join((await connection.exec_driver_sql("PRAGMA quick_check")).scalars())

    async def close(self) -> None:
        """Refuse new transactions, wait for those that were asked for, and close every connection."""
        self._closed = True
        await self._idle.wait()
        await self._engine.dispose()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"The store on {self.label} is closed already. Open it again.")
        self._in_use += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._idle.set()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        with failures_of(self.path):
            async with engine.begin() as connection:
                yield connection


def _engine(path: Path, busy_timeout_s: float) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        # The driver's own transaction control begins late and commits around DDL; `_begin` takes its place.
        connect_args={"timeout": busy_timeout_s, "isolation_level": None},
        pool_size=_CONNECTIONS,
        max_overflow=0,
    )
    event.listen(engine.sync_engine, "connect", _configure)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _configure(driver_connection: _DriverConnection, _record: object) -> None:
    cursor = driver_connection.cursor()
    # NORMAL under WAL: the file stays whole whatever happens, a killed process loses nothing, and a power cut may
    # lose the last transactions before it. FULL would sync the disk on every incident.
    cursor.execute("PRAGMA synchronous=NORMAL")
    # What is purged is overwritten with zeros instead of lying in free pages until they are used again.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("begin_with")
    if statement:
        connection.exec_driver_sql(statement)

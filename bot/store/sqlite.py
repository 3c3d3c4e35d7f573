"""A SQLite file: many readers and one writer, in whatever number of processes on one machine.

What a power cut may take is chosen by transaction: under write-ahead logging `synchronous=FULL` waits for the disk at
every commit, so that evidence is kept; `NORMAL` waits at checkpoints alone, so that the last commits may be undone, in
their order, and the file stays whole either way. https://www.sqlite.org/pragma.html#pragma_synchronous
`python -m benchmarks.durability` measures what the waiting costs.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import URL, Table, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreBusy
from bot.store.failures import failures_of
from bot.store.kind import BEGIN_WITH, HELD_BACK, Description, Insert, WatchLock
from bot.store.sqlite_driver import connected

_CONNECTIONS = 4
# A plain BEGIN takes no lock and no snapshot before the first statement.
_READING: Mapping[str, object] = {HELD_BACK: ("BEGIN",)}
# A writer that starts with a plain BEGIN is refused at once when another wrote since it read; IMMEDIATE waits.
_EXCLUDING: Mapping[str, object] = {BEGIN_WITH: ("BEGIN IMMEDIATE",)}
_LASTING: Mapping[str, object] = {HELD_BACK: ("PRAGMA synchronous=FULL",), **_EXCLUDING}
_FLEETING: Mapping[str, object] = {HELD_BACK: ("PRAGMA synchronous=NORMAL",), **_EXCLUDING}
_NO_WAL = "no write-ahead logging: put it on a local disk"


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...

    def close(self) -> None: ...


class _DriverConnection(Protocol):
    def cursor(self) -> _Cursor: ...


class SqliteFile:
    """Open one file; the processes that share it share its folder, where their locks and the key lie."""

    grace_s = 0.0
    """The system frees a lock once its process is gone, and it does nothing any more then."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def label(self) -> str:
        """Return the path as it was given."""
        return str(self.file)

    @property
    def key_file(self) -> Path:
        """Return `referee.key` beside the file."""
        return self.file.with_name("referee.key")

    def make_place(self) -> None:
        """Make the folder and an empty file; raise StoreError."""
        with self.failures():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # For its owner alone where it is new; SQLite gives the files beside it the same rights.
            if not self.file.exists():
                self.file.touch(mode=0o600)
            # aiosqlite leaves a thread behind where it cannot open the file, which complains once the loop is gone.
            sqlite3.connect(self.file).close()

    def engine(self, busy_timeout_s: float) -> AsyncEngine:
        """Return an engine on the file."""
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self.file)),
            # The driver's own transaction control begins late and commits around DDL; `BEGIN_WITH` takes its place.
            async_creator=partial(connected, self.file, busy_timeout_s),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            # What is in a statement may be private; a traceback would repeat it.
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _configure)
        return engine

    def reading(self) -> Mapping[str, object]:
        """Return the options of a transaction that never waits for a writer."""
        return _READING

    def writing(self, *, lasting: bool) -> Mapping[str, object]:
        """Return the options of a transaction that waits for other writers."""
        return _LASTING if lasting else _FLEETING

    def failures(self) -> AbstractContextManager[None]:
        """Tell of failures with the path in them."""
        return failures_of(self.file)

    def insert(self, table: Table) -> Insert:
        """Return an insertion in SQLite's words."""
        return insert(table)

    async def settle(self, connection: AsyncConnection) -> None:
        """Switch to write-ahead logging, which lets readers go on while one writes; the file remembers it."""
        await connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    async def check(self, connection: AsyncConnection) -> str:
        """Return what SQLite's quick check says; indexes are not compared with their tables."""
        return "; ".join((await connection.exec_driver_sql("PRAGMA quick_check")).scalars())

    async def describe(self, connection: AsyncConnection) -> Description:
        """Return SQLite's version and the size of the file without its log."""
        mode = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
        software = f"SQLite {sqlite3.sqlite_version}, {str(mode).upper()}"
        return Description(software, self.size(), "" if mode == "wal" else _NO_WAL)

    def size(self) -> int:
        """Return how many bytes the file has."""
        return self.file.stat().st_size

    async def rewrite(self, connection: AsyncConnection) -> None:
        """Write the file anew and empty the write-ahead log; raise StoreBusy where somebody reads what was before."""
        await connection.exec_driver_sql("VACUUM")
        busy, *_ = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        if busy:
            raise StoreBusy(f"{self.file} is read by another process or task, which keeps its log from being emptied.")

    def watch_lock(self) -> WatchLock:
        """Return the lock on `NAME.db.watch` beside the file."""
        return FileWatchLock(self._lock_file, self.file)

    async def is_watched(self, _connection: AsyncConnection) -> bool:
        """Tell whether another lock is on that file; one that nobody ever made is not made."""
        if not self._lock_file.exists():
            return False
        lock = self.watch_lock()
        try:
            return not await lock.acquire()
        finally:
            await lock.release()

    @property
    def _lock_file(self) -> Path:
        return self.file.with_name(self.file.name + ".watch")


class FileWatchLock:
    """Lock a file; the system frees it when the process ends, however it ends."""

    def __init__(self, lock_file: Path, database: Path) -> None:
        # Another thread may let go of it than took it.
        self._lock = FileLock(lock_file, timeout=0, thread_local=False)
        self._database = database

    async def acquire(self) -> bool:
        """Take the lock; tell whether nobody else has it."""
        return await asyncio.to_thread(self._acquire)

    async def is_held(self) -> bool:
        """Tell whether it was taken, and not let go of."""
        return self._lock.is_locked

    async def release(self) -> None:
        """Let go of it; the file stays."""
        await asyncio.to_thread(self._lock.release, force=True)

    def _acquire(self) -> bool:
        with failures_of(self._database):
            try:
                self._lock.acquire()
            except Timeout:
                return False
        return True


def _configure(driver_connection: _DriverConnection, _record: object) -> None:
    cursor = driver_connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    # What is purged is overwritten with zeros instead of lying in free pages until they are used again.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()

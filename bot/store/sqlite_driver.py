"""SQLite's driver with one trip to its thread for each statement, where it takes four.

The driver asks its thread for a cursor, for the execution, for the rows and for the cursor's end, one after the other;
each trip wakes the thread and then the event loop, which costs more than a small statement does. Here they go together.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

import aiosqlite

_Result = TypeVar("_Result")
_WAITING = ("SAVEPOINT ", "RELEASE SAVEPOINT ")
"""What has no effect of its own until there is another statement, or a commit, which ends every savepoint."""

_AT_ONCE = 250
"""Rows that are fetched with their statement; where there are more, they may be very many."""


async def connected(file: Path, busy_timeout_s: float) -> "Connection":
    """Open a file; transactions are begun and ended by whoever uses it."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=busy_timeout_s, isolation_level=None)

    connection = Connection(connect, _AT_ONCE)
    await connection
    return connection


class Connection(aiosqlite.Connection):
    """A connection whose cursors make one trip for each statement."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        # One that nobody closed must not keep the process from ending; before 0.22 it was a thread itself.
        thread = self if isinstance(self, Thread) else self._thread
        thread.daemon = True
        self._held: list[str] = []
        self._is_out = False

    def cursor(self) -> "Cursor":  # type: ignore[override]
        """Return a cursor; the database does not hear of it before it executes something."""
        return Cursor(self)

    async def trip(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do this in the connection's thread, after what was held back."""
        held, self._held = self._held, []

        def done() -> _Result:
            connection = self._conn
            for statement in held:
                connection.execute(statement)
            return work(connection)

        # The library leaves it untyped.
        do: Callable[[Callable[[], _Result]], Awaitable[_Result]] = self._execute
        # It stays out where its caller is cancelled: the thread goes on, and may be in a transaction at its end.
        self._is_out = True
        try:
            result = await do(done)
        except Exception:
            self._is_out = False
            raise
        self._is_out = False
        return result

    def hold_back(self, statement: str) -> None:
        """Keep a statement for the next trip; where a transaction ends before that, it is dropped."""
        self._held.append(statement)

    async def commit(self) -> None:
        """Commit, where anything was begun."""
        if self._has_begun():
            await super().commit()

    async def rollback(self) -> None:
        """Undo what was done since the beginning of a transaction, where there is one."""
        if self._has_begun():
            await super().rollback()

    def _has_begun(self) -> bool:
        self._held.clear()
        return self._is_out or self.in_transaction


class Cursor:
    """Execute a statement and fetch its rows in one trip; only of very many some are left for later."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self._rest: sqlite3.Cursor | None = None
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the cursor itself: SQLAlchemy 2.0 awaits it."""
        yield from ()
        return self

    async def __aenter__(self) -> Self:
        """Return the cursor itself: SQLAlchemy 2.1 enters it."""
        return self

    async def __aexit__(self, *_raised: object) -> None:
        """Close it."""
        await self.close()

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        """Execute a statement; savepoints and their release go with whatever comes next."""
        if statement.startswith(_WAITING):
            self._connection.hold_back(statement)
            return self
        await self._connection.trip(lambda connection: self._taken(connection.execute(statement, parameters)))
        return self

    async def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Execute a statement for each of several rows."""
        await self._connection.trip(lambda connection: self._taken(connection.executemany(statement, parameters)))
        return self

    async def fetchone(self) -> Any | None:  # noqa: ANN401 - a row is what the statement asks for
        """Return the next row, None where there is none left."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """Return up to so many rows; none where there are none left."""
        most = self.arraysize if size is None else size
        if len(self._rows) < most and (rest := self._rest) is not None:
            missing = most - len(self._rows)
            self._rows += await self._connection.trip(lambda _: rest.fetchmany(missing))
        found, self._rows = self._rows[:most], self._rows[most:]
        return found

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        found, self._rows = self._rows, []
        if (rest := self._rest) is not None:
            found += await self._connection.trip(lambda _: rest.fetchall())
        return found

    async def close(self) -> None:
        """Let go of the rows."""
        self._rows = []
        rest, self._rest = self._rest, None
        if rest is not None:
            await self._connection.trip(lambda _: rest.close())

    def _taken(self, cursor: sqlite3.Cursor) -> None:
        """Take over, in the connection's thread, what came of a statement."""
        self.description, self.lastrowid = cursor.description, cursor.lastrowid
        self._rows = cursor.fetchmany(_AT_ONCE) if cursor.description else []
        self.rowcount = cursor.rowcount
        if len(self._rows) == _AT_ONCE:
            self._rest = cursor
        else:
            cursor.close()

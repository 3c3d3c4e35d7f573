"""Transactions on one database of whichever kind: many readers, one writer, drained at close."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Table, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import StoreError
from bot.store.kind import BEGIN_WITH, HELD_BACK, Description, Insert, Kind
from bot.store.writers import Shared, Writers

_BOTH = (True, False)
_FENCE, _AGREEMENT = "fence", "agreement"


class Fence(Protocol):
    """Says, inside a writing transaction, whether this process may still write."""

    async def require(self, connection: AsyncConnection) -> None:
        """Raise StoreError where it may not."""
        ...


class Agreement(Protocol):
    """Says, inside a writing transaction, whether what this process seals can be read by the others."""

    async def hold(self, connection: AsyncConnection) -> None:
        """Raise ContentKeyError where it could not."""
        ...


class Database:
    """Hand out transactions on one database; every failure of it is a StoreError that names it."""

    def __init__(self, kind: Kind, busy_timeout_s: float) -> None:
        self.kind = kind
        self.label = kind.label
        """How errors name the database; no password is in it."""
        self.fence: Fence | None = None
        """Asked in every writing transaction; only a process that watches has one."""
        self.agreement: Agreement | None = None
        """Asked in every transaction that seals something; there is none without a key."""
        self._engine = kind.engine(busy_timeout_s)
        event.listen(self._engine.sync_engine, "begin", _begin)
        self._readers = self._engine.execution_options(**kind.reading())
        self._writers = Writers(
            {lasting: self._engine.execution_options(**kind.writing(lasting=lasting)) for lasting in _BOTH}
        )
        self._in_use = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def path(self) -> Path | None:
        """Return the file that the database lies in, None where it is on a server."""
        return self.kind.file

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the database and never waits for a writer."""
        with self._counted():
            async with self._transaction(self._readers) as connection:
                yield connection

    @asynccontextmanager
    async def writing(
        self, *, lasting: bool = True, sealing: bool = False, urgent: bool = False, settling: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Open the one transaction of all processes that may write; commit at the end, or undo what was done in here.

        Those who wait at the same moment share a commit (`Writers`); what is `urgent` goes before what is not. What is
        committed survives a power cut, unless `lasting` is false: that is quicker, and for what can be lost. Raise
        StoreBusy where others write for too long; `sealing` something, ContentKeyError where the database has moved to
        a key that this process lacks. `settling` is for what changes who may write, or with which key.
        """
        with self._counted(), self.kind.failures():
            async with self._writers.turn(lasting=lasting, urgent=urgent) as shared:
                try:
                    await self._ask(shared, sealing=sealing)
                    yield shared.connection
                except BaseException:
                    # What was noted while asking is undone with the rest.
                    shared.asked.clear()
                    raise
                if settling:
                    shared.asked.clear()

    async def _ask(self, shared: Shared, *, sealing: bool) -> None:
        if self.fence is not None and _FENCE not in shared.asked:
            await self.fence.require(shared.connection)
            shared.asked.add(_FENCE)
        if sealing and self.agreement is not None and _AGREEMENT not in shared.asked:
            await self.agreement.hold(shared.connection)
            shared.asked.add(_AGREEMENT)

    async def settle(self) -> None:
        """Set what the database itself remembers, such as write-ahead logging."""
        with self._counted():
            async with self._transaction(self._engine) as connection:
                await self.kind.settle(connection)

    def size(self) -> int:
        """Return how many bytes the file has, 0 where that is nobody's business here."""
        return self.kind.size()

    async def rewrite(self) -> None:
        """Leave nothing of what was deleted, where that is not the server's business."""
        with self._counted():
            async with self._writers.alone(), self._transaction(self._engine) as connection:
                await self.kind.rewrite(connection)

    def insert(self, table: Table) -> Insert:
        """Return an insertion of this database's kind, which knows `on_conflict_do_nothing` and its like."""
        return self.kind.insert(table)

    async def check(self) -> str:
        """Return what the database says of its own soundness, `ok` where nothing is wrong; raise StoreDamaged."""
        async with self.reading() as connection:
            return await self.kind.check(connection)

    async def describe(self) -> Description:
        """Return what the database is, and how large."""
        async with self.reading() as connection:
            return await self.kind.describe(connection)

    async def is_watched(self) -> bool:
        """Tell whether some process watches with this database at this moment."""
        async with self.reading() as connection:
            return await self.kind.is_watched(connection)

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
        with self.kind.failures():
            async with engine.begin() as connection:
                yield connection


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    held_back: Sequence[str] = options.get(HELD_BACK, ())
    if held_back:
        driver: Any = connection.connection.driver_connection
        for statement in held_back:
            driver.hold_back(statement)
    for statement in options.get(BEGIN_WITH, ()):
        connection.exec_driver_sql(statement)

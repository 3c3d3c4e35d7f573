"""What the store asks of a kind of database; `sqlite` and `postgres` are the two there are."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Insert = sqlite.Insert | postgresql.Insert
"""An insertion that knows `on_conflict_do_nothing` and its like."""

BEGIN_WITH = "begin_with"
"""The execution option that holds what a transaction begins with: statements in their order."""

HELD_BACK = "held_back"
"""The execution option that holds what comes before that, and may wait for the next statement of the transaction.

Only for a driver that knows `hold_back`.
"""


@dataclass(frozen=True, slots=True)
class Description:
    """Say what a database is: its software, how large it is in bytes, and `trouble` where it should be otherwise."""

    software: str
    size: int
    trouble: str = ""


class WatchLock(Protocol):
    """A lock that one process at a time has, and that is free once that process is gone."""

    async def acquire(self) -> bool:
        """Take the lock; tell whether that was possible. Raise StoreError where the database cannot be asked."""
        ...

    async def is_held(self) -> bool:
        """Tell whether this process still has the lock."""
        ...

    async def release(self) -> None:
        """Let go of the lock, held or not; never fails."""
        ...


class Kind(Protocol):
    """How one kind of database is opened, locked, filled and looked through."""

    @property
    def label(self) -> str:
        """Return how errors name the database; no password is in it."""
        ...

    @property
    def file(self) -> Path | None:
        """Return the file that the database lies in, None where it is on a server."""
        ...

    @property
    def key_file(self) -> Path:
        """Return where the content key lies unless the settings say otherwise."""
        ...

    @property
    def grace_s(self) -> float:
        """Return how long whoever held the watch before may take to notice that it lost it."""
        ...

    def make_place(self) -> None:
        """Make what the database lies in, where it is missing and can be made; blocks. Raise StoreError."""
        ...

    def engine(self, busy_timeout_s: float) -> AsyncEngine:
        """Return an engine whose transactions wait that long for another writer; raise StoreError."""
        ...

    def reading(self) -> Mapping[str, object]:
        """Return the execution options of a transaction that sees one state of the database."""
        ...

    def writing(self, *, lasting: bool) -> Mapping[str, object]:
        """Return the execution options of a transaction that excludes every other writer.

        Where it is not `lasting`, a power cut may undo it.
        """
        ...

    def failures(self) -> AbstractContextManager[None]:
        """Turn whatever the driver raises into a StoreError that names the database."""
        ...

    def insert(self, table: Table) -> Insert:
        """Return an insertion in this kind's words."""
        ...

    async def settle(self, connection: AsyncConnection) -> None:
        """Set what the database itself remembers, on a connection that is in no transaction."""
        ...

    async def check(self, connection: AsyncConnection) -> str:
        """Return what the database says of its own soundness, `ok` where nothing is wrong."""
        ...

    async def describe(self, connection: AsyncConnection) -> Description:
        """Return what the database is."""
        ...

    def size(self) -> int:
        """Return how many bytes `rewrite` would write, 0 where it has nothing to do."""
        ...

    async def rewrite(self, connection: AsyncConnection) -> None:
        """Leave nothing of what was deleted, on a connection that is in no transaction."""
        ...

    def watch_lock(self) -> WatchLock:
        """Return the lock of the one process that watches."""
        ...

    async def is_watched(self, connection: AsyncConnection) -> bool:
        """Tell whether some process watches at this moment; raise StoreError."""
        ...

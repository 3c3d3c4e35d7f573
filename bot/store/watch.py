"""One watcher at a time: of several processes on one database one watches, and the others stand by.

The lock says who watches, and it is free once its holder is gone. An epoch in the database is raised whenever the watch
is taken, and compared in every writing transaction: whoever lost the watch without having noticed can record nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError, WatchLost
from bot.store.database import Database
from bot.store.kind import WatchLock
from bot.store.schema import meta

_log = logging.getLogger(__name__)
_NAME = "watch"
_HELD, _FREE = "held", "free"
_STORED = select(meta.c.value).where(meta.c.name == _NAME)
_ASKED_EVERY_S = 1.0
_BEAT_S = 2.0


class Watch:
    """The right to watch, held until the end of `watching`, or until `lost`."""

    def __init__(self, database: Database, lock: WatchLock, epoch: int) -> None:
        self._database = database
        self._lock = lock
        self._epoch = epoch
        self._lost = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        """Tell whether another process watches now."""
        return self._lost.is_set()

    async def lost(self) -> None:
        """Return once another process watches."""
        await self._lost.wait()

    async def require(self, connection: AsyncConnection) -> None:
        """Raise WatchLost, in a transaction, where another process took the watch since."""
        if await _epoch(connection) != (self._epoch, True):
            self._lost.set()
            raise WatchLost(
                f"Another process watches with {self._database.label} now, so this one records nothing more."
            )

    async def keep(self) -> None:
        """Look again and again whether the watch is still ours, and take the lock anew where its connection broke.

        While the database is away nothing is lost: nobody can record, and the epoch tells whether somebody did.
        """
        is_away = False
        while not self.is_lost:
            await asyncio.sleep(_BEAT_S)
            try:
                await self._look()
            except WatchLost:
                return
            except StoreError as error:
                if not is_away:
                    _log.warning("the database of the watch does not answer; asking again: %s", error)
                is_away = True
            else:
                is_away = False

    async def end(self) -> None:
        """Say that the watch is free, where it is still ours, and let go of the lock."""
        if not self.is_lost:
            with suppress(StoreError):
                async with self._database.writing(settling=True) as connection:
                    await _write(self._database, connection, self._epoch, _FREE)
            self._database.fence = None
        await self._lock.release()

    async def _look(self) -> None:
        if not await self._lock.is_held() and not await self._lock.acquire():
            self._lost.set()
            return
        async with self._database.reading() as connection:
            await self.require(connection)


@asynccontextmanager
async def watching(database: Database, standing_by: Callable[[], None]) -> AsyncIterator[Watch]:
    """Wait until no other process watches, and watch; `standing_by` is told once where that takes a while.

    A watch that was lost keeps this process from writing until it takes the next one.
    """
    lock = database.kind.watch_lock()
    try:
        watch = await _taken(database, lock, standing_by)
    except BaseException:
        await lock.release()
        raise
    keeping = asyncio.create_task(watch.keep())
    try:
        yield watch
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await watch.end()


async def _taken(database: Database, lock: WatchLock, standing_by: Callable[[], None]) -> Watch:
    told, trouble = False, ""
    while True:
        try:
            if await lock.acquire():
                return await _begun(database, lock)
        except StoreError as error:
            # A server that restarts, or a disk that is full: it is what a stand-by is for.
            await lock.release()
            if str(error) != trouble:
                _log.warning("the watch cannot be taken yet: %s", error)
            trouble = str(error)
        if not told:
            standing_by()
            told = True
        await asyncio.sleep(_ASKED_EVERY_S)


async def _begun(database: Database, lock: WatchLock) -> Watch:
    database.fence = None
    async with database.writing(settling=True) as connection:
        before, was_held = await _epoch(connection)
        await _write(database, connection, before + 1, _HELD)
    watch = database.fence = Watch(database, lock, before + 1)
    if was_held and database.kind.grace_s:
        await asyncio.sleep(database.kind.grace_s)
    return watch


async def _epoch(connection: AsyncConnection) -> tuple[int, bool]:
    found: bytes | None = await connection.scalar(_STORED)
    number, _, state = (found or b"0 free").decode("ascii", "replace").partition(" ")
    return int(number) if number.isdecimal() else 0, state == _HELD


async def _write(database: Database, connection: AsyncConnection, epoch: int, state: str) -> None:
    values = {"name": _NAME, "value": f"{epoch} {state}".encode()}
    row = database.insert(meta).values(values).on_conflict_do_update(index_elements=["name"], set_=values)
    await connection.execute(row)

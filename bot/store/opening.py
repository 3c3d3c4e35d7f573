"""Open the incident database that a URL names."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.store.cards import SqlCardStore
from bot.store.cipher import ContentCipher
from bot.store.communities import SqlCommunityStore
from bot.store.database import Database
from bot.store.incidents import SqlIncidentStore
from bot.store.keys import load_keys
from bot.store.kind import Description
from bot.store.migrate import refuse_foreign, upgrade
from bot.store.places import kind_of
from bot.store.rekey import KeyAgreement, Progress, check_value, require_fit, write_check_value
from bot.store.watch import Watch, watching


@dataclass(frozen=True, slots=True)
class Stores:
    """Hold what one database keeps; `close` lets go of all of it."""

    incidents: SqlIncidentStore
    communities: SqlCommunityStore
    cards: SqlCardStore
    database: Database

    @property
    def label(self) -> str:
        """Return how to name the database; no password is in it."""
        return self.database.label

    def watch(self, standing_by: Callable[[], None]) -> AbstractAsyncContextManager[Watch]:
        """Wait until no other process watches with this database, and hand out the right to do so.

        `standing_by` is told once where that takes a while.
        """
        return watching(self.database, standing_by)

    async def is_watched(self) -> bool:
        """Tell whether some process watches with this database at this moment."""
        return await self.database.is_watched()

    async def describe(self) -> Description:
        """Return what the database is, and how large."""
        return await self.database.describe()

    async def reseal(self, progress: Progress | None = None) -> int:
        """Seal everything with the first key while the database is in use; return how many rows changed.

        Only after that can older keys be dropped. `progress` is told how many rows are done, and of how many.
        """
        return await self.incidents.reseal(progress)

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
    """Open the stores at `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`.

    Folder, SQLite file and key file are made where there are none. `keys` are Fernet keys separated by commas, the
    first of which seals; without them `key_file` holds the keys, by default `referee.key`: beside a SQLite file, in the
    working directory for PostgreSQL. With a new first key the database works at once, and the older keys are
    needed until `Stores.reseal` has ended. A lock of another process is waited for `busy_timeout_s` seconds. Raise
    StoreError or one of its kinds.

    Alembic keeps its state in module globals: open two new databases one after the other, not at the same time.
    """
    kind = kind_of(url)
    await asyncio.to_thread(kind.make_place)
    database = Database(kind, busy_timeout_s)
    try:
        cipher = await _prepare(database, keys, key_file or kind.key_file)
    except BaseException:
        await database.close()
        raise
    database.agreement = KeyAgreement(database, cipher)
    of_both = (database, cipher)
    return Stores(SqlIncidentStore(*of_both), SqlCommunityStore(*of_both), SqlCardStore(*of_both), database)


async def _prepare(database: Database, keys: str | None, key_file: Path) -> ContentCipher:
    async with database.reading() as connection:
        await connection.run_sync(refuse_foreign, database.label)
    await database.settle()
    async with database.writing() as connection:
        await connection.run_sync(upgrade)
        check = await check_value(connection)
        cipher = ContentCipher(load_keys(keys, key_file, may_create=check is None))
        if check is None:
            await write_check_value(connection, cipher)
            return cipher
        require_fit(cipher, check, database)
    return cipher

"""A copy of the whole database in one SQLite file, made while the bot goes on.

`VACUUM INTO` makes the copy of a SQLite file: it sees one state, does not hold up writers, never has to begin anew
because of them (as SQLite's page by page backup does), and writes live rows alone. Free pages, which may hold what was
deleted, are not copied: what was erased is in no later backup. A PostgreSQL database is read in one transaction into a
file of the same schema.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.errors import StoreDamaged
from bot.store.copying import copy_into
from bot.store.failures import failures_of
from bot.store.new_file import require_free, whole_file
from bot.store.plain import files_of, opened_plain, schema_of

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

_STEPS = 20_000
_BUSY_S = 10.0


@dataclass(frozen=True, slots=True)
class Copied:
    """Say what a backup holds; `size` is in bytes."""

    path: Path
    size: int
    incidents: int
    schema: str


async def back_up(
    url: str, path: Path, progress: Progress, *, force: bool = False, kept: tuple[Path, ...] = ()
) -> Copied:
    """Write a copy of a database to a file, look it through, and only then give it its name.

    `kept` are files that are never written over. Raise StoreError, or InputError where that file must not be written.
    """
    async with opened_plain(url) as database:
        own = files_of(url)
        require_free(path, force=force, kept=(*kept, *own))
        schema = await schema_of(database)
        with whole_file(path, force=force) as draft:
            if own:
                await _vacuumed(own[0], draft, path, progress)
            else:
                await copy_into(database, f"sqlite+aiosqlite:///{draft}", schema, progress)
            incidents = await asyncio.to_thread(_looked_through, draft, path)
            size = draft.stat().st_size
    return Copied(path, size, incidents, schema)


async def _vacuumed(source: Path, draft: Path, path: Path, progress: Progress) -> None:
    stop = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(_vacuum, source, draft, path, progress, stop))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        # The thread is told to stop and waited for, or it would write on into a file that is gone.
        stop.set()
        await asyncio.wait([work])
        raise


def _vacuum(source: Path, draft: Path, path: Path, progress: Progress, stop: threading.Event) -> None:
    uri = f"{source.absolute().as_uri()}?mode=rw"
    with failures_of(source), closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)) as origin:
        total = _live_bytes(origin)

        def step() -> bool:
            progress(min(draft.stat().st_size, total), total)
            return stop.is_set()

        origin.set_progress_handler(step, _STEPS)
        try:
            origin.execute("VACUUM INTO ?", (str(draft),))
        except sqlite3.Error as error:
            # Of a copy that finds no room it is the place of the copy that has to be told, not the original.
            if _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                with failures_of(path):
                    raise
            raise
        progress(total, total)


def _live_bytes(connection: sqlite3.Connection) -> int:
    size, pages, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * max(1, pages - free))


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _looked_through(draft: Path, path: Path) -> int:
    """Return how many incidents a copy holds; raise StoreDamaged where it is not sound."""
    with failures_of(path), closing(sqlite3.connect(f"{draft.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        said = "; ".join(row[0] for row in copy.execute("PRAGMA integrity_check"))
        if said != "ok":
            raise StoreDamaged(f"The copy is not sound ({said}), so it was not kept. Run `referee db check`.")
        return int(copy.execute("SELECT count(*) FROM incidents").fetchone()[0])

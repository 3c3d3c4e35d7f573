"""Say what went wrong with the database file in the words of `bot.errors`."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly

_BUSY = "{path} is held by another process or task. Stop it, or try again in a moment."
_READ_ONLY = "{path} cannot be opened for writing ({why}). Make the file and its folder writable, or name another file."
_FULL = "No room is left to write {path} ({why}). Free some disk space."
_DAMAGED = (
    "{path} is not a database of Referee, or is damaged ({why}). Put a backup in its place, or name another file."
)
_OTHER = "{path} cannot be used ({why})."

_BESIDE_BYTES = 64 << 10
"""More than the index of a write-ahead log takes at first."""

_BY_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, _BUSY),
    sqlite3.SQLITE_LOCKED: (StoreBusy, _BUSY),
    sqlite3.SQLITE_PERM: (StoreReadOnly, _READ_ONLY),
    sqlite3.SQLITE_READONLY: (StoreReadOnly, _READ_ONLY),
    sqlite3.SQLITE_CANTOPEN: (StoreReadOnly, _READ_ONLY),
    sqlite3.SQLITE_FULL: (StoreFull, _FULL),
    sqlite3.SQLITE_CORRUPT: (StoreDamaged, _DAMAGED),
    sqlite3.SQLITE_NOTADB: (StoreDamaged, _DAMAGED),
}


@contextmanager
def failures_of(path: Path) -> Iterator[None]:
    """Turn what the driver, SQLAlchemy or the file system raises about `path` into a StoreError."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreBusy(_BUSY.format(path=path)) from error
    except DBAPIError as error:
        raise _of_driver(error.orig, path) from error
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise _of_driver(error, path) from error
    except OSError as error:
        raise _of_system(error, path) from error


def _of_driver(error: BaseException | None, path: Path) -> StoreError:
    # The low byte is the primary code; the rest tells variants apart, such as SQLITE_BUSY_SNAPSHOT.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_IOERR and _is_full(path):
        # What SQLite says where there is no room for the files that it keeps beside a database.
        code = sqlite3.SQLITE_FULL
    kind, text = _BY_CODE.get(code, (StoreError, _OTHER))
    return kind(text.format(path=path, why=error))


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _BESIDE_BYTES
    except OSError:
        return False


def _of_system(error: OSError, path: Path) -> StoreError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind, text = (StoreFull, _FULL) if full else (StoreReadOnly, _READ_ONLY)
    return kind(text.format(path=path, why=error.strerror or error))

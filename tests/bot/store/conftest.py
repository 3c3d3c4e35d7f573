import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, event, insert, select
from sqlalchemy.pool import Pool

import bot
from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, SourceKey
from bot.store import SqlIncidentStore, open_store
from bot.store.database import Database
from bot.store.places import kind_of
from bot.store.schema import incidents

_INCIDENT = Incident(
    key=SourceKey(Platform.LOG, "arena", "lobby", "m1"),
    author="ann",
    at=datetime(2024, 5, 1, 12, tzinfo=UTC),
    text="you are a sock",
    decision=Decision(
        action=Action.DELETE,
        would=Action.DELETE,
        mode=Mode.LIVE,
        category="insult",
        confidence=0.9,
        reasons=("insult 0.90 is above 0.80",),
        strike=True,
    ),
    toxic=0.93,
    categories={"insult": 0.9, "threat": 0.03},
    model_version="test-1",
    words=("sock",),
    outcome=Outcome.PENDING,
)


@pytest.fixture
def an_incident() -> Callable[..., Incident]:
    def make(message: str = "m1", **changes: Any) -> Incident:
        decision = {name: changes.pop(name) for name in ("category", "strike", "action") if name in changes}
        key = {name: changes.pop(name) for name in ("community", "channel", "revision") if name in changes}
        return replace(
            _INCIDENT,
            key=replace(_INCIDENT.key, message=message, **key),
            decision=replace(_INCIDENT.decision, **decision),
            **changes,
        )

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on both kinds of database, but what looks at the `path` of the file on SQLite alone."""
    if "kind" in metafunc.fixturenames:
        kinds = ["sqlite"] if "path" in metafunc.fixturenames else ["sqlite", "postgresql"]
        metafunc.parametrize("kind", kinds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the SQLite file is; a test that asks for it is about that file."""
    return tmp_path / "data" / "referee.db"


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    # A server has no place for the key: it lies in the working directory.
    monkeypatch.chdir(tmp_path)
    if kind == "sqlite":
        return f"sqlite+aiosqlite:///{request.getfixturevalue('path')}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def first_url(kind: str, url: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of a database that holds nothing yet, no tables either."""
    return url if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Callable[..., Awaitable[SqlIncidentStore]]]:
    stores: list[SqlIncidentStore] = []

    async def open_(**options: Any) -> SqlIncidentStore:
        stores.append(await open_store(options.pop("url", url), **options))
        return stores[-1]

    yield open_
    for store in stores:
        await store.close()


@pytest.fixture
async def store(opened: Callable[..., Awaitable[SqlIncidentStore]]) -> SqlIncidentStore:
    return await opened()


@pytest.fixture
def every_connection(path: Path) -> Iterator[Callable[[str], None]]:
    """Run a PRAGMA on every SQLite connection made from now on, as a limit of the disk or the system would apply."""
    with ExitStack() as undo:

        def apply(pragma: str) -> None:
            undo.enter_context(_listening(pragma))

        yield apply


@contextmanager
def _listening(pragma: str) -> Iterator[None]:
    def run(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(pragma)
        cursor.close()

    event.listen(Pool, "connect", run)
    try:
        yield
    finally:
        event.remove(Pool, "connect", run)


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect the SQL that reaches the database."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def copies(url: str) -> Callable[[int], None]:
    """Add copies of incident 1 under other messages, faster than recording them."""

    async def add(times: int) -> None:
        database = Database(kind_of(url), busy_timeout_s=30)
        same = [column for column in incidents.c if column.name not in ("id", "message")]
        original = select(bindparam("copy", type_=incidents.c.message.type), *same).where(incidents.c.id == 1)
        copy = insert(incidents).from_select(["message", *(column.name for column in same)], original)
        async with database.writing() as connection:
            await connection.execute(copy, [{"copy": f"copy {n}"} for n in range(times)])
        await database.close()

    def run(times: int) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(add(times))).result()

    return run


@pytest.fixture
def child() -> Callable[..., Awaitable[tuple[int, str]]]:
    """Run a Python program in another process that can import the project; return its status and output."""

    async def run(program: str, *arguments: str) -> tuple[int, str]:
        root = str(Path(bot.__file__).parents[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": root},
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    return run

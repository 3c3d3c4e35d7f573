"""One trip to the driver's thread for each statement, and nothing lost or left open for it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import func, select, text

from bot.store import Stores, open_stores
from bot.store.schema import seen
from bot.store.sqlite_driver import connected

ROWS = 620
LONG = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000000) SELECT count(*) FROM n"


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    opened = await open_stores(f"sqlite+aiosqlite:///{tmp_path / 'referee.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def trips(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every trip to the thread of a connection."""
    made: list[str] = []
    execute = aiosqlite.Connection._execute

    async def noted(self: aiosqlite.Connection, work: Any, *given: Any, **named: Any) -> Any:
        made.append(getattr(work, "__qualname__", "?"))
        return await execute(self, work, *given, **named)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    return made


async def count(stores: Stores) -> int:
    async with stores.database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(seen)) or 0)


async def fill(stores: Stores) -> None:
    await stores.communities.note_seen("arena", {f"{n:04}": str(n) for n in range(ROWS)})


async def test_a_question_takes_one_trip_and_the_end_of_its_transaction_another(stores: Stores, trips: list[str]):
    await stores.communities.seen("arena")

    assert len(trips) == 2, trips


async def test_a_writing_transaction_takes_a_trip_for_its_beginning_for_each_statement_and_for_its_end(
    stores: Stores, trips: list[str]
):
    await stores.communities.note_seen("arena", {"lobby": "1", "hall": "2"})

    assert len(trips) == 3, trips


async def test_more_rows_than_come_with_a_statement_all_come_and_in_their_order(stores: Stores):
    await fill(stores)
    async with stores.database.reading() as connection:
        rows = (await connection.execute(select(seen.c.channel).order_by(seen.c.channel))).scalars().all()
        streamed = await connection.stream(select(seen.c.channel).order_by(seen.c.channel))
        in_parts = [row.channel async for row in streamed]

    assert list(rows) == in_parts == [f"{n:04}" for n in range(ROWS)]


async def test_what_is_left_of_many_rows_does_not_keep_the_next_transaction_waiting(stores: Stores):
    await fill(stores)
    async with stores.database.reading() as connection:
        streamed = await connection.stream(select(seen.c.channel))
        assert await streamed.fetchone() is not None
    await stores.communities.forget_channel("arena", "0000")

    assert await count(stores) == ROWS - 1


async def test_a_writer_that_is_cancelled_in_the_middle_of_a_statement_keeps_nothing_and_holds_up_nobody(
    stores: Stores, trips: list[str]
):
    begun = asyncio.Event()

    async def write() -> None:
        async with stores.database.writing() as connection:
            await connection.execute(seen.insert().values(community="arena", channel="lobby", message="1"))
            begun.set()
            await connection.execute(text(LONG))

    writing = asyncio.create_task(write())
    await begun.wait()
    # Its beginning, the row, and the statement that is still under way.
    assert len(trips) == 3
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await stores.communities.note_seen("arena", {"hall": "2"})

    assert writing.cancelled()
    assert dict(await stores.communities.seen("arena")) == {"hall": "2"}


async def test_what_fails_is_undone_and_the_connection_goes_on(stores: Stores):
    async def fails() -> None:
        async with stores.database.writing() as connection:
            await connection.execute(seen.insert().values(community="arena", channel="lobby", message="1"))
            raise LookupError

    for _ in range(8):
        with pytest.raises(LookupError):
            await fails()

    assert await count(stores) == 0


async def test_a_rollback_waits_for_what_a_cancelled_caller_left_under_way(tmp_path: Path):
    connection = await connected(tmp_path / "any.db", 5.0)

    def begin_late(driver: sqlite3.Connection) -> None:
        driver.execute(LONG).fetchall()
        driver.execute("BEGIN IMMEDIATE")

    beginning = asyncio.create_task(connection.trip(begin_late))
    await asyncio.sleep(0)
    beginning.cancel()
    await asyncio.gather(beginning, return_exceptions=True)
    await connection.rollback()

    assert not await connection.trip(lambda driver: driver.in_transaction)
    await connection.close()

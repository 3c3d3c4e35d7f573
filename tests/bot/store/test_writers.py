"""Writers that share a commit: real SQLite and PostgreSQL, with the commits counted where they are made."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import OperationalError

from bot.errors import StoreError
from bot.store import Stores, open_stores
from bot.store.database import Database
from bot.store.schema import seen


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    stores: Stores = await open_stores(url)
    yield stores.database
    await stores.close()


@contextmanager
def commits_of(database: Database) -> Iterator[list[str]]:
    """Collect the commits of a database."""
    made: list[str] = []

    def note(_: Connection) -> None:
        made.append("commit")

    engine: Engine = database._engine.sync_engine
    event.listen(engine, "commit", note)
    yield made
    event.remove(engine, "commit", note)


async def write(database: Database, channel: str, *, lasting: bool = True) -> None:
    row = database.insert(seen).values(community="c", channel=channel, message="1")
    async with database.writing(lasting=lasting) as connection:
        await connection.execute(row)


async def written(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set((await connection.execute(select(seen.c.channel))).scalars())


async def test_those_who_wait_at_the_same_moment_share_commits(database: Database) -> None:
    with commits_of(database) as commits:
        await asyncio.gather(*(write(database, f"{n}") for n in range(40)))

    assert await written(database) == {f"{n}" for n in range(40)}
    assert len(commits) < 40


async def test_one_alone_does_not_wait_for_others(database: Database) -> None:
    with commits_of(database) as commits:
        for n in range(3):
            await write(database, f"{n}")

    assert len(commits) == 3


async def test_nobody_is_done_before_what_they_wrote_is_committed(database: Database) -> None:
    async def told(channel: str) -> bool:
        await write(database, channel)
        return channel in await written(database)

    assert all(await asyncio.gather(*(told(f"{n}") for n in range(20))))


async def test_one_who_fails_is_undone_alone(database: Database) -> None:
    async def fail(channel: str) -> None:
        row = database.insert(seen).values(community="c", channel=channel, message="1")
        async with database.writing() as connection:
            await connection.execute(row)
            await connection.execute(row)

    works = [fail(f"bad {n}") if n % 3 == 1 else write(database, f"good {n}") for n in range(12)]
    outcomes = await asyncio.gather(*works, return_exceptions=True)

    assert [isinstance(each, StoreError) for each in outcomes] == [n % 3 == 1 for n in range(12)]
    assert await written(database) == {f"good {n}" for n in range(12) if n % 3 != 1}


async def test_what_is_raised_inside_is_what_comes_out_and_others_go_on(database: Database) -> None:
    async def stumble() -> None:
        async with database.writing() as connection:
            await connection.execute(database.insert(seen).values(community="c", channel="lost", message="1"))
            raise KeyError("mine")

    works = [write(database, "1"), stumble(), write(database, "2"), stumble()]
    outcomes = await asyncio.gather(*works, return_exceptions=True)

    assert [type(each) for each in outcomes] == [type(None), KeyError, type(None), KeyError]
    assert await written(database) == {"1", "2"}


async def test_where_the_commit_fails_all_who_share_it_hear_of_it(database: Database) -> None:
    def refuse(_: Connection) -> None:
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    engine = database._engine.sync_engine
    event.listen(engine, "commit", refuse)
    outcomes = await asyncio.gather(*(write(database, f"{n}") for n in range(6)), return_exceptions=True)
    event.remove(engine, "commit", refuse)

    assert all(isinstance(each, StoreError) for each in outcomes)
    assert await written(database) == set()
    await write(database, "after")
    assert await written(database) == {"after"}


@pytest.mark.parametrize("cancelled", range(5))
async def test_one_who_gives_up_takes_nobody_along(database: Database, cancelled: int) -> None:
    tasks = [asyncio.create_task(write(database, f"{n}")) for n in range(5)]
    # A few turns of the loop on: some wait, one writes.
    for _ in range(3 + cancelled):
        await asyncio.sleep(0)
    tasks[cancelled].cancel()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    others = {f"{n}" for n in range(5) if n != cancelled}
    assert others <= await written(database)
    assert [each for n, each in enumerate(outcomes) if n != cancelled] == [None] * 4
    await write(database, "after")


@pytest.mark.parametrize("turns", range(0, 60, 4))
async def test_whoever_gives_up_at_whatever_moment_leaves_nothing_locked(database: Database, turns: int) -> None:
    tasks = [asyncio.create_task(write(database, f"{n}")) for n in range(6)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    await asyncio.wait_for(write(database, "after"), 30)

    assert "after" in await written(database)


async def test_what_must_last_does_not_join_what_may_be_lost(database: Database) -> None:
    with commits_of(database) as commits:
        await asyncio.gather(
            write(database, "may be lost", lasting=False), write(database, "lasts"), write(database, "lasts too")
        )

    assert await written(database) == {"may be lost", "lasts", "lasts too"}
    assert len(commits) == 2


async def test_a_transaction_is_not_left_open_for_ever_where_others_keep_coming(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.writers.LONGEST_S", 0.0)

    with commits_of(database) as commits:
        await asyncio.gather(*(write(database, f"{n}") for n in range(7)))

    assert len(commits) == 7


async def test_the_file_is_not_rewritten_while_a_transaction_is_open(database: Database) -> None:
    await asyncio.gather(*(write(database, f"{n}") for n in range(8)), database.rewrite(), write(database, "last"))

    async with database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(seen))).scalar_one() == 9


async def test_closing_waits_for_those_who_share_a_commit(url: str) -> None:
    stores = await open_stores(url)
    tasks = [asyncio.create_task(write(stores.database, f"{n}")) for n in range(8)]
    await asyncio.sleep(0)

    await stores.close()

    assert [await task for task in tasks] == [None] * 8
    again = await open_stores(url)
    assert len(await written(again.database)) == 8
    await again.close()

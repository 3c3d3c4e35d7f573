import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

import bot
from bot.domain import Outcome
from bot.errors import StoreUnreachable, WatchLost
from bot.store import open_stores
from bot.store import watch as watch_module

PROGRAM = """
import asyncio, sys
from bot.store import open_stores

async def main(url):
    stores = await open_stores(url, busy_timeout_s=30)
    async with stores.watch(lambda: print("standing by", flush=True)):
        print("watching", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""
PATIENCE_S = 60.0


@pytest.fixture
async def two(url):
    """Return the stores of two processes on one database; they share nothing else."""
    opened = [await open_stores(url, busy_timeout_s=30) for _ in range(2)]
    yield opened
    for stores in opened:
        await stores.close()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(watch_module, "_ASKED_EVERY_S", 0.05)
    monkeypatch.setattr(watch_module, "_BEAT_S", 0.05)


def nothing() -> None:
    """Stand by in silence."""


async def test_the_second_stands_by_says_so_once_and_takes_over_when_the_first_ends(two, quick):
    first, second = two
    told = asyncio.Queue()
    async with AsyncExitStack() as stack:
        async with first.watch(nothing):
            taking = asyncio.create_task(
                stack.enter_async_context(second.watch(partial(told.put_nowait, "standing by")))
            )
            async with asyncio.timeout(PATIENCE_S):
                assert await told.get() == "standing by"
            assert not taking.done()
            assert await second.is_watched()
        async with asyncio.timeout(PATIENCE_S):
            watch = await taking
        assert not watch.is_lost
        assert await first.is_watched()
        assert told.empty()
    assert not await first.is_watched()


async def test_a_watcher_records_and_commands_beside_it_do_too(two, quick, an_incident):
    first, beside = two
    async with first.watch(nothing):
        assert (await first.incidents.record(an_incident())).created
        assert (await beside.incidents.record(an_incident("m2"))).created


async def test_one_that_lost_the_watch_without_noticing_records_nothing_more(two, quick, an_incident, monkeypatch):
    first, second = two
    monkeypatch.setattr(watch_module, "_BEAT_S", 3600)
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(first.watch(nothing))
        kept = (await first.incidents.record(an_incident())).incident
        # As after a break of the network that only the server noticed.
        await watch._lock.release()
        async with second.watch(nothing):
            assert not watch.is_lost
            with pytest.raises(WatchLost, match="records nothing more"):
                await first.incidents.record(an_incident("m2"))
            with pytest.raises(WatchLost):
                await first.incidents.finish(kept.id, Outcome.DONE)
            async with asyncio.timeout(PATIENCE_S):
                await watch.lost()
            assert (await second.incidents.record(an_incident("m2"))).created


async def test_one_that_lost_the_watch_learns_of_it_though_it_has_nothing_to_write(two, quick):
    first, second = two
    async with first.watch(nothing) as watch:
        await watch._lock.release()
        async with second.watch(nothing), asyncio.timeout(PATIENCE_S):
            await watch.lost()


async def test_one_that_lost_the_watch_takes_it_again_once_it_is_free(two, quick, an_incident):
    first, second = two
    async with first.watch(nothing) as watch:
        await watch._lock.release()
        async with second.watch(nothing), asyncio.timeout(PATIENCE_S):
            await watch.lost()
    async with first.watch(nothing):
        assert (await first.incidents.record(an_incident())).created


async def test_a_process_that_is_killed_leaves_the_watch_to_the_next(url, two, quick):
    stores = two[0]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        url,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(bot.__file__).parents[1])},
    )
    try:
        assert await process.stdout.readline() == b"watching\n"
        assert await stores.is_watched()
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await process.stdout.read()
    async with asyncio.timeout(PATIENCE_S), stores.watch(nothing) as watch:
        assert not watch.is_lost


async def test_standing_by_can_be_broken_off(two, quick):
    first, second = two
    told = asyncio.Event()
    async with first.watch(nothing):
        taking = asyncio.create_task(AsyncExitStack().enter_async_context(second.watch(told.set)))
        await told.wait()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
    async with asyncio.timeout(PATIENCE_S), first.watch(nothing):
        pass


@pytest.fixture
async def server_stores(postgres, postgres_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stores = await open_stores(postgres_url)
    yield stores
    postgres.start_again()
    await stores.close()


async def test_a_watcher_whose_connections_are_cut_takes_its_lock_anew_and_goes_on(
    postgres, server_stores, quick, an_incident
):
    async with server_stores.watch(nothing) as watch:
        await server_stores.incidents.record(an_incident())
        postgres.cut_off(server_stores.label.split()[2])
        async with asyncio.timeout(PATIENCE_S):
            while not await server_stores.is_watched():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not watch.is_lost
        assert (await server_stores.incidents.record(an_incident("m2"))).created


async def test_a_watcher_survives_a_server_that_is_away_for_a_while(postgres, server_stores, quick, an_incident):
    async with server_stores.watch(nothing) as watch:
        await server_stores.incidents.record(an_incident())
        postgres.stop()
        with pytest.raises(StoreUnreachable, match="does not answer"):
            await server_stores.incidents.record(an_incident("m2"))
        postgres.start()
        assert (await server_stores.incidents.record(an_incident("m2"))).created
        async with asyncio.timeout(PATIENCE_S):
            while not await server_stores.is_watched():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not watch.is_lost

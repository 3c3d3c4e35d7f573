import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from bot.console.feed import Pace, Speed, pumped
from bot.errors import InputError


async def test_lines_arrive_in_order() -> None:
    assert [entry async for entry in pumped(lambda: iter([[1, 2], [], [3]]))] == [1, 2, 3]


async def test_an_error_comes_after_the_lines_before_it() -> None:
    def batches() -> Iterator[list[int]]:
        yield [1]
        raise InputError("line 2")

    seen = []
    with pytest.raises(InputError, match="line 2"):
        async for entry in pumped(batches):
            seen.append(entry)

    assert seen == [1]


async def test_the_reader_is_held_back_by_who_reads_slowly() -> None:
    read = []

    def batches() -> Iterator[list[int]]:
        for number in range(1000):
            read.append(number)
            yield [number]

    async with aclosing(pumped(batches)) as lines:
        async for entry in lines:
            await asyncio.sleep(0)
            assert len(read) <= entry + 10
            if entry == 50:
                break


async def test_a_reader_that_is_left_lets_go_of_its_file() -> None:
    let_go = threading.Event()

    def batches() -> Iterator[list[int]]:
        try:
            while True:
                yield [1]
        finally:
            let_go.set()

    async with aclosing(pumped(batches)) as lines:
        await anext(lines)

    assert await asyncio.to_thread(let_go.wait, 10)


async def test_the_pace_is_that_of_the_log_and_each_match_begins_at_once() -> None:
    pace = Pace(100)
    started = time.monotonic()

    for t in (1000, 1010, 5, 5):
        await pace.wait(t)

    assert 0.1 <= time.monotonic() - started < 5


def test_at_full_speed_nothing_is_waited_for() -> None:
    assert [speed.factor for speed in (Speed.REAL, Speed.TEN, Speed.MAX)] == [1.0, 10.0, None]

"""Who is heard next."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.speech.line import FairPlaces, Line


class Listener:
    """Take turns in a line, and note them."""

    def __init__(self, line: Line, heard: list[str]) -> None:
        self._line, self._heard = line, heard
        self.may_end = asyncio.Event()

    async def hear(self, community: str, label: str, slices: int) -> None:
        async with self._line.clip(community) as name:
            for _ in range(slices):
                async with self._line.turn(community, name):
                    self._heard.append(label)
                    await asyncio.sleep(0)


async def heard_in(*clips: tuple[str, str, int], most_open: int = 4) -> list[str]:
    line, heard = Line(most_open), list[str]()
    listener = Listener(line, heard)
    await asyncio.gather(*(listener.hear(*clip) for clip in clips))
    assert line.load.waiting == 0
    return heard


async def test_servers_take_turns_however_many_clips_one_of_them_has():
    heard = await heard_in(("a", "a1", 3), ("a", "a2", 3), ("b", "b1", 3))

    assert heard[:6:2].count("b1") + heard[1:6:2].count("b1") == 3
    assert heard.index("b1") <= 2


async def test_a_short_clip_does_not_wait_for_the_end_of_a_long_one_of_the_same_server():
    heard = await heard_in(("a", "long", 20), ("a", "short", 1))

    assert heard.index("short") <= 2


async def test_a_server_that_comes_late_is_opened_before_the_rest_of_a_flood():
    heard = await heard_in(*(("a", f"a{n}", 2) for n in range(10)), ("b", "b1", 2))

    opened = list(dict.fromkeys(heard))
    assert opened.index("b1") <= 4


async def test_long_clips_of_one_server_do_not_keep_another_out_until_they_end():
    heard = await heard_in(*(("a", f"a{n}", 400) for n in range(20)), ("b", "b1", 1))

    assert heard.index("b1") < 10


async def test_no_more_clips_are_open_than_there_is_memory_for():
    line, open_now, most = Line(2), 0, 0

    async def hear(number: int) -> None:
        nonlocal open_now, most
        async with line.clip(str(number)) as name:
            open_now += 1
            most = max(most, open_now)
            async with line.turn(str(number), name):
                await asyncio.sleep(0)
            open_now -= 1

    await asyncio.gather(*(hear(number) for number in range(6)))

    assert most == 2


async def test_the_load_tells_how_many_wait_and_since_when():
    now = [100.0]
    line = Line(1, lambda: now[0])
    go_on = asyncio.Event()

    async def hear(community: str) -> None:
        async with line.clip(community) as name, line.turn(community, name):
            await go_on.wait()
        line.note(60.0)

    first = asyncio.create_task(hear("a"))
    await asyncio.sleep(0)
    now[0] = 107.0
    second = asyncio.create_task(hear("b"))
    await asyncio.sleep(0)
    waiting = line.load
    go_on.set()
    await asyncio.gather(first, second)

    assert (waiting.waiting, waiting.oldest_s) == (2, 7.0)
    assert (line.load.waiting, line.load.oldest_s) == (0, 0.0)
    assert (line.load.clips, line.load.sound_s, line.load.work_s) == (2, 120.0, 7.0)


@pytest.mark.parametrize("holder_goes_first", [True, False])
async def test_who_gives_up_waiting_leaves_the_place_to_the_next(holder_goes_first):
    places, done = FairPlaces(1), list[str]()
    release = asyncio.Event()

    async def take(name: str, until: asyncio.Event | None = None) -> None:
        async with places.place(name):
            done.append(name)
            if until is not None:
                await until.wait()

    holder = asyncio.create_task(take("holder", release))
    await asyncio.sleep(0)
    gives_up, next_one = asyncio.create_task(take("gives up")), asyncio.create_task(take("next"))
    await asyncio.sleep(0)
    if holder_goes_first:
        release.set()
        await asyncio.sleep(0)
        gives_up.cancel()
    else:
        gives_up.cancel()
        release.set()
    with suppress(asyncio.CancelledError):
        await gives_up
    await asyncio.gather(holder, next_one)

    assert done[0] == "holder"
    assert done[-1] == "next"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.booleans()), max_size=12), st.integers(1, 3))
def test_every_clip_is_heard_to_its_end_unless_it_is_given_up(clips, most_open):
    async def play() -> None:
        line, ended = Line(most_open), list[int]()

        async def hear(number: int, community: str, slices: int) -> None:
            async with line.clip(community) as name:
                for _ in range(slices):
                    async with line.turn(community, name):
                        await asyncio.sleep(0)
            ended.append(number)

        tasks = [asyncio.create_task(hear(n, c, s)) for n, (c, s, _) in enumerate(clips)]
        await asyncio.sleep(0)
        for task, (_, _, given_up) in zip(tasks, clips, strict=True):
            if given_up:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert {n for n, (_, _, given_up) in enumerate(clips) if not given_up} <= set(ended)
        assert line.load.waiting == 0
        async with asyncio.timeout(1), line.clip("z") as name, line.turn("z", name):
            pass

    asyncio.run(play())

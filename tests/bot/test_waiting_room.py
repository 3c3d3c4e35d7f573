import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Excerpt, Part, Platform, SourceKey, Surface
from bot.waiting_room import RoomLimits, WaitingRoom, size_of
from classifier import NotScoredReason

SMALL = RoomLimits(waiting=6, deadline_s=60.0, judging=4, acting=4, least=1, servers=2)


class Visitor:
    """Somebody who takes a place, keeps it until told to leave, and remembers what they were told."""

    def __init__(self, room: WaitingRoom, server: str, author: str = "ann", size: int = 1) -> None:
        self.server, self.author = server, author
        self.told: NotScoredReason | str = "waits"
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(room, size))

    async def _visit(self, room: WaitingRoom, size: int) -> None:
        async with room.place(self.server, self.author, size) as refused:
            self.told = refused or "judged"
            if refused is None:
                await self._leave.wait()

    async def go(self) -> None:
        self._leave.set()
        await self.task
        await settled()

    async def give_up(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def crowd(room: WaitingRoom, server: str, count: int, author: str = "ann") -> list[Visitor]:
    found = [Visitor(room, server, author) for _ in range(count)]
    await settled()
    return found


def told(visitors: Sequence[Visitor]) -> list[str]:
    return [str(visitor.told) for visitor in visitors]


async def leave(*visitors: Visitor) -> None:
    for visitor in visitors:
        await visitor.give_up()


async def test_one_server_alone_leaves_room_for_the_next():
    room = WaitingRoom(SMALL)
    loud = await crowd(room, "loud", 5)
    quiet = await crowd(room, "quiet", 1)

    assert told(loud) == ["judged"] * 2 + ["waits"] * 3
    assert told(quiet) == ["judged"]
    await leave(*loud, *quiet)


async def test_who_leaves_lets_the_next_in():
    room = WaitingRoom(SMALL)
    loud = await crowd(room, "loud", 4)
    await loud[0].go()

    assert told(loud) == ["judged"] * 3 + ["waits"]
    await leave(*loud)


async def test_where_too_many_wait_the_oldest_of_the_flood_are_refused_and_the_quiet_are_not():
    room = WaitingRoom(SMALL)
    busy = [*await crowd(room, "loud", 2), *await crowd(room, "quiet", 1), *await crowd(room, "third", 1)]
    quiet = await crowd(room, "quiet", 2, "ben")
    loud = await crowd(room, "loud", 20)
    polite = await crowd(room, "loud", 1, "cat")

    assert told(quiet) + told(polite) == ["waits"] * 3
    assert told(loud) == ["overloaded"] * 17 + ["waits"] * 3
    assert room.waiting == 6
    await leave(*busy, *quiet, *loud, *polite)


async def test_who_waits_too_long_is_late():
    room = WaitingRoom(RoomLimits(deadline_s=0.01, judging=1))
    inside, outside = await crowd(room, "loud", 2)
    await outside.task

    assert (inside.told, outside.told, room.waiting) == ("judged", NotScoredReason.LATE, 0)
    await leave(inside)


async def test_who_gives_up_leaves_nothing_behind():
    room = WaitingRoom(SMALL)
    visitors = await crowd(room, "loud", 5)
    await leave(*visitors)

    assert (room.waiting, room.judging, room.oldest_s) == (0, 0, 0.0)


async def test_who_gives_up_just_when_let_in_gives_the_place_back():
    room = WaitingRoom(SMALL)
    first, second, third = await crowd(room, "loud", 3)
    first._leave.set()
    await asyncio.sleep(0)
    assert third.told == "waits"
    third.task.cancel()
    await settled()

    assert third.task.cancelled()
    assert room.judging == 1
    await leave(second)


async def test_a_server_whose_actions_pile_up_has_no_more_judged_until_some_are_done():
    room = WaitingRoom(SMALL)
    with room.acted_on("loud"):
        with room.acted_on("loud"):
            assert room.is_behind("loud")
            loud, quiet = await crowd(room, "loud", 1), await crowd(room, "quiet", 1)
            assert (told(loud), told(quiet)) == (["waits"], ["judged"])
        await settled()
        assert told(loud) == ["judged"]
    assert room.acting == 0
    await leave(*loud, *quiet)


async def test_something_huge_is_judged_alone_and_keeps_no_other_server_out():
    room = WaitingRoom(SMALL)
    huge = Visitor(room, "loud", size=1000)
    more = Visitor(room, "loud")
    await settled()
    assert (huge.told, more.told, room.judging) == ("judged", "waits", 4)
    quiet = await crowd(room, "quiet", 1)
    assert told(quiet) == ["judged"]
    await huge.go()
    assert (more.told, room.judging) == ("judged", 2)
    await leave(more, *quiet)


async def test_the_oldest_tells_how_long_one_waits():
    now = [100.0]
    room = WaitingRoom(SMALL, lambda: now[0])
    visitors = await crowd(room, "loud", 3)
    now[0] += 3

    assert room.oldest_s == 3.0
    await leave(*visitors)


def test_a_long_text_and_many_parts_count_as_more():
    key = SourceKey(Platform.DISCORD, "1", "2", "3")
    excerpt = Excerpt(key, author="4", at=datetime.now(UTC), text="hi")
    parts = tuple(Part(Surface.EMBED, "x" * 4000) for _ in range(10))

    assert size_of(excerpt) == 1
    assert size_of(Excerpt(key, author="4", at=excerpt.at, text="hi", parts=parts)) > 200


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.integers(1, 9)),
        st.tuples(st.sampled_from(["go", "give up"]), st.integers(0, 40)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(moves=MOVES)
def test_whatever_happens_it_is_bounded_and_everybody_is_told_something(moves: list[tuple]):
    async def play() -> None:
        room, visitors = WaitingRoom(SMALL), list[Visitor]()
        for move in moves:
            if len(move) == 3:
                visitors.append(Visitor(room, *move))
            elif move[1] < len(visitors):
                await _moved(visitors[move[1]], move[0])
            await settled()
            _holds(room, visitors)
        while inside := [each for each in visitors if each.told == "judged" and not each.task.done()]:
            await inside[0].go()
        assert all(visitor.task.done() for visitor in visitors)
        assert (room.waiting, room.judging) == (0, 0)

    asyncio.run(play())


async def _moved(visitor: Visitor, how: str) -> None:
    if how == "give up":
        await visitor.give_up()
    elif visitor.told == "judged" and not visitor.task.done():
        await visitor.go()


def _holds(room: WaitingRoom, visitors: Sequence[Visitor]) -> None:
    seen = Counter(told([each for each in visitors if not each.task.done()]))
    assert set(seen) <= {"judged", "waits"}
    assert room.waiting == seen["waits"] <= SMALL.waiting
    # The last one in may be larger than what was free; a server that has nothing there gets in besides.
    assert room.judging <= (2 + SMALL.servers) * SMALL.judging
    assert room.judging or not room.waiting


async def calls_for_a_place(servers: int) -> int:
    """Return how many functions are called when a place becomes free that so many servers wait for."""
    limits = RoomLimits(waiting=servers + 1, judging=1)
    room, enough = WaitingRoom(limits), asyncio.Event()

    async def talk(server: str) -> None:
        async with room.place(server, "somebody"):
            await enough.wait()

    names = [*(f"busy {n}" for n in range(limits.servers)), *(f"server {n}" for n in range(servers))]
    talking = [asyncio.create_task(talk(name)) for name in names]
    await asyncio.sleep(0)
    calls: list[str] = []
    sys.setprofile(lambda frame, kind, _: calls.append(frame.f_code.co_name) if kind == "call" else None)
    try:
        with room.acted_on("one that acts"):
            pass
    finally:
        sys.setprofile(None)
    enough.set()
    await asyncio.gather(*talking)
    return len(calls)


async def test_a_place_costs_the_same_however_many_servers_wait_for_it() -> None:
    assert await calls_for_a_place(400) == await calls_for_a_place(20)

"""So many clips in work, and so many bytes of them in memory."""

import asyncio

from bot.cogs.watching.clip_room import ClipRoom


async def pass_through(room: ClipRoom, author: str, size: int, gate: asyncio.Event, inside: list[int]) -> None:
    async with room.held(author, size):
        inside.append(size)
        await gate.wait()


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_author_leaves_room_for_others_and_all_together_are_bounded():
    room = ClipRoom(most=3, most_of_one=2)
    assert room.admit("ann", [1, 2, 3]) == [1, 2]
    assert room.admit("ann", [4]) == []
    assert room.admit("ben", [5, 6]) == [5]

    async with room.held("ann", 1):
        assert room.admit("mia", [7]) == []
    assert room.admit("mia", [7]) == [7]


async def test_a_clip_waits_until_its_bytes_have_room_and_one_larger_than_all_comes_alone():
    room, gate = ClipRoom(most_bytes=10), asyncio.Event()
    inside: list[int] = []
    room.admit("ann", [8, 2, 50])
    held = [asyncio.create_task(pass_through(room, "ann", size, gate, inside)) for size in (8, 50, 2)]
    await rest()
    assert inside == [8, 2]

    gate.set()
    await asyncio.wait_for(asyncio.gather(*held), 5)
    assert inside == [8, 2, 50]


async def test_a_clip_that_fails_leaves_its_place():
    room = ClipRoom(most=1)
    room.admit("ann", [1])
    try:
        async with room.held("ann", 1):
            raise ValueError
    except ValueError:
        pass
    assert room.admit("ann", [2]) == [2]

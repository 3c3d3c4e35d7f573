"""So many clips in work, and so many bytes of them in memory, shared between servers."""

import asyncio

import pytest

from bot.cogs.watching.clip_room import ClipRoom

Inside = list[tuple[str, int]]


async def pass_through(room: ClipRoom, server: str, size: int, gate: asyncio.Event, inside: Inside) -> None:
    async with room.held(server, "ann", size):
        inside.append((server, size))
        await gate.wait()


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def admitted(room: ClipRoom, server: str, clips: int) -> int:
    """Return how many of so many clips, each by somebody else, are let in."""
    return sum(len(room.admit(server, f"author {number}", [number])) for number in range(clips))


async def test_one_author_leaves_room_for_others_and_all_together_are_bounded():
    room = ClipRoom(most=3, most_of_one=2)
    assert room.admit("1", "ann", [1, 2, 3]) == [1, 2]
    assert room.admit("1", "ann", [4]) == []
    assert room.admit("1", "ben", [5, 6]) == [5]

    async with room.held("1", "ann", 1):
        assert room.admit("1", "mia", [7]) == []
    assert room.admit("1", "mia", [7]) == [7]


async def test_the_same_author_counts_in_each_server_alone():
    room = ClipRoom(most_of_one=2)

    assert room.admit("1", "ann", [1, 2, 3]) == [1, 2]
    assert room.admit("2", "ann", [1, 2, 3]) == [1, 2]


async def test_one_server_gets_half_of_the_places_and_the_next_half_of_the_rest():
    room = ClipRoom()

    assert [admitted(room, server, 60) for server in "123"] == [25, 13, 6]


async def test_however_many_servers_there_are_each_gets_some_places_while_there_are_any():
    room = ClipRoom(most=11)

    assert [admitted(room, server, 60) for server in "1234"] == [6, 4, 1, 0]


async def test_a_place_that_is_free_again_is_given_again():
    room = ClipRoom(most=8)
    assert admitted(room, "1", 60) == 4

    for number in range(4):
        async with room.held("1", f"author {number}", 1):
            pass

    assert [admitted(room, server, 60) for server in "12"] == [4, 4]


async def test_a_clip_waits_until_its_bytes_have_room_and_one_larger_than_all_comes_alone():
    room, gate = ClipRoom(most_bytes=10), asyncio.Event()
    inside: Inside = []
    room.admit("1", "ann", [8, 50, 2])
    held = [asyncio.create_task(pass_through(room, "1", size, gate, inside)) for size in (8, 50, 2)]
    await rest()
    # What is small does not keep on overtaking what is large.
    assert inside == [("1", 8)]

    gate.set()
    await asyncio.wait_for(asyncio.gather(*held), 5)
    assert inside == [("1", 8), ("1", 50), ("1", 2)]


async def test_memory_goes_first_to_the_server_that_has_the_least_of_it():
    room, gates = ClipRoom(most_bytes=10), [asyncio.Event() for _ in range(6)]
    inside: Inside = []
    wanted = [("1", 5), ("1", 4), ("1", 5), ("1", 5), ("1", 5), ("2", 5)]
    for server, size in wanted:
        room.admit(server, "ann", [size])
    held = [
        asyncio.create_task(pass_through(room, server, size, gate, inside))
        for (server, size), gate in zip(wanted, gates, strict=True)
    ]
    await rest()
    assert inside == [("1", 5), ("1", 4)]

    gates[0].set()
    await rest()
    assert inside[2:] == [("2", 5)]

    for gate in gates:
        gate.set()
    await asyncio.wait_for(asyncio.gather(*held), 5)
    assert len(inside) == 6


@pytest.mark.parametrize("is_inside", [True, False])
async def test_a_clip_that_is_given_up_leaves_its_place_and_its_bytes(is_inside: bool):
    room, gate = ClipRoom(most=3, most_bytes=10), asyncio.Event()
    inside: Inside = []
    room.admit("1", "ann", [8, 8, 8])
    first, second, third = (asyncio.create_task(pass_through(room, "1", 8, gate, inside)) for _ in range(3))
    await rest()
    given_up = first if is_inside else second
    given_up.cancel()
    gate.set()

    done = await asyncio.wait_for(asyncio.gather(first, second, third, return_exceptions=True), 5)

    assert [isinstance(each, asyncio.CancelledError) for each in done].count(True) == 1
    assert len(inside) == (3 if is_inside else 2)
    assert admitted(room, "1", 3) == 3


async def test_bytes_that_are_granted_to_a_clip_just_given_up_are_not_lost():
    room, gate = ClipRoom(most=3, most_bytes=10), asyncio.Event()
    inside: Inside = []
    room.admit("1", "ann", [8, 8, 8])
    first, second, third = (asyncio.create_task(pass_through(room, "1", 8, gate, inside)) for _ in range(3))
    await rest()
    gate.set()
    await asyncio.sleep(0)
    second.cancel()

    await asyncio.wait_for(asyncio.gather(first, second, third, return_exceptions=True), 5)

    assert inside[-1] == ("1", 8)
    assert third.done()
    assert third.exception() is None


async def test_a_clip_that_fails_leaves_its_place():
    room = ClipRoom(most=1)
    room.admit("1", "ann", [1])
    with pytest.raises(ValueError, match="broken"):
        async with room.held("1", "ann", 1):
            raise ValueError("broken")
    assert room.admit("1", "ann", [2]) == [2]

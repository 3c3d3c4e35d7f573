import asyncio

import pytest

from bot.store.turns import Turns


class Line:
    """People who want a turn, and the order in which they had one."""

    def __init__(self) -> None:
        self.had: list[str] = []
        self.turns = Turns(self.pass_on)

    def pass_on(self) -> None:
        self.turns.pass_on()

    async def want(self, name: str, *, urgent: bool = False) -> None:
        await self.turns.take(urgent=urgent)
        self.had.append(name)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_turns_are_had_in_order_and_the_urgent_come_first() -> None:
    line = Line()
    await line.want("first")
    tasks = [
        asyncio.create_task(line.want(name, urgent=name.startswith("urgent")))
        for name in ("a", "urgent b", "c", "urgent d")
    ]
    await settled()

    for _ in range(4):
        line.pass_on()
        await settled()

    await asyncio.gather(*tasks)
    assert line.had == ["first", "urgent b", "urgent d", "a", "c"]


async def test_the_rest_has_its_turn_however_many_urgent_ones_come() -> None:
    line = Line()
    await line.want("first", urgent=True)
    tasks = [asyncio.create_task(line.want("rest"))]
    tasks += [asyncio.create_task(line.want(f"urgent {n}", urgent=True)) for n in range(40)]
    await settled()

    for _ in range(41):
        line.pass_on()
        await settled()

    await asyncio.gather(*tasks)
    assert line.had.index("rest") < 12


async def test_nobody_has_a_turn_while_another_has_it() -> None:
    line = Line()
    await line.want("first")
    task = asyncio.create_task(line.want("second"))
    await settled()

    assert line.had == ["first"]
    assert line.turns.waits()
    assert not line.turns.waits(urgent=True)
    line.pass_on()
    await task


async def test_who_gives_up_while_waiting_is_passed_over() -> None:
    line = Line()
    await line.want("first")
    quitter, other = asyncio.create_task(line.want("quitter")), asyncio.create_task(line.want("other"))
    await settled()
    quitter.cancel()
    await settled()

    line.pass_on()
    await other

    assert line.had == ["first", "other"]


@pytest.mark.parametrize("urgent", [True, False])
async def test_who_gives_up_at_the_moment_of_getting_it_hands_it_on(urgent: bool) -> None:
    line = Line()
    await line.want("first")
    quitter = asyncio.create_task(line.want("quitter", urgent=urgent))
    other = asyncio.create_task(line.want("other"))
    await settled()

    line.pass_on()
    quitter.cancel()
    await asyncio.wait_for(other, 10)

    assert line.had == ["first", "other"]


async def test_a_turn_that_nobody_waits_for_is_free() -> None:
    line = Line()
    await line.want("first")
    line.pass_on()

    await asyncio.wait_for(line.want("second"), 10)

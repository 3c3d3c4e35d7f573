import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cogs.watching.latest import Latest


class Revision:
    """One revision of a message that is judged until told to be done."""

    def __init__(self, latest: Latest, number: int, name: str = "m") -> None:
        self.number, self.told = number, "waits"
        self.done = asyncio.Event()
        self.task = asyncio.create_task(self._go(latest, name))

    async def _go(self, latest: Latest, name: str) -> None:
        async with latest.turn(name) as is_newest:
            self.told = "judged" if is_newest else "superseded"
            if is_newest:
                await self.done.wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_while_one_is_judged_only_the_newest_of_ten_thousand_waits():
    latest = Latest()
    edits = []
    for number in range(10_000):
        edits.append(Revision(latest, number))
        if number % 100 == 0:
            await settled()
            assert sum(not edit.task.done() for edit in edits) <= 2
    await settled()
    edits[0].done.set()
    await settled()

    assert [edit.told for edit in edits] == ["judged"] + ["superseded"] * 9_998 + ["judged"]
    edits[-1].done.set()
    await settled()
    assert len(latest) == 0


async def test_other_messages_do_not_wait():
    latest = Latest()
    first, other = Revision(latest, 0), Revision(latest, 1, "other")
    await settled()

    assert (first.told, other.told, len(latest)) == ("judged", "judged", 2)
    first.done.set()
    other.done.set()
    await settled()


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["edit", "done", "stop"]), st.integers(0, 20)), max_size=40))
def test_however_revisions_come_end_and_are_stopped_one_is_judged_at_a_time_and_nothing_stays(
    steps: list[tuple[str, int]],
):
    async def play() -> None:
        latest, edits = Latest(), list[Revision]()
        for what, which in steps:
            if what == "edit":
                edits.append(Revision(latest, len(edits)))
            elif which < len(edits):
                edits[which].done.set() if what == "done" else edits[which].task.cancel()
            if which % 2:
                await settled()
                open_now = [edit for edit in edits if not edit.task.done()]
                assert len(open_now) <= 2
                assert sum(edit.told == "judged" for edit in open_now) == bool(open_now)
        for edit in edits:
            edit.done.set()
        async with asyncio.timeout(5):
            for edit in edits:
                with suppress(asyncio.CancelledError):
                    await edit.task
        assert len(latest) == 0
        assert all(edit.told != "waits" or edit.task.cancelled() for edit in edits)

    asyncio.run(play())

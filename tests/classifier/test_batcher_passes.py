"""Which passes the batcher makes, counted: what is scored side by side, once, or not at all, and what it tells."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from classifier import Batcher, BatcherLimits, Classifier, NotScored, NotScoredReason, Verdict
from classifier.batcher import AT_ONCE, Pass
from classifier.errors import ModelError
from tests.classifier.watched_classifier import WatchedClassifier

Asked = list[asyncio.Task[Verdict | NotScored]]


class SetClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def two(tiny: Classifier) -> WatchedClassifier:
    """A model of two threads that is busy with whatever it is given until its gate opens."""
    watched = WatchedClassifier(tiny, threads=2)
    watched.gate.clear()
    return watched


@pytest.fixture
def one(tiny: Classifier) -> WatchedClassifier:
    watched = WatchedClassifier(tiny)
    watched.gate.clear()
    return watched


async def asked(batcher: Batcher, texts: Sequence[str]) -> Asked:
    tasks = [asyncio.create_task(batcher.score(text)) for text in texts]
    await asyncio.sleep(0)
    return tasks


async def in_pass(batcher: Batcher, watched: WatchedClassifier, texts: Sequence[str], passes: int = 1) -> Asked:
    """Ask for texts and return once so many passes have begun."""
    tasks = await asked(batcher, texts)
    for _ in range(passes):
        assert await asyncio.to_thread(watched.entered.acquire, timeout=30)
    return tasks


async def most_between_turns(count: Callable[[], int], until: Awaitable[object]) -> int:
    """Return by how much a count rises at most between two turns of the event loop."""
    end = asyncio.ensure_future(until)
    most, before = 0, count()
    while not end.done():
        await asyncio.sleep(0)
        most, before = max(most, count() - before), count()
    await end
    return most


async def test_as_many_passes_run_side_by_side_as_the_model_has_threads(two: WatchedClassifier) -> None:
    async with Batcher(two) as batcher:
        first = await in_pass(batcher, two, ["first"])
        second = await in_pass(batcher, two, ["second"])
        waiting = await asked(batcher, ["third"])
        assert batcher.depth == 1
        two.gate.set()
        await asyncio.gather(*first, *second, *waiting)

    assert two.passes == [["first"], ["second"], ["third"]]


@pytest.mark.parametrize(("count", "passes"), [(1, [1]), (7, [7]), (8, [4, 4]), (13, [6, 7])])
async def test_what_comes_at_once_is_shared_among_the_threads_where_it_is_worth_a_pass(
    two: WatchedClassifier, count: int, passes: list[int]
) -> None:
    async with Batcher(two) as batcher:
        tasks = await in_pass(batcher, two, [f"game {n}" for n in range(count)], len(passes))
        assert batcher.depth == 0
        two.gate.set()
        await asyncio.gather(*tasks)

    assert sorted(len(texts) for texts in two.passes) == passes


async def test_waiting_texts_cost_no_more_passes_than_their_number_asks_for(one: WatchedClassifier) -> None:
    limits = BatcherLimits(batch=16)
    async with Batcher(one, limits) as batcher:
        first = await in_pass(batcher, one, ["first"])
        tasks = await asked(batcher, [f"game {n}" for n in range(100)])
        one.gate.set()
        await asyncio.gather(*first, *tasks)

    assert [len(texts) for texts in one.passes] == [1, 16, 16, 16, 16, 16, 16, 4]


async def test_a_text_that_is_being_scored_is_not_scored_again(two: WatchedClassifier) -> None:
    async with Batcher(two) as batcher:
        first = await in_pass(batcher, two, ["first"])
        others = await asked(batcher, ["first"] * 3)
        assert batcher.depth == 0
        two.gate.set()
        answers = await asyncio.gather(*first, *others)

    assert two.passes == [["first"]]
    assert len(set(map(id, answers))) == 1
    assert batcher.scored == 4


async def test_a_text_that_waits_while_another_thread_begins_with_it_is_not_scored_again(
    two: WatchedClassifier,
) -> None:
    async with Batcher(two, BatcherLimits(batch=1, cached=0)) as batcher:
        tasks = await in_pass(batcher, two, ["a"] * 8)
        assert batcher.depth == 0
        two.gate.set()
        await asyncio.gather(*tasks)

    assert two.passes == [["a"]]
    assert batcher.scored == 8


async def test_a_text_that_was_scored_while_it_waited_is_not_scored_again(one: WatchedClassifier) -> None:
    async with Batcher(one, BatcherLimits(batch=1)) as batcher:
        first = await in_pass(batcher, one, ["first"])
        others = await asked(batcher, ["c", "d", "c"])
        one.gate.set()
        await asyncio.gather(*first, *others)

    assert one.passes == [["first"], ["c"], ["d"]]
    assert batcher.scored == 4


async def test_who_joins_a_pass_that_fails_is_told_so_and_the_next_is_scored(two: WatchedClassifier) -> None:
    async with Batcher(two) as batcher:
        tasks = await in_pass(batcher, two, ["idiot"]) + await asked(batcher, ["idiot"])
        two.failure = ModelError("broken")
        two.gate.set()
        assert await asyncio.gather(*tasks) == [NotScored(NotScoredReason.FAILED, "broken")] * 2
        two.failure = None
        assert isinstance(await batcher.score("idiot"), Verdict)

    assert two.passes == [["idiot"], ["idiot"]]


async def test_closing_answers_what_is_in_each_pass_and_who_joined_it(two: WatchedClassifier) -> None:
    async with Batcher(two) as batcher:
        tasks = await in_pass(batcher, two, ["a"]) + await in_pass(batcher, two, ["b"])
        tasks += await asked(batcher, ["a", "b", "c"])
        asyncio.get_running_loop().call_soon(two.gate.set)

    assert await asyncio.gather(*tasks) == [NotScored(NotScoredReason.CLOSED)] * 5
    assert batcher.not_scored == {NotScoredReason.CLOSED: 5}


async def test_closing_while_callers_are_being_answered_leaves_none_without_an_answer(one: WatchedClassifier) -> None:
    async with Batcher(one) as batcher:
        tasks = await in_pass(batcher, one, ["a"]) + await asked(batcher, ["a"] * 20 * AT_ONCE)
        one.gate.set()
        await tasks[0]
        assert batcher.scored < len(tasks)

    assert all(isinstance(answer, Verdict) for answer in await asyncio.gather(*tasks))
    assert batcher.scored == len(tasks)


async def test_thousands_of_late_texts_are_refused_a_few_at_a_time(one: WatchedClassifier) -> None:
    clock = SetClock()
    async with Batcher(one, BatcherLimits(deadline_s=5.0), clock) as batcher:
        first = await in_pass(batcher, one, ["first"])
        late = await asked(batcher, [f"late {n}" for n in range(2000)])
        clock.now += 6
        one.gate.set()

        most = await most_between_turns(lambda: batcher.not_scored.get(NotScoredReason.LATE, 0), asyncio.gather(*late))
        await asyncio.gather(*first)

    assert 0 < most <= AT_ONCE
    assert batcher.not_scored == {NotScoredReason.LATE: 2000}
    assert one.passes == [["first"]]


async def test_thousands_who_asked_for_the_same_text_are_answered_a_few_at_a_time(one: WatchedClassifier) -> None:
    async with Batcher(one) as batcher:
        tasks = await in_pass(batcher, one, ["first"]) + await asked(batcher, ["first"] * 2000)
        one.gate.set()

        most = await most_between_turns(lambda: batcher.scored, asyncio.gather(*tasks))

    assert 0 < most <= AT_ONCE
    assert batcher.scored == 2001
    assert one.passes == [["first"]]


async def test_of_each_pass_it_is_told_how_long_each_waited_and_how_long_it_took(one: WatchedClassifier) -> None:
    clock, told = SetClock(), list[Pass]()
    async with Batcher(one, BatcherLimits(), clock, told.append) as batcher:
        first = await in_pass(batcher, one, ["first"])
        clock.now += 1
        joined = await asked(batcher, ["first", "second"])
        clock.now += 2
        one.gate.set()
        await asyncio.gather(*first, *joined)
        await batcher.score("first")

    assert told == [Pass(1, 3.0, (0.0, 0.0)), Pass(1, 0.0, (2.0,))]

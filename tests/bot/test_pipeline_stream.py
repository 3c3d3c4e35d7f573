import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from bot.domain import UNCHECKED, Action, Excerpt
from bot.errors import InputError, StoreError
from tests.fakes.bench import CLIPS, Bench, actions, insults, stream
from tests.fakes.chat import line, spoken_line


def others() -> set[asyncio.Task[Any]]:
    """Return the tasks beside the test's own."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def test_an_empty_stream_ends(bench: Bench) -> None:
    assert [each async for each in bench.pipeline.run(stream())] == []
    assert others() == set()


async def test_a_stream_is_scored_together_and_settled_in_its_order(bench: Bench) -> None:
    slow = bench.scorer.hold("one")
    run = bench.pipeline.run(stream(*(line(text, text, author=text) for text in ("one", "two", "three"))))
    first = asyncio.ensure_future(anext(run))
    await bench.scorer.arrived["three"].wait()

    assert not first.done()
    slow.set()
    assert [(await first).excerpt.text, *[each.excerpt.text async for each in run]] == ["one", "two", "three"]


async def test_no_more_than_ahead_excerpts_are_in_flight(bench: Bench) -> None:
    texts = [f"line {n}" for n in range(10)]
    asked: list[str] = []
    gates = [bench.scorer.hold(text) for text in texts]

    async def source() -> AsyncIterator[Excerpt]:
        for text in texts:
            asked.append(text)
            yield line(text, text, author=text)

    async with aclosing(bench.pipeline.run(source(), ahead=3)) as run:
        first = asyncio.ensure_future(anext(run))
        await bench.scorer.arrived["line 2"].wait()
        for gate in gates:
            gate.set()
        await first

        # The next one was asked of the source, and waits for room.
        assert (bench.scorer.scored, asked) == (texts[:3], texts[:4])
        assert [each.excerpt.text async for each in run] == texts[1:]
    assert bench.scorer.most_at_once == 3


async def test_strikes_climb_the_ladder_within_a_stream(bench: Bench) -> None:
    handled = [each async for each in bench.pipeline.run(stream(*insults(3)))]

    assert actions(handled) == [Action.WARN, Action.DELETE, Action.TIMEOUT]


async def test_split_words_are_seen_within_a_stream(bench: Bench) -> None:
    lines = stream(line("m1", "id"), line("m2", "iot", after=1), line("m3", "ok", after=2))

    handled = [each async for each in bench.pipeline.run(lines)]

    assert [each.created for each in handled] == [False, True, False]


async def test_an_error_of_the_stream_is_raised_once_everything_before_it_is_settled(bench: Bench) -> None:
    seen = []
    with pytest.raises(InputError, match="line 3"):
        async for handled in bench.pipeline.run(stream(*insults(2), error=InputError("line 3 is no JSON"))):
            seen.append(handled)

    assert len(seen) == len(await bench.incidents()) == 2
    assert others() == set()


async def test_leaving_a_stream_early_leaves_nothing_behind(bench: Bench) -> None:
    for text in ("two", "three", "four"):
        bench.scorer.hold(text)
    lines = stream(*(line(text, text, author=text) for text in ("one", "two", "three", "four")))

    async with aclosing(bench.pipeline.run(lines, ahead=2)) as run:
        async for _ in run:
            break

    assert others() == set()
    assert bench.scorer.at_once == 0


async def test_a_cancelled_stream_leaves_nothing_behind(bench: Bench) -> None:
    bench.scorer.hold("one")

    async def consume() -> None:
        async with aclosing(bench.pipeline.run(stream(line("m1", "one"), line("m2", "two")))) as run:
            async for _ in run:
                pass

    consuming = asyncio.create_task(consume())
    await bench.scorer.arrived["one"].wait()
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)

    assert consuming.cancelled()
    assert others() == set()


async def test_an_error_of_the_store_stops_the_stream(bench: Bench, errors_of_the_loop: list[str]) -> None:
    bench.scorer.hold("held")
    lines = stream(line("m1", "idiot"), line("m2", "held"), error=OSError("the file is gone"))
    await bench.store.close()

    with pytest.raises(StoreError, match="closed already"):
        async for _ in bench.pipeline.run(lines):
            pass

    assert others() == set()
    gc.collect()
    assert errors_of_the_loop == []


async def test_an_error_of_the_store_reaches_whoever_handed_in_the_message(bench: Bench) -> None:
    await bench.store.close()

    with pytest.raises(StoreError, match="closed already"):
        await bench.pipeline.handle(line("m1", "idiot"))
    assert bench.enforcer.seen == []


@pytest.fixture
async def errors_of_the_loop() -> list[str]:
    """Collect what asyncio would complain of, such as a task whose error nobody looked at."""
    found: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(context["message"]))
    return found


# Counts.


async def settle_by_hand(bench: Bench, lines: list[Excerpt]) -> None:
    await bench.say(*lines)


async def settle_as_stream(bench: Bench, lines: list[Excerpt]) -> None:
    assert len([each async for each in bench.pipeline.run(stream(*lines), ahead=2)]) == len(lines)


@pytest.mark.parametrize("settle", [settle_by_hand, settle_as_stream])
async def test_everything_seen_is_counted_once(
    bench: Bench, settle: Callable[[Bench, list[Excerpt]], Awaitable[None]]
) -> None:
    texts = ["well played", "idiot", "late", "too long to read", "buy gold", "late"]
    lines = [line(f"m{n}", text, author=f"a{n}") for n, text in enumerate(texts)]
    lines += [spoken_line(f"c{n}", name, author=f"c{n}") for n, name in enumerate(CLIPS)]
    lines += [line("s1", "idiot", channel="staff"), lines[1]]
    await settle(bench, lines)
    tally = bench.pipeline.tally

    assert tally.seen == len(lines)
    assert tally.seen == tally.scored + tally.not_scored.total() + tally.unchecked + tally.exempt
    assert (tally.exempt, tally.unchecked, tally.clips, tally.known) == (1, 3, len(CLIPS), 1)
    assert tally.not_scored == {"late": 2}
    assert tally.incidents == len(await bench.incidents()) == 10
    assert tally.flagged == {"insult": 5, "spam": 1, UNCHECKED: 5}
    assert tally.outcomes == {"done": len(bench.enforcer.seen)} == {"done": 3}

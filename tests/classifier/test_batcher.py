import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import Batcher, BatcherLimits, Classifier, NotScored, NotScoredReason, Verdict
from classifier.errors import ModelError
from tests.classifier.watched_classifier import WatchedClassifier


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def held(batcher: Batcher, watched: WatchedClassifier, text: str = "first") -> asyncio.Task[Verdict | NotScored]:
    """Ask for a text and return once the model is busy with it, the gate shut behind it."""
    watched.gate.clear()
    asked = asyncio.create_task(batcher.score(text))
    assert await asyncio.to_thread(watched.entered.acquire, timeout=30)
    return asked


async def asked(batcher: Batcher, texts: Sequence[str]) -> list[asyncio.Task[Verdict | NotScored]]:
    """Ask for texts and return once all of them wait or have an answer."""
    tasks = [asyncio.create_task(batcher.score(text)) for text in texts]
    await asyncio.sleep(0)
    return tasks


def reasons(answers: Sequence[Verdict | NotScored]) -> list[str]:
    return [answer.reason if isinstance(answer, NotScored) else "scored" for answer in answers]


async def test_a_text_gets_the_verdict_of_the_model(tiny: Classifier) -> None:
    async with Batcher(tiny) as batcher:
        assert await batcher.score("you are an idiot") == tiny.score(["you are an idiot"])[0]
        assert batcher.scored == 1
        assert batcher.not_scored == {}


async def test_texts_that_arrive_while_the_model_is_busy_share_its_next_pass(watched: WatchedClassifier) -> None:
    texts = [f"game {n}" for n in range(20)]
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, texts)
        assert batcher.depth == 20
        watched.gate.set()
        answers = await asyncio.gather(first, *others)

    assert watched.passes == [["first"], texts]
    assert answers == watched.inner.score(["first", *texts])
    assert batcher.depth == 0


async def test_a_pass_holds_no_more_texts_than_it_may(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(batch=8)) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, [f"game {n}" for n in range(20)])
        watched.gate.set()
        await asyncio.gather(first, *others)

    assert [len(texts) for texts in watched.passes] == [1, 8, 8, 4]


async def test_a_text_asked_for_twice_at_once_is_scored_once_and_counted_twice(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, ["idiot", "good game", "idiot"])
        watched.gate.set()
        one, _, other, _ = await asyncio.gather(*others, first)

    assert one == other
    assert watched.passes == [["first"], ["idiot", "good game"]]
    assert batcher.scored == 4


async def test_a_repeated_text_does_not_reach_the_model_again(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        assert await batcher.score("idiot") == await batcher.score("idiot")

    assert watched.passes == [["idiot"]]
    assert batcher.scored == 2


async def test_a_long_text_is_not_kept(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(cached_characters=5)) as batcher:
        for text in ("idiot", "idiots", "idiot", "idiots"):
            await batcher.score(text)

    assert watched.passes == [["idiot"], ["idiots"], ["idiots"]]


async def test_the_text_asked_for_longest_ago_makes_room_in_the_cache(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(cached=2)) as batcher:
        for text in ("a", "b", "a", "c", "a", "b"):
            await batcher.score(text)

    assert watched.passes == [["a"], ["b"], ["c"], ["b"]]


async def test_where_too_many_wait_the_oldest_is_refused_at_once_and_counted(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(waiting=3)) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, [f"game {n}" for n in range(5)])
        assert await others[0] == NotScored(NotScoredReason.OVERLOADED)
        assert await others[1] == NotScored(NotScoredReason.OVERLOADED)
        assert batcher.depth == 3
        watched.gate.set()
        answers = await asyncio.gather(first, *others)

    assert reasons(answers) == ["scored"] + ["overloaded"] * 2 + ["scored"] * 3
    assert batcher.not_scored == {NotScoredReason.OVERLOADED: 2}
    assert batcher.scored == 4


async def test_whoever_asks_for_much_loses_it_before_others_lose_anything(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(waiting=5)) as batcher:
        first = await held(batcher, watched)
        quiet = asyncio.create_task(batcher.score("hello", turn="quiet"))
        await asyncio.sleep(0)
        loud = [asyncio.create_task(batcher.score(f"game {n}", turn="loud")) for n in range(20)]
        await asyncio.sleep(0)
        watched.gate.set()
        answers = await asyncio.gather(quiet, *loud, first)

    assert reasons(answers) == ["scored"] + ["overloaded"] * 16 + ["scored"] * 5


async def test_those_who_ask_take_turns(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(batch=2)) as batcher:
        first = await held(batcher, watched)
        loud = [asyncio.create_task(batcher.score(f"game {n}", turn="loud")) for n in range(4)]
        await asyncio.sleep(0)
        quiet = asyncio.create_task(batcher.score("hello", turn="quiet"))
        await asyncio.sleep(0)
        watched.gate.set()
        await asyncio.gather(first, quiet, *loud)

    assert watched.passes == [["first"], ["game 0", "hello"], ["game 1", "game 2"], ["game 3"]]


async def test_a_pass_of_long_texts_is_cut_short(watched: WatchedClassifier) -> None:
    texts = ["a" * 30, "b" * 30, "c" * 200, "d" * 10]
    async with Batcher(watched, BatcherLimits(characters=60)) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, texts)
        watched.gate.set()
        await asyncio.gather(first, *others)

    assert watched.passes == [["first"], texts[:2], texts[2:3], texts[3:]]


async def test_who_gave_up_leaves_the_room_to_others(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(waiting=1)) as batcher:
        first = await held(batcher, watched)
        (gone,) = await asked(batcher, ["gone"])
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert batcher.depth == 0
        watched.gate.set()
        await first


async def test_a_text_that_waited_past_its_deadline_is_late_and_never_reaches_the_model(
    watched: WatchedClassifier,
) -> None:
    clock = SetClock()
    async with Batcher(watched, BatcherLimits(deadline_s=5.0), clock) as batcher:
        first = await held(batcher, watched)
        late = await asked(batcher, ["late"])
        clock.now += 1
        in_time = await asked(batcher, ["in time"])
        clock.now += 4.5
        watched.gate.set()
        answers = await asyncio.gather(first, *late, *in_time)

    assert reasons(answers) == ["scored", "late", "scored"]
    assert watched.passes == [["first"], ["in time"]]
    assert batcher.not_scored == {NotScoredReason.LATE: 1}


async def test_late_texts_leave_the_whole_pass_to_those_in_time(watched: WatchedClassifier) -> None:
    clock = SetClock()
    async with Batcher(watched, BatcherLimits(batch=2, deadline_s=5.0), clock) as batcher:
        first = await held(batcher, watched)
        late = await asked(batcher, [f"late {n}" for n in range(10)])
        clock.now += 6
        in_time = await asked(batcher, ["a", "b"])
        watched.gate.set()
        await asyncio.gather(first, *late, *in_time)

    assert watched.passes == [["first"], ["a", "b"]]


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (ModelError("the model failed"), "the model failed"),
        (ValueError("of secret words"), "ValueError"),
        (MemoryError(), "MemoryError"),
    ],
)
async def test_after_a_failure_of_the_model_the_next_text_is_scored(
    watched: WatchedClassifier, caplog: pytest.LogCaptureFixture, failure: Exception, detail: str
) -> None:
    async with asyncio.timeout(30), Batcher(watched) as batcher:
        watched.failure = failure
        assert await batcher.score("idiot") == NotScored(NotScoredReason.FAILED, detail)
        watched.failure = None
        assert isinstance(await batcher.score("idiot"), Verdict)

    assert batcher.not_scored == {NotScoredReason.FAILED: 1}
    assert batcher.scored == 1
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "scoring 1 texts failed")
    ]


async def test_a_failed_pass_fails_each_of_its_texts(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, ["a", "b", "a"])
        watched.failure = ModelError("broken")
        watched.gate.set()
        answers = await asyncio.gather(first, *others)

    assert reasons(answers) == ["failed"] * 4
    assert batcher.not_scored == {NotScoredReason.FAILED: 4}


async def test_closing_answers_what_waits_and_what_comes_later(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        others = await asked(batcher, ["a", "b"])
        asyncio.get_running_loop().call_soon(watched.gate.set)

    answers = [await first, *[await other for other in others], await batcher.score("later")]

    assert reasons(answers) == ["closed"] * 4
    assert batcher.not_scored == {NotScoredReason.CLOSED: 4}
    assert watched.passes == [["first"]]
    assert batcher.depth == 0


async def test_a_closed_batcher_still_knows_what_it_scored(tiny: Classifier) -> None:
    async with Batcher(tiny) as batcher:
        verdict = await batcher.score("idiot")

    assert await batcher.score("idiot") == verdict


async def test_texts_asked_for_before_the_start_are_scored_after_it(tiny: Classifier) -> None:
    batcher = Batcher(tiny)
    early = await asked(batcher, ["idiot"])
    async with batcher:
        assert reasons([await early[0]]) == ["scored"]


async def test_a_caller_that_gave_up_while_waiting_costs_no_pass(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        gone, stays = await asked(batcher, ["gone", "stays"])
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        watched.gate.set()
        answers = await asyncio.gather(first, stays)

    assert reasons(answers) == ["scored"] * 2
    assert watched.passes == [["first"], ["stays"]]
    assert (batcher.scored, batcher.not_scored) == (2, {})


async def test_a_caller_that_gives_up_during_a_pass_leaves_the_others_their_answers(
    watched: WatchedClassifier,
) -> None:
    async with Batcher(watched) as batcher:
        first = await held(batcher, watched)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        (other,) = await asked(batcher, ["first"])
        watched.gate.set()
        assert isinstance(await other, Verdict)

    assert (batcher.scored, batcher.not_scored) == (1, {})


async def test_words_are_explained(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        words = await batcher.explain("you idiot")

    assert [word.word for word in words] == ["idiot"]


async def test_texts_are_scored_while_others_are_explained(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        watched.explaining.clear()
        explained = asyncio.create_task(batcher.explain("you idiot"))
        await asyncio.to_thread(watched.entered.acquire)

        assert isinstance(await batcher.score("well played"), Verdict)
        assert not explained.done()
        watched.explaining.set()
        assert await explained != ()


async def test_more_explanations_than_may_wait_name_no_words(watched: WatchedClassifier) -> None:
    async with Batcher(watched, BatcherLimits(explaining=2)) as batcher:
        watched.explaining.clear()
        waiting = [asyncio.create_task(batcher.explain(text)) for text in ("you idiot", "what an idiot")]
        await asyncio.to_thread(watched.entered.acquire)

        assert await batcher.explain("idiot again") == ()
        watched.explaining.set()
        assert all(await asyncio.gather(*waiting))
        assert await batcher.explain("idiot again") != ()


async def test_explanations_that_wait_at_the_end_name_no_words(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        watched.explaining.clear()
        first, second = (asyncio.create_task(batcher.explain(text)) for text in ("you idiot", "what an idiot"))
        await asyncio.to_thread(watched.entered.acquire)
        asyncio.get_running_loop().call_later(0.05, watched.explaining.set)

    assert (await first != (), await second) == (True, ())


async def test_a_failed_explanation_names_no_words(watched: WatchedClassifier) -> None:
    async with Batcher(watched) as batcher:
        watched.failure = ModelError("broken")
        assert await batcher.explain("you idiot") == ()
        watched.failure = None
        assert await batcher.explain("you idiot") != ()


async def test_a_closed_batcher_explains_nothing(tiny: Classifier) -> None:
    async with Batcher(tiny) as batcher:
        pass

    assert await batcher.explain("you idiot") == ()


class MovingClock(SetClock):
    """A clock that a step of time passes at each look."""

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


TEXTS = st.lists(st.sampled_from(["idiot", "good game", "kill", "", "a long line that is not kept"]), max_size=30)
LIMITS = st.builds(
    BatcherLimits,
    batch=st.integers(1, 4),
    waiting=st.integers(1, 12),
    deadline_s=st.sampled_from([2.0, 6.0, 1000.0]),
    cached=st.integers(0, 2),
    cached_characters=st.just(10),
)


@settings(max_examples=40, deadline=None)
@given(rounds=st.lists(st.tuples(TEXTS, st.booleans()), max_size=3), limits=LIMITS)
def test_every_call_is_answered_and_counted_once(
    tiny: Classifier, rounds: list[tuple[list[str], bool]], limits: BatcherLimits
) -> None:
    watched = WatchedClassifier(tiny)

    async def ask() -> tuple[list[Verdict | NotScored], Batcher]:
        answers: list[Verdict | NotScored] = []
        async with Batcher(watched, limits, MovingClock()) as batcher:
            for texts, fails in rounds:
                watched.failure = ModelError("broken") if fails else None
                answers += await asyncio.gather(*(batcher.score(text) for text in texts))
            left = await asked(batcher, ["last words"])
        return [*answers, *[await task for task in left]], batcher

    answers, batcher = asyncio.run(ask())

    assert len(answers) == sum(len(texts) for texts, _ in rounds) + 1
    seen = Counter(reasons(answers))
    assert batcher.scored == seen.pop("scored", 0)
    assert batcher.not_scored == seen
    assert batcher.depth == 0
    assert all(len(texts) <= limits.batch for texts in watched.passes)

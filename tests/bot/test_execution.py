"""What was decided is done once, whatever the database and other people do meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.domain import Outcome, Platform, Review, ReviewVerdict
from bot.errors import StoreBusy, StoreError
from tests.fakes.bench import Bench
from tests.fakes.chat import LATER, START, line


async def busy(*_: object) -> None:
    raise StoreBusy("another process holds the database")


async def left_pending(bench: Bench, *messages: str) -> None:
    """Have incidents decided, but nothing done about them."""
    for message in messages:
        await bench.pipeline.decide(line(message, "idiot"))


async def test_an_outcome_that_could_not_be_written_is_written_later_without_acting_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "finish", busy)
        with pytest.raises(StoreError):
            await bench.pipeline.handle(line("m1", "idiot"))
        assert not await bench.pipeline.write_outcomes()
        assert await bench.pipeline.recover(Platform.LOG, LATER) == [], "it is done, and only to be written down"
    assert [incident.outcome for incident in await bench.incidents()] == [Outcome.PENDING]

    assert await bench.pipeline.write_outcomes()

    assert [incident.outcome for incident in await bench.incidents()] == [Outcome.DONE]
    assert len(bench.enforcer.seen) == 1
    assert [incident.outcome for _, incident in bench.notifier.seen] == [Outcome.DONE]
    assert bench.pipeline.tally.outcomes == {Outcome.DONE: 1}


async def test_an_outcome_whose_incident_was_purged_meanwhile_is_let_go_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "finish", busy)
        with pytest.raises(StoreError):
            await bench.pipeline.handle(line("m1", "idiot"))
    await bench.store.purge(LATER, LATER)

    assert await bench.pipeline.write_outcomes()
    assert bench.notifier.seen == []


async def test_what_is_recovered_is_marked_as_tried_before_shown_and_its_words_are_found(bench: Bench):
    await left_pending(bench, "m1")
    [recovered] = await bench.restarted().recover(Platform.LOG, LATER)

    assert bench.enforcer.again == [True]
    assert [incident for _, incident in bench.notifier.seen] == [recovered]
    assert (await bench.incidents())[0].words == recovered.words != ()


async def test_what_a_moderator_dismissed_before_it_was_done_is_not_done(bench: Bench):
    await left_pending(bench, "m1")
    await bench.store.review(Review(1, ReviewVerdict.DISMISS, "mia", START))
    await bench.restarted().recover(Platform.LOG, LATER)

    [incident] = await bench.incidents()
    assert (incident.outcome, bench.enforcer.seen) == (Outcome.REFUSED, [])
    assert "false alarm" in incident.outcome_detail


async def test_what_is_being_done_is_not_done_by_the_recovery_as_well(bench: Bench):
    bench.enforcer.gate.clear()
    acting = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()

    assert await bench.pipeline.recover(Platform.LOG, LATER) == []
    bench.enforcer.gate.set()
    await acting
    assert len(bench.enforcer.seen) == 1


async def test_what_a_moderator_dismisses_while_it_is_being_done_is_taken_back(bench: Bench):
    bench.enforcer.gate.clear()
    acting = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()
    await bench.store.review(Review(1, ReviewVerdict.DISMISS, "mia", START))
    bench.enforcer.gate.set()
    handled = await acting

    [incident] = await bench.incidents()
    assert [undone.id for undone in bench.enforcer.undone] == [1]
    assert incident.outcome is Outcome.UNDONE
    assert handled.incident is not None
    assert handled.incident.outcome is Outcome.UNDONE


async def test_what_was_finished_since_the_list_was_made_is_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    await left_pending(bench, "m1", "m2")
    stale: Sequence[object] = await bench.store.pending(Platform.LOG, LATER)

    async def pending(*_: object) -> Sequence[object]:
        return stale

    await bench.store.finish(1, Outcome.DONE, "by whoever was first")
    monkeypatch.setattr(bench.store, "pending", pending)
    recovered = await bench.restarted().recover(Platform.LOG, LATER)

    assert [incident.id for incident in recovered] == [2]


async def test_one_outcome_that_cannot_be_kept_does_not_keep_the_rest_from_being_recovered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    await left_pending(bench, "m1", "m2")
    finish, failures = bench.store.finish, [StoreBusy("another process holds the database")]

    async def once(*given: object) -> None:
        if failures:
            raise failures.pop()
        await finish(*given)

    monkeypatch.setattr(bench.store, "finish", once)
    pipeline = bench.restarted()
    assert [incident.id for incident in await pipeline.recover(Platform.LOG, LATER)] == [2]
    assert await pipeline.write_outcomes()

    assert [incident.outcome for incident in await bench.incidents()] == [Outcome.DONE, Outcome.DONE]
    assert len(bench.enforcer.seen) == 2


async def test_an_outcome_that_is_being_written_is_not_written_and_told_of_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    finish, begun, gate, written = bench.store.finish, asyncio.Event(), asyncio.Event(), list[int]()

    async def slowly(incident_id: int, *given: object) -> None:
        written.append(incident_id)
        begun.set()
        await gate.wait()
        await finish(incident_id, *given)

    monkeypatch.setattr(bench.store, "finish", slowly)
    acting = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await begun.wait()
    assert await asyncio.wait_for(bench.pipeline.write_outcomes(), 5)
    gate.set()
    await acting

    assert written == [1]
    assert bench.pipeline.tally.outcomes == {Outcome.DONE: 1}
    assert len(bench.notifier.seen) == 1

"""The meters on scoring, acting and showing."""

import asyncio
from pathlib import Path

import pytest

from bot.domain import Outcome
from bot.errors import StoreError
from bot.metered import MeteredEnforcer, MeteredNotifier, MeteredScorer, Meters
from tests.fakes.bench import SCRIPT, open_bench
from tests.fakes.chat import line
from tests.fakes.scorer import ScriptedScorer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Held(ScriptedScorer):
    """Answer only when it is let go."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)
        self.go = asyncio.Event()

    async def score(self, text: str, *, turn: str = ""):  # type: ignore[no-untyped-def]
        await self.go.wait()
        return await super().score(text, turn=turn)


async def test_the_oldest_text_without_a_verdict_is_known_and_how_long_verdicts_took() -> None:
    clock, meters, held = Clock(), Meters(), Held()
    scorer = MeteredScorer(held, meters, clock)
    first = asyncio.create_task(scorer.score("idiot"))
    await asyncio.sleep(0)
    clock.now += 4
    second = asyncio.create_task(scorer.score("gg"))
    await asyncio.sleep(0)

    assert meters.oldest_s(clock.now) == 4
    clock.now += 3
    held.go.set()
    await asyncio.gather(first, second)

    assert meters.oldest_s(clock.now) == 0
    assert (sum(meters.scoring.counts), meters.scoring.sum) == (2, 10.0)


async def test_a_text_whose_asker_gave_up_does_not_wait_for_ever() -> None:
    meters = Meters()
    waiting = asyncio.create_task(MeteredScorer(Held(), meters).score("idiot"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert meters.scoring_since == {}


async def test_actions_are_counted_by_action_and_outcome_and_logged_by_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bot.metered")
    async with open_bench(tmp_path) as bench:
        meters = Meters()
        pipeline = bench.restarted(
            enforcer=MeteredEnforcer(bench.enforcer, meters), notifier=MeteredNotifier(bench.notifier)
        )
        handled = await pipeline.handle(line("m1", "idiot"))
        await pipeline.handle(line("m2", "gg"))

    assert handled.incident is not None
    assert dict(meters.actions) == {(handled.decision.action, handled.incident.outcome): 1}
    assert (sum(meters.acting.counts), meters.acting_now) == (1, 0)
    assert len(caplog.records) == 3
    for record in caplog.records:
        assert record.referee_ids["message_id"] == "m1"  # type: ignore[attr-defined]
        assert record.referee_ids["incident"] == str(handled.incident.id)  # type: ignore[attr-defined]
    assert "idiot" not in caplog.text


async def test_an_action_that_breaks_is_counted_as_failed(tmp_path: Path) -> None:
    class Breaking:
        async def enforce(self, incident, *, again=False):  # type: ignore[no-untyped-def]
            raise StoreError("gone")

        async def undo(self, incident, *, again=False):  # type: ignore[no-untyped-def]
            return Outcome.UNDONE, ""

    async with open_bench(tmp_path) as bench:
        handled = await bench.pipeline.decide(line("m1", "idiot"))
        assert handled.incident is not None
        meters = Meters()
        enforcer = MeteredEnforcer(Breaking(), meters)
        with pytest.raises(StoreError):
            await enforcer.enforce(handled.incident)
        await enforcer.undo(handled.incident)

    assert dict(meters.actions) == {(handled.decision.action, Outcome.FAILED): 1}
    assert dict(meters.undone) == {Outcome.UNDONE: 1}
    assert meters.acting_now == 0

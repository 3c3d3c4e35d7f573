import asyncio
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.arrivals import Arrival, moments
from benchmarks.latency import __main__ as command
from benchmarks.latency.measurement import Load, Measured, lines_for, measure, seconds_for
from benchmarks.latency.report import as_values, cache_note, table_of
from classifier import BatcherLimits, Classifier, Verdict, load
from tests.classifier.tiny_model import build_model
from tests.classifier.watched_classifier import WatchedClassifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Classifier:
    return load(folder, threads=1)


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REFEREE_MODEL", str(folder))
    return lambda *arguments: CliRunner().invoke(command.app, list(arguments))


def measured(
    classifier: Classifier, load: Load, limits: BatcherLimits | None = None, *, cache: bool = False
) -> Measured:
    lines = lines_for(["gg", "gg", "you idiot"] if cache else [f"game {n}" for n in range(500)], cache=cache)
    return asyncio.run(measure(load, lines, classifier, limits or BatcherLimits(cached=0), 0.5))


def test_each_load_is_measured_with_the_wait_apart_from_the_pass(run):
    ran = run("--seconds", "1", "--rate", "50", "--rate", "100", "--threads", "1", "--json")

    assert ran.exit_code == 0, ran.output
    figures = json.loads(ran.stdout)
    assert [(each["arrival"], each["rate"]) for each in figures["loads"]] == [
        ("poisson", 50.0),
        ("burst", 50.0),
        ("poisson", 100.0),
        ("burst", 100.0),
    ]
    assert (figures["threads"], figures["cache"]) == (1, False)
    for each in figures["loads"]:
        assert each["said"] == each["scored"] + sum(each["not_scored"].values())
        assert each["score"]["count"] == each["wait"]["count"] == each["in_pass"]["count"] == each["scored"] > 0
        assert 0 < each["score"]["p50_ms"] <= each["score"]["p99_ms"] <= each["score"]["longest_ms"]


def test_the_table_names_each_load_and_what_it_was_measured_with(run):
    ran = run("--seconds", "0.5", "--rate", "300", "--arrival", "burst", "--cache")

    assert ran.exit_code == 0, ran.output
    assert "burst 300" in ran.stdout
    assert "With the cache" in ran.stdout
    assert "lines made for the measurement" in ran.stdout
    assert "1 of 1: burst, 300 messages a second" in ran.stderr


def test_lines_that_cannot_be_read_are_told_in_one_line(run, tmp_path):
    ran = run("--lines", str(tmp_path / "nothing.jsonl"))

    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 1


def test_who_interrupts_it_keeps_what_was_measured_until_then(run, monkeypatch):
    real, loads = measure, []

    async def interrupted(load: Load, *others: object) -> Measured:
        loads.append(load)
        if len(loads) == 2:
            raise KeyboardInterrupt
        return await real(load, *others)

    monkeypatch.setattr(command, "measure", interrupted)

    ran = run("--seconds", "0.2", "--rate", "200", "--json")

    assert ran.exit_code == 0, ran.output
    assert [each["arrival"] for each in json.loads(ran.stdout)["loads"]] == ["poisson"]


def test_messages_do_not_wait_for_the_answers_to_the_last_ones(tiny: Classifier):
    watched = WatchedClassifier(tiny)
    watched.gate.clear()
    rate, seconds, most = 400, 0.2, 5
    count = len(moments(Arrival.POISSON, rate, seconds))

    def lines() -> Iterator[str]:
        # The model answers nothing until the last message is said.
        for number in range(1, count + 1):
            if number == count:
                watched.gate.set()
            yield f"game {number}"

    limits = BatcherLimits(waiting=most, cached=0)
    found = asyncio.run(measure(Load(Arrival.POISSON, rate), lines(), watched, limits, seconds))

    assert found.said == count
    assert 0 < found.scored <= 2 * most < count
    assert found.not_scored == {"overloaded": count - found.scored}
    assert found.score.count == found.scored


def test_a_message_said_late_counts_from_when_it_was_due(tiny: Classifier):
    class Blocking(WatchedClassifier):
        """A model whose first pass keeps the event loop waiting as well."""

        def score(self, texts: list[str]) -> list[Verdict]:
            if not self.passes:
                loop.call_soon_threadsafe(time.sleep, 0.2)
            return super().score(texts)

    async def run() -> Measured:
        nonlocal loop
        loop = asyncio.get_running_loop()
        lines = lines_for([f"game {n}" for n in range(500)], cache=False)
        return await measure(Load(Arrival.POISSON, 200), lines, Blocking(tiny), BatcherLimits(cached=0), 0.5)

    loop: asyncio.AbstractEventLoop
    found = asyncio.run(run())

    assert found.late_s > 0.1
    assert found.score.longest_ms > 100


def test_with_the_cache_repeated_lines_need_no_pass(tiny: Classifier):
    found = measured(tiny, Load(Arrival.POISSON, 100), BatcherLimits(), cache=True)

    assert found.scored == found.said > 20
    assert found.repeated == found.said - 2
    assert "With the cache" in cache_note([found], cache=True)


def test_without_the_cache_every_line_is_new():
    assert list(islice(lines_for(["gg", "gg", "wp"], cache=False), 4)) == ["gg", "wp", "gg", "wp"]
    assert list(islice(lines_for(["gg", "gg", "wp"], cache=True), 4)) == ["gg", "gg", "wp", "gg"]


@pytest.mark.parametrize(("rate", "seconds"), [(1.0, 30.0), (10.0, 5.0), (1000.0, 5.0)])
def test_low_rates_take_long_enough_for_a_few_dozen_messages(rate, seconds):
    assert seconds_for(rate, 5.0) == seconds


def test_a_load_of_which_nothing_was_scored_has_a_row(tiny: Classifier):
    found = measured(tiny, Load(Arrival.POISSON, 50), BatcherLimits(deadline_s=-1.0, cached=0))

    assert found.not_scored == {"late": found.said}
    assert found.score is None
    assert table_of([found]).row_count == 1
    assert as_values(found)["rate"] == 50

import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from benchmarks.arrivals import Arrival
from benchmarks.end_to_end.__main__ import app
from benchmarks.end_to_end.answers import acted, deletions
from benchmarks.end_to_end.inside import counted_between, loop_between, samples_between
from benchmarks.end_to_end.probe import Samples, Statements, place
from benchmarks.end_to_end.report import Figures, notes, shown
from benchmarks.end_to_end.saying import Said
from benchmarks.end_to_end.stages import stages_between
from benchmarks.end_to_end.starting import Idle, Start, Voice
from benchmarks.end_to_end.talk import Line, Load, Talk, ordinary_lines, rude_enough
from benchmarks.end_to_end.town import Town
from classifier import load
from tests.loopback.calls import Call
from tests.loopback.world import World

RATE, SECONDS = 20, 2
TINY = ("--rate", str(RATE), "--seconds", str(SECONDS), "--arrival", "poisson", "--starts", "0", "--idle", "0")


@pytest.fixture
def town() -> Town:
    return Town.founded(World(guild=None), servers=2, channels=3)


def line(town: Town, number: int = 0, *, toxic: bool = True) -> Line:
    place = town.places[number]
    return Line(0.0, "you clown", toxic, place, place.channels[0], town.newcomer(place))


def deleted(message: str, at: float, channel: str = "7") -> Call:
    return Call("DELETE", f"/channels/{channel}/messages/{message}", at=at)


def cleared(messages: Sequence[str], at: float, channel: str = "7") -> Call:
    return Call("POST", f"/channels/{channel}/messages/bulk-delete", {"messages": list(messages)}, at=at)


def test_every_rude_line_that_was_said_is_acted_on_and_counted():
    run = CliRunner().invoke(app, [*TINY, "--servers", "2", "--channels", "40", "--where", "--json"])

    assert run.exit_code == 0, run.output
    figures = json.loads(run.stdout)
    (load,) = figures["loads"]
    times = [load["acted"][kind] or {"count": 0} for kind in ("at_once", "gathered")]
    assert load["said"] > RATE
    assert load["rude"] >= 10
    assert load["acted"]["rude"] == load["rude"]
    assert sum(each["count"] for each in times) == load["acted"]["rude"] + load["acted"]["others"]
    assert 0 < load["acted"]["at_once"]["p50_ms"] <= load["acted"]["at_once"]["longest_ms"]
    assert load["acted"]["timeouts"]["count"] > 0
    assert (load["scored"], load["not_scored"]) == (load["said"], {})
    assert load["incidents"] >= load["rude"]
    assert load["writing"] >= load["incidents"]
    assert load["statements"] > load["writing"]
    assert load["memory_mb"] > 50
    assert load["bot_percent"] > 0
    assert load["server_percent"] > 0
    assert load["elsewhere_percent"] >= 0
    assert load["threads_percent"]["MainThread"] > 0
    assert load["stages"]["an incident written"]["count"] == load["incidents"]
    assert any("intake.py:Intake.take" in name for name in load["samples"]["ours"])
    (start,) = figures["starts"]
    assert start["new_database"]
    assert 0 < start["online_s"] <= start["ready_s"]
    assert (start["acted_s"], figures["idle"], figures["voice"]) == (None, None, None)


def test_a_file_without_lines_ends_it_with_one_line(tmp_path: Path):
    run = CliRunner().invoke(app, [*TINY, "--lines", str(tmp_path / "gone.jsonl")])

    assert run.exit_code == 2
    assert run.stderr.startswith("referee: ")
    assert "gone.jsonl cannot be read" in run.stderr


def test_what_cannot_be_started_ends_it_with_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.end_to_end.running.RefereeProcess.environment", lambda _self: {})

    run = CliRunner().invoke(app, TINY)

    assert run.exit_code == 2
    assert run.stderr.splitlines()[-1].startswith("referee: the bot did not start: ")


def test_the_figures_of_starts_idling_and_speech_are_told_below_the_table():
    figures = Figures([], [Start(True, 1.0, 2.0, None), Start(False, 1.5, 2.5, 1.75)], Idle(20.0, 0.25, 199.6))
    figures.voice = Voice(210.0, 412.0, 1.5)

    told = notes(figures, "5 lines", "a machine")

    assert told[:4] == [
        "start with a new database: connected after 1.00 s, ready after 2.00 s",
        "start again: connected after 1.50 s, ready after 2.50 s, first message acted on after 1.75 s",
        "idle for 20 s, without the probe: 0.25 % of one core, 200 MB",
        "with speech: 210 MB before the first clip, 412 MB after it (acted on after 1.5 s)",
    ]
    assert told[-2:] == ["5 lines", "a machine"]
    assert shown(figures).row_count == 0


def test_times_are_from_a_message_to_the_first_request_for_its_deletion(town: Town):
    rude, other = line(town), line(town, toxic=False)
    said = [Said("1", 10.0, rude), Said("2", 10.5, other), Said("3", 11.0, line(town))]
    calls = [deleted("1", 10.02), deleted("1", 10.9), deleted("2", 10.54), deleted("99", 10.6)]

    found = acted(said, calls)

    assert (found.rude, found.others, found.gathered, found.timeouts) == (1, 1, None, None)
    assert found.at_once is not None
    assert (found.at_once.count, found.at_once.p50_ms, found.at_once.longest_ms) == (2, 40.0, 40.0)


def test_a_timeout_is_counted_from_what_its_author_said(town: Town):
    rude = line(town, 1)
    member, guild = rude.member["user"]["id"], rude.place.guild.id
    path = f"/guilds/{guild}/members/{member}"
    calls = [
        Call("PATCH", path, {"communication_disabled_until": "2026"}, at=10.25),
        Call("PATCH", path, {"nick": None}, at=11.0),
        Call("GET", path, at=11.0),
    ]

    found = acted([Said("1", 10.0, rude)], calls)

    assert found.timeouts is not None
    assert (found.timeouts.count, found.timeouts.longest_ms) == (1, 250.0)


def test_deletions_that_the_bot_kept_back_are_told_apart():
    said = {str(n): 10.0 for n in range(9)}
    piled = [deleted(str(n), 10.01 + n / 100) for n in range(4)]

    gathered = [each.gathered for each in deletions([*piled, deleted("4", 10.8), cleared(["5", "6"], 10.9)], said)]

    assert gathered == [False] * 4 + [True] * 3
    assert [each.gathered for each in deletions([cleared(["5", "6"], 10.1)], said)] == [True] * 2


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([deleted(str(n), 10.01 + n / 100) for n in range(3)] + [deleted("4", 10.8)], id="no pile"),
        pytest.param([deleted(str(n), 10.01, channel=str(n)) for n in range(4)] + [deleted("4", 10.8)], id="elsewhere"),
        pytest.param([deleted(str(n), 10.01 + n / 100) for n in range(4)] + [deleted("4", 10.2)], id="no wait"),
        pytest.param([deleted(str(n), 10.01 + n / 100) for n in range(4)] + [deleted("4", 13.5)], id="long ago"),
    ],
)
def test_a_deletion_that_is_only_slow_is_not_taken_for_one_that_was_kept_back(calls: list[Call]):
    assert not any(each.gathered for each in deletions(calls, {str(n): 10.0 for n in range(5)}))


def test_of_few_messages_more_are_rude_so_that_there_are_some():
    load = Load(Arrival.POISSON, 1.0, 15.0, 0.05)

    assert [rude_enough(load, messages) for messages in (0, 15, 40, 400, 4000)] == [1.0, 1.0, 0.5, 0.05, 0.05]


def test_whoever_was_timed_out_says_nothing_more(town: Town):
    lines = Talk(town, ["gg", "well played"]).of(Load(Arrival.BURST, 100.0, 20.0, 0.3))
    silenced: set[str] = set()
    for each in lines:
        assert each.member["user"]["id"] not in silenced
        if each.toxic and each.place.times_out:
            silenced.add(each.member["user"]["id"])

    assert len(lines) == 2000
    assert 500 < sum(each.toxic for each in lines) < 700
    assert len(silenced) > 200
    assert {each.channel for each in lines} == {channel for place in town.places for channel in place.channels}


def test_lines_that_run_out_are_followed_by_others_that_are_as_long():
    lines = ["gg", "push mid now", "gg", "who has the bomb"]

    said = list(islice(ordinary_lines(lines), 400))

    assert said[:4] == lines
    assert [len(each.split()) for each in said] == [1, 3, 1, 4] * 100
    assert said[::4] == ["gg"] * 100
    assert len(set(said[3::4])) > 90


def test_the_model_is_sure_that_the_rude_lines_are(town: Town):
    said = Talk(town, ["gg"]).of(Load(Arrival.BURST, 100.0, 2.0, 1.0))
    verdicts = load(None, threads=1).score([each.text for each in said])

    assert len({each.text for each in said}) == 200
    assert min(verdict.categories["insult"] for verdict in verdicts) > 0.6


def test_statements_and_writing_transactions_are_counted(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    counted = Statements()
    with engine.begin() as connection:
        connection.execute(text("create table notes (words text)"))
    with engine.begin() as connection:
        connection.execute(text("select words from notes"))
    with engine.begin() as connection:
        connection.execute(text("insert into notes values ('gg')"))
        connection.execute(text("update notes set words = 'wp'"))
    with pytest.raises(KeyError), engine.begin() as connection:
        connection.execute(text("delete from notes"))
        raise KeyError
    with engine.begin() as connection:
        connection.execute(text("select words from notes"))
    engine.dispose()
    counted.end()

    assert (counted.statements, counted.transactions, counted.writing) == (6, 4, 2)
    assert counted.kinds["SELECT notes"] == 2
    assert counted.kinds["INSERT notes"] == 1
    assert len(counted.held) == 3


def test_a_look_counts_the_function_that_runs_and_those_of_ours_that_led_there():
    samples = Samples()
    frame = sys._getframe()
    own = place(frame)

    samples.note(frame)
    samples.note(frame)

    assert own.endswith("test_end_to_end.py:" + frame.f_code.co_qualname)
    assert (samples.looked, samples.leaves[own], samples.ours[own]) == (2, 2, 2)
    assert not any("site-packages" in name or "_pytest" in name for name in samples.ours)


def test_only_what_came_between_two_answers_of_the_probe_counts():
    before = {"at": 5.0, "samples": {"looked": 10, "ours": {"a": 4}, "leaves": {"b": 10}}}
    after = {
        "stalls": [[1.0, 0.9, 0.9], [6.0, 0.06, 0.02], [7.0, 0.03, 0.03]],
        "collections": [[2.0, 0.5], [6.5, 0.01]],
        "samples": {"looked": 30, "ours": {"a": 14, "c": 5}, "leaves": {"b": 30}},
    }

    loop = loop_between(before, after)

    assert (loop.longest_stall_ms, loop.stalls_over_50ms, loop.longest_work_ms) == (60.0, 1, 30.0)
    assert (loop.works_over_50ms, loop.longest_collection_ms) == (0, 10.0)
    assert samples_between(before, after) == {"ours": {"a": 50.0, "c": 25.0}, "leaves": {"b": 100.0}}
    assert samples_between({"samples": None}, {"samples": None}) == {}
    assert counted_between({"a": 1, "b": 2}, {"a": 4, "b": 2, "c": 9}) == {"c": 9, "a": 3}
    assert stages_between(5.0, {"x": [(1.0, 9.0), (6.0, 0.5)], "y": [(1.0, 1.0)]})["x"]["longest_ms"] == 500.0
    assert "y" not in stages_between(5.0, {"y": [(1.0, 1.0)]})

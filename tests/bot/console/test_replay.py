import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bot.console.conftest import Ran, said, write_log

CLIPS = Path(__file__).parents[2] / "clips"

Run = Callable[..., Ran]


def stored(referee: Run, db: str = "r.db") -> list[dict[str, object]]:
    return referee("incidents", "list", "--json", "--db", db).rows


def summary(ran: Ran) -> dict[str, object]:
    return next(row for row in ran.rows if row["kind"] == "summary")


def test_what_is_flagged_is_shown_kept_and_counted(referee: Run, tmp_path: Path) -> None:
    write_log(
        tmp_path / "log.jsonl", said("a good game"), said("you idiot", t=65), said("kill him", t=70, player="juno")
    )

    ran = referee("replay", "log.jsonl", "--db", "r.db")

    assert ran.code == 0
    assert "01:05  vex  you idiot  insult 0.95  warn  incident 1  words: idiot" in ran.out
    assert "juno  kill him  threat 0.95  flag (the rule asks for delete)  incident 2" in ran.out
    assert "3 lines in" in ran.out
    assert "flagged: insult 1, threat 1" in ran.out
    assert "incidents: 2 new, 0 known already" in ran.out
    assert "good game" not in ran.out
    assert [row["text"] for row in stored(referee)] == ["kill him", "you idiot"]


def test_nothing_pretends_to_have_acted_on_a_log(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert summary(ran)["outcomes"] == {"simulated": 1}
    assert ran.rows[0]["outcome"] == "simulated"
    assert "cannot be acted on" in ran.rows[0]["outcome_detail"]


def test_a_second_run_adds_nothing(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"), said("idiot", t=9))

    first = referee("replay", "log.jsonl", "--db", "r.db", "--json")
    before = stored(referee)
    second = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert (summary(first)["incidents"], summary(first)["known"]) == (2, 0)
    assert (summary(second)["incidents"], summary(second)["known"]) == (0, 2)
    assert [row["new"] for row in second.rows[:-1]] == [False, False]
    assert stored(referee) == before


def test_the_same_match_inside_another_file_adds_nothing(referee: Run, tmp_path: Path) -> None:
    match = [said("you idiot"), said("you idiot"), said("idiot", t=9, extra="ignored")]
    write_log(tmp_path / "one.jsonl", *match)
    write_log(tmp_path / "two.jsonl", said("kill", match="other"), *match)

    ran = referee("replay", "one.jsonl", "two.jsonl", "--db", "r.db", "--json")

    assert (summary(ran)["incidents"], summary(ran)["known"]) == (4, 3)


def test_the_same_said_twice_at_the_same_moment_is_two_incidents(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"), said("you idiot"))

    assert summary(referee("replay", "log.jsonl", "--db", "r.db", "--json"))["incidents"] == 2


def test_what_comes_out_does_not_depend_on_the_day(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot", t=61.5))

    referee("replay", "log.jsonl", "--db", "r.db")

    assert stored(referee)[0]["at"] == "2020-01-01T00:01:01.500000+00:00"


def test_strikes_climb_the_ladder(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", *(said("you idiot", t=90 * n) for n in range(4)))

    referee("replay", "log.jsonl", "--db", "r.db")

    actions = [row["decision"]["action"] for row in reversed(stored(referee))]
    assert actions == ["warn", "delete", "timeout", "timeout"]


def test_a_word_split_over_lines_is_found(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("id", t=1), said("iot", t=2))

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert ran.rows[0]["text"] == "idiot"


def test_a_broken_line_ends_it_after_everything_before_it_is_kept(referee: Run, tmp_path: Path) -> None:
    lines = [said("you idiot", t=n) for n in range(30)]
    write_log(tmp_path / "log.jsonl", *lines, "{broken", said("kill", t=99))

    ran = referee("replay", "log.jsonl", "--db", "r.db")

    assert ran.code == 2
    assert ran.err.startswith("referee: log.jsonl, line 31: not JSON")
    assert ran.err.count("\n") == 1
    assert "30 lines in" in ran.out
    assert "incidents: 30 new" in ran.out
    assert len(stored(referee)) == 30


def test_a_broken_log_says_in_json_that_it_is_not_complete(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("gg"), "{broken")

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert summary(ran)["complete"] is False
    assert ran.code == 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"match": "m", "player": "a", "text": "x"}, "`t` is not a number"),
        ({"match": "m", "t": "5", "player": "a", "text": "x"}, "`t` is not a number"),
        ({"match": "m", "t": True, "player": "a", "text": "x"}, "`t` is not a number"),
        ('{"match": "m", "t": NaN, "player": "a", "text": "x"}', "`t` is not a number"),
        ('{"match": "m", "t": 1e300, "player": "a", "text": "x"}', "`t` is not a number"),
        ({"t": 1, "player": "a", "text": "x"}, "`match` is missing"),
        ({"match": "m", "t": 1, "player": ["a"], "text": "x"}, "`player` is missing or no name"),
        ({"match": "m", "t": 1, "player": "", "text": "x"}, "`player` is missing or no name"),
        ({"match": "m", "t": 1, "player": "a"}, "`text` or `audio`"),
        ({"match": "m", "t": 1, "player": "a", "text": "x", "audio": "y.ogg"}, "`text` or `audio`"),
        ({"match": "m", "t": 1, "player": "a", "text": None}, "`text` is not a string"),
        ({"match": "m", "t": 1, "player": "a", "audio": 5}, "`audio` is not a string"),
        ({"match": "m", "t": 1, "player": "a", "audio": "../outside.ogg"}, "outside the log's folder"),
        ({"match": "m", "t": 1, "player": "a", "audio": "/etc/passwd"}, "outside the log's folder"),
        ({"match": "m", "t": 1, "player": "a", "audio": "link.ogg"}, "outside the log's folder"),
        ({"match": "m", "t": 1, "player": "a", "audio": "nul\0.ogg"}, "names no clip"),
        ({"match": "m", "t": 1, "player": "a", "audio": ""}, "outside the log's folder"),
        ({"match": "m", "t": 1, "player": "a", "audio": "missing.ogg"}, "cannot be read"),
        (b"\xff\xfe", "not UTF-8"),
        ("[]", "not a JSON object"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(
    referee: Run, tmp_path: Path, row: dict[str, object] | str | bytes, complaint: str
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "outside.ogg").write_bytes(b"x")
    (tmp_path / "logs" / "link.ogg").symlink_to(tmp_path / "outside.ogg")
    write_log(tmp_path / "logs" / "log.jsonl", said("you idiot"), row)

    ran = referee("replay", "logs/log.jsonl", "--db", "r.db")

    assert ran.code == 2
    assert ran.err.startswith("referee: logs/log.jsonl, line 2: ")
    assert complaint in ran.err
    assert "incidents: 1 new" in ran.out


def test_numbers_will_do_as_names(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", {"match": 12, "t": 1, "player": 3, "text": "idiot"})

    assert referee("replay", "log.jsonl", "--db", "r.db", "--json").rows[0]["author"] == "3"


def test_no_line_is_too_odd_to_be_judged(referee: Run, tmp_path: Path) -> None:
    odd = ["", "\0", "\ud800", "😀", "x" * 100_000, "\u202e"]
    write_log(tmp_path / "log.jsonl", *(said(text, t=n) for n, text in enumerate(odd)))

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert ran.code == 0
    assert summary(ran)["scored"] == len(odd)


def test_players_cannot_steer_the_terminal(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("[bold]idiot\x1b[2J\u202e\ud800", player="\x1b]0;me\x07\ud800"))

    shown = referee("replay", "log.jsonl", "--db", "r.db").out + referee("incidents", "list", "--db", "r.db").out
    shown += referee("incidents", "show", "1", "--db", "r.db").out

    assert not set("\x1b\x07\u202e") & set(shown)
    assert "[bold]idiot\\x1b[2J\\u202e\\ud800" in shown


def test_clips_are_heard_and_those_that_cannot_be_are_left_to_a_human(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "clip.ogg").write_bytes((CLIPS / "well_played.ogg").read_bytes())
    (tmp_path / "text.ogg").write_text("no sound", encoding="utf-8")
    (tmp_path / "empty.ogg").write_bytes(b"")
    clips = [
        {"match": "m", "t": n, "player": "a", "audio": f"{name}.ogg"}
        for n, name in enumerate(("clip", "text", "empty"))
    ]
    write_log(tmp_path / "log.jsonl", *clips)

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert ran.code == 0
    assert (summary(ran)["clips"], summary(ran)["scored"], summary(ran)["unchecked"]) == (3, 1, 2)
    assert {row["category"] for row in ran.rows[:-1]} == {"unchecked"}


def test_of_what_was_flagged_in_a_clip_the_time_is_shown(referee: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(policy.read_text().replace("flag = 0.5\nact = 0.6", "flag = 0.000001\nact = 0.000002"))
    (tmp_path / "clip.ogg").write_bytes((CLIPS / "well_played.ogg").read_bytes())
    write_log(tmp_path / "log.jsonl", {"match": "m", "t": 1, "player": "a", "audio": "clip.ogg"}, said("idiot", t=2))

    spoken, typed, *_ = referee("replay", "log.jsonl", "--db", "r.db").out.splitlines()

    assert "at 0:00 of the clip" in spoken
    assert "of the clip" not in typed


def test_without_a_speech_model_the_text_is_judged_all_the_same(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_SPEECH_MODEL", "/nowhere")
    (tmp_path / "clip.ogg").write_bytes((CLIPS / "well_played.ogg").read_bytes())
    clips = [{"match": "m", "t": n, "player": "a", "audio": "clip.ogg"} for n in range(9)]
    write_log(tmp_path / "log.jsonl", *clips, said("you idiot", t=20))

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--json")

    assert summary(ran)["flagged"] == {"unchecked": 9, "insult": 1}
    assert "pip install" in ran.rows[0]["decision"]["reasons"][0]


def test_quiet_prints_the_summary_alone(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))

    ran = referee("replay", "log.jsonl", "--db", "r.db", "--quiet")

    assert ran.out.startswith("1 lines in")
    assert "you idiot" not in ran.out


def test_a_log_can_come_from_standard_input(referee: Run) -> None:
    ran = referee("replay", "-", "--db", "r.db", "--json", stdin=json.dumps(said("you idiot")).encode())

    assert summary(ran)["incidents"] == 1


def test_the_community_is_kept_apart(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))

    referee("replay", "log.jsonl", "--db", "r.db", "--community", "ours")
    referee("replay", "log.jsonl", "--db", "r.db", "--community", "theirs")

    assert [row["community"] for row in stored(referee)] == ["theirs", "ours"]


def test_speed_follows_the_log(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot", t=100), said("you idiot", t=105), said("idiot", t=0, match="b"))

    started = time.monotonic()
    ran = referee("replay", "log.jsonl", "--db", "r.db", "--speed", "10", "--json")

    assert 0.5 <= summary(ran)["seconds"] <= time.monotonic() - started
    assert summary(ran)["incidents"] == 3


def test_at_full_speed_nothing_is_shed_whatever_the_limits(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_WAITING_TEXTS", "1")
    monkeypatch.setenv("REFEREE_DEADLINE_S", "0.001")
    write_log(tmp_path / "log.jsonl", *(said(f"you {n}", t=n) for n in range(600)))

    assert summary(referee("replay", "log.jsonl", "--db", "r.db", "--json"))["scored"] == 600


def test_live_overload_is_shed_and_counted(referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_WAITING_TEXTS", "1")
    write_log(tmp_path / "log.jsonl", *(said(f"you {n}", t=0, player=str(n)) for n in range(600)))

    counts = summary(referee("replay", "log.jsonl", "--db", "r.db", "--json", "--speed", "10"))

    assert counts["not_scored"]["overloaded"] > 0
    assert counts["scored"] + counts["not_scored"]["overloaded"] == 600


@pytest.mark.parametrize(
    ("logs", "complaint"), [(["missing.jsonl"], "missing.jsonl: No such file"), (["."], ".: Is a directory")]
)
def test_a_log_that_is_not_there_stops_it_before_it_begins(
    referee: Run, tmp_path: Path, logs: list[str], complaint: str
) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))

    ran = referee("replay", "log.jsonl", *logs, "--db", "r.db")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"referee: {complaint}")
    assert not (tmp_path / "r.db").exists()


def test_an_empty_log_is_no_error(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"")

    assert summary(referee("replay", "log.jsonl", "--db", "r.db", "--json"))["lines"] == 0


def test_a_locked_database_is_one_clear_line(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    referee("replay", "log.jsonl", "--db", "r.db")
    other = sqlite3.connect("r.db", isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    ran = referee("replay", "log.jsonl", "--db", "r.db")

    other.close()
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("referee: r.db is held by another process")

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bot.console.conftest import Ran, said, write_log

Run = Callable[..., Ran]


@pytest.fixture
def incidents(referee: Run, tmp_path: Path) -> Run:
    """Return what runs `referee incidents` on three incidents: an insult and a threat by vex, spam by ann."""
    write_log(
        tmp_path / "log.jsonl",
        said("you idiot", t=1),
        said("kill", t=86_400),
        said("=buy", t=2 * 86_400, player="@ann"),
    )
    referee("replay", "log.jsonl", "--db", "r.db", "--quiet", "--community", "replay")
    return lambda command, *arguments: referee("incidents", command, *arguments, "--db", "r.db")


def ids(ran: Ran) -> list[object]:
    return [row["id"] for row in ran.rows]


def test_the_list_is_a_table_newest_first(incidents: Run) -> None:
    ran = incidents("list")

    assert ran.code == 0
    assert [line for line in ("=buy", "kill", "you idiot") if line in ran.out] == ["=buy", "kill", "you idiot"]
    assert ran.out.index("=buy") < ran.out.index("kill") < ran.out.index("you idiot")


@pytest.mark.parametrize("columns", ["60", "80", "100", "300"])
def test_the_table_keeps_its_numbers_on_any_terminal(
    incidents: Run, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")

    lines = incidents("list").out.splitlines()

    assert all(len(line) <= int(columns) for line in lines)
    assert [line.split()[0] for line in lines if line.strip()[:1].isdigit()] == ["3", "2", "1"]
    assert all("open" in line for line in lines if line.strip()[:1].isdigit())


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [3, 2, 1]),
        (["--category", "threat"], [2]),
        (["--author", "vex"], [2, 1]),
        (["--author", "nobody"], []),
        (["--state", "open"], [3, 2, 1]),
        (["--state", "dismissed"], []),
        (["--community", "replay"], [3, 2, 1]),
        (["--community", "other"], []),
        (["--since", "2020-01-02"], [3, 2]),
        (["--until", "2020-01-02"], [1]),
        (["--since", "2020-01-02T00:00+00:00", "--until", "2020-01-03"], [2]),
        (["--since", "7d"], []),
        (["--until", "12h"], [3, 2, 1]),
        (["--limit", "2"], [3, 2]),
        (["--before", "3"], [2, 1]),
    ],
)
def test_the_list_can_be_narrowed(incidents: Run, filters: list[str], found: list[int]) -> None:
    ran = incidents("list", "--json", *filters)

    assert ran.code == 0
    assert ids(ran) == found


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--until", "9x"), ("--state", "odd"), ("--limit", "0")])
def test_a_filter_that_makes_no_sense_is_bad_usage(incidents: Run, arguments: tuple[str, str]) -> None:
    ran = incidents("list", *arguments)

    assert ran.code == 2
    assert arguments[0] in ran.err


def test_a_full_page_says_how_to_see_the_next(incidents: Run) -> None:
    assert "--before 2" in incidents("list", "--limit", "2").out
    assert "--before" not in incidents("list").out


def test_one_incident_is_shown_whole(incidents: Run) -> None:
    incidents("confirm", "1", "--moderator", "mo", "--note", "clear\x1b[2J")

    shown = incidents("show", "1").out

    for part in ("you idiot", "vex", "insult", "warn, simulated", "P(insult) 0.95", "idiot", "2020-01-01", "tiny-1"):
        assert part in shown
    assert "mo: confirm (clear\\x1b[2J)" in shown
    (row,) = incidents("show", "1", "--json").rows
    assert row["reviews"][0]["note"] == "clear\x1b[2J"
    assert row["words"] == ["idiot"]


def test_moderators_have_the_last_word_and_can_take_it_back(incidents: Run) -> None:
    assert "incident 1 is confirmed, category insult" in incidents("confirm", "1").out
    assert "incident 1 is dismissed" in incidents("dismiss", "1").out
    assert "incident 1 is confirmed, category spam" in incidents("relabel", "1", "spam").out
    assert "incident 1 is open, category insult" in incidents("reopen", "1").out

    (row,) = incidents("show", "1", "--json").rows
    assert [review["verdict"] for review in row["reviews"]] == ["confirm", "dismiss", "relabel", "reopen"]


def test_a_verdict_can_be_read_by_a_program(incidents: Run) -> None:
    (row,) = incidents("dismiss", "1", "--json", "--moderator", "mo\udcff").rows

    assert row["state"] == "dismissed"


def test_a_verdict_carries_the_login_name(incidents: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mara")
    incidents("confirm", "1")

    assert incidents("show", "1", "--json").rows[0]["reviews"][0]["moderator"] == "mara"


def test_only_a_category_of_the_model_can_be_given(incidents: Run) -> None:
    ran = incidents("relabel", "1", "rudeness")

    assert ran.code == 2
    assert "there are insult, threat, spam" in ran.err
    assert incidents("show", "1", "--json").rows[0]["reviews"] == []


@pytest.mark.parametrize("command", [("show",), ("confirm",), ("dismiss",), ("reopen",), ("relabel", "spam")])
@pytest.mark.parametrize("number", ["99", "0", "9" * 30])
def test_an_incident_that_is_not_there_is_one_clear_line(incidents: Run, command: tuple[str, ...], number: str) -> None:
    ran = incidents(command[0], number, *command[1:])

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"referee: There is no incident {number}")


def test_what_moderators_said_becomes_the_label(incidents: Run, tmp_path: Path) -> None:
    incidents("dismiss", "1")
    incidents("relabel", "2", "insult")

    ran = incidents("export", "-o", "out.jsonl")

    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["text"], row["label"], row["state"]) for row in rows] == [
        (1, "you idiot", "non_toxic", "dismissed"),
        (2, "kill", "insult", "confirmed"),
        (3, "=buy", "spam", "open"),
    ]
    assert ran.err == "3 rows written\n"


def test_an_export_can_be_narrowed_and_piped(incidents: Run) -> None:
    assert ids(incidents("export", "--author", "vex")) == [1, 2]


def test_no_spreadsheet_runs_what_a_player_wrote(incidents: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(incidents("export", "--format", "csv").out)))

    assert (rows[2]["text"], rows[2]["author"]) == ("'=buy", "'@ann")
    assert rows[0]["text"] == "you idiot"


def test_what_has_no_text_left_is_no_row(incidents: Run) -> None:
    with sqlite3.connect("r.db") as other:
        other.execute("update incidents set content = null where id = 1")
    other.close()

    ran = incidents("export")

    assert ids(ran) == [2, 3]
    assert "1 without text or category left out" in ran.err
    assert "(expired)" in incidents("list").out


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("/dev/full", "No space left on device"),
        ("missing/out.jsonl", "No such file"),
        (".", "Is a directory"),
        ("r.db", "the database itself"),
    ],
)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_output_that_cannot_be_used_is_one_clear_line(
    incidents: Run, output: str, complaint: str, form: str
) -> None:
    ran = incidents("export", "-o", output, "--format", form)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("referee: ")
    assert complaint in ran.err
    assert len(incidents("list", "--json").rows) == 3


def test_what_has_expired_is_purged(incidents: Run) -> None:
    assert incidents("purge", "--json").rows == [{"contents": 0, "incidents": 0}]
    with sqlite3.connect("r.db") as other:
        other.execute("update incidents set created_at = 0 where id = 1")
    other.close()

    assert "1 whole incidents" in incidents("purge").out
    assert ids(incidents("list", "--json")) == [3, 2]


@pytest.mark.parametrize("command", [("list",), ("show", "1"), ("confirm", "1"), ("export",), ("purge",)])
def test_a_database_that_is_not_there_is_not_made(referee: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    for database in (["--db", "none.db"], []):
        ran = referee("incidents", *command, *database)

        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert ran.err.startswith("referee: there is no database ")
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.write_text("just text, and more of it " * 50), "not a database of Referee"),
        (lambda path: path.unlink() or path.mkdir(), "r.db"),
        (lambda path: path.with_suffix(".key").unlink(), "key is missing"),
        (lambda path: path.with_suffix(".key").write_text("damaged"), "damaged or empty"),
    ],
    ids=["text", "folder", "no key", "damaged key"],
)
def test_a_spoilt_database_is_one_clear_line(
    incidents: Run, tmp_path: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    spoil(tmp_path / "r.db")

    ran = incidents("list")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("referee: ")
    assert complaint in ran.err


def test_a_database_of_a_newer_version_is_left_alone(incidents: Run) -> None:
    with sqlite3.connect("r.db") as other:
        other.execute("update alembic_version set version_num = '9999'")
    other.close()

    assert "Upgrade Referee" in incidents("list").err


def test_the_database_of_the_settings_is_found_with_and_without_the_option(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_DATABASE_URL", "sqlite+aiosqlite:///data/prod.db")
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    referee("replay", "log.jsonl")

    assert len(referee("incidents", "list", "--json").rows) == 1
    assert len(referee("incidents", "list", "--json", "--db", "data/prod.db").rows) == 1


def test_keys_of_the_settings_open_any_database_and_are_never_shown(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = "A" * 43 + "=", "B" * 43 + "="
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", key)
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    shown = [referee("replay", "log.jsonl", "--db", "r.db"), referee("incidents", "list", "--db", "r.db")]
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", other)
    shown += [referee("incidents", "list", "--db", "r.db"), referee("doctor", "--db", "r.db")]

    assert [ran.code for ran in shown] == [0, 0, 2, 1]
    assert not any(secret[:20] in ran.out + ran.err for ran in shown for secret in (key, other))
    assert not (tmp_path / "r.key").exists()


@pytest.mark.parametrize("columns", ["60", "80", "100", "200"])
def test_a_long_text_hides_no_number(
    referee: Run, tmp_path: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    write_log(tmp_path / "log.jsonl", said("you idiot", t=1), said("you idiot " * 500, t=86_400))
    referee("replay", "log.jsonl", "--db", "r.db", "--quiet")

    lines = referee("incidents", "list", "--db", "r.db").out.splitlines()

    assert [line.split()[0] for line in lines if "insult" in line] == ["2", "1"]

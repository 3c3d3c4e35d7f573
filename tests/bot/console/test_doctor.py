import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bot.console.conftest import Ran, said, write_log

Run = Callable[..., Ran]


def findings(ran: Ran) -> dict[str, dict[str, str]]:
    return {finding["subject"]: finding for finding in json.loads(ran.out)["findings"]}


def test_a_sound_installation_has_no_problem(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    referee("replay", "log.jsonl", "--db", "r.db")

    ran = referee("doctor", "--json", "--db", "r.db")

    found = findings(ran)
    assert ran.code == 0
    assert json.loads(ran.out)["ok"] is True
    assert {
        "referee",
        "processor",
        "settings",
        "model",
        "policy",
        "database",
        "key",
        "disk",
        "speech",
        "discord",
    } == set(found)
    assert "1 open" in found["database"]["text"]
    assert "WAL" in found["database"]["text"]
    assert "tiny-1" in found["model"]["text"]


def test_it_makes_no_database(referee: Run, tmp_path: Path) -> None:
    ran = referee("doctor", "--json")

    assert "not there yet" in findings(ran)["database"]["text"]
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]


def test_a_misspelt_setting_is_named_with_the_right_one(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_THREDS", "s3cret")
    (tmp_path / ".env").write_text("REFEREE_CONTENT_DAY=s3cret\n# REFEREE_NOT_THIS=1\n", encoding="utf-8")

    ran = referee("doctor")

    assert ran.code == 0
    assert "REFEREE_THREDS is not a setting of Referee -> did you mean REFEREE_THREADS?" in ran.out
    assert "did you mean REFEREE_CONTENT_DAYS?" in ran.out
    assert "NOT_THIS" not in ran.out
    assert "s3cret" not in ran.out


@pytest.mark.parametrize(
    ("setting", "value", "subject"),
    [
        ("CONTENT_DAYS", "many", "settings"),
        ("MODEL", "nowhere", "model"),
        ("POLICY", "nowhere.toml", "policy"),
        ("DATABASE_URL", "postgresql://me:s3cret@host/db", "database"),
        ("DATABASE_URL", "sqlite+aiosqlite:///policy.toml/referee.db", "database"),
    ],
)
def test_a_problem_is_named_and_is_the_exit_code(
    referee: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, subject: str
) -> None:
    monkeypatch.setenv(f"REFEREE_{setting}", value)

    ran = referee("doctor", "--json")

    assert ran.code == 1
    assert findings(ran)[subject]["level"] == "problem"
    assert findings(ran)[subject]["advice"]
    assert "s3cret" not in ran.out + ran.err


def test_a_damaged_model_is_a_problem(
    referee: Run, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for path in tiny_model.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "model.onnx").write_bytes((copy / "model.onnx").read_bytes()[:-7] + b"changed")
    monkeypatch.setenv("REFEREE_MODEL", str(copy))

    ran = referee("doctor", "--json")

    assert ran.code == 1
    assert "other hash" in findings(ran)["model"]["text"]
    assert referee("check", "gg").code == 2


def test_a_damaged_database_is_a_problem(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "r.db").write_text("no database " * 100, encoding="utf-8")

    ran = referee("doctor", "--json", "--db", "r.db")

    assert ran.code == 1
    assert findings(ran)["database"]["level"] == "problem"


def test_a_key_that_others_can_read_is_a_warning(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    referee("replay", "log.jsonl", "--db", "r.db")
    (tmp_path / "r.key").chmod(0o644)

    ran = referee("doctor", "--json", "--db", "r.db")

    assert ran.code == 0
    assert findings(ran)["key"]["level"] == "warning"
    assert "chmod 600" in findings(ran)["key"]["advice"]


def test_a_missing_speech_model_is_a_warning(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_SPEECH_MODEL", "/nowhere")

    ran = referee("doctor", "--json")

    assert ran.code == 0
    assert findings(ran)["speech"]["level"] == "warning"
    assert "pip install" in findings(ran)["speech"]["text"]


def test_deep_hears_a_clip(referee: Run) -> None:
    ran = referee("doctor", "--json", "--deep")

    assert "dragon" in findings(ran)["speech"]["text"]


def test_a_category_without_a_rule_is_a_warning(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        "version = 1\n[general]\ntoxic_flag = 0.9\n[category.insult]\nflag = 0.5\nact = 0.9\n", encoding="utf-8"
    )

    found = findings(referee("doctor", "--json"))

    assert found["policy"]["level"] == "warning"
    assert "no rule for threat, spam" in found["policy"]["text"]


def test_a_database_of_another_program_is_left_as_it_is(referee: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table theirs (a)")
    other.close()
    before = (tmp_path / "other.db").read_bytes()

    ran = referee("doctor", "--json", "--db", "other.db")

    assert ran.code == 1
    assert "another program" in findings(ran)["database"]["text"]
    assert (tmp_path / "other.db").read_bytes() == before

import json
import os
import shlex
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.console.demo import MATCH
from tests.bot.console.conftest import Ran

Run = Callable[..., Ran]
Process = Callable[..., Awaitable[Ran]]

LINES = [json.loads(line) for line in MATCH.read_text(encoding="utf-8").splitlines()]
SPOKEN = [line for line in LINES if "audio" in line]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the model and the policy that come with the package."""
    monkeypatch.delenv("REFEREE_MODEL")
    monkeypatch.delenv("REFEREE_POLICY")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.usefixtures("shipped")
async def test_the_demo_finds_the_abuse_and_what_it_says_to_try_next_works(process: Process, tmp_path: Path) -> None:
    ran = await process("demo")

    assert (ran.code, ran.err) == (0, "")
    assert all(line["text"] in ran.out for line in LINES if "text" in line)
    assert ran.out.count("[voice]") >= len(SPOKEN)
    assert {"referee-demo.db", "referee-demo.key"} <= names_in(tmp_path)
    incidents = (await process("incidents", "list", "--json", "--db", "referee-demo.db")).rows
    by_author = [row["author"] for row in incidents]
    assert by_author.count("Vex") >= 5
    assert len(incidents) < len(LINES) / 2
    following = ran.out.split("What to try next:")[1].splitlines()
    commands = [shlex.split(line) for line in following if line.strip()]
    assert len(commands) >= 6
    for command in commands:
        arguments = command[command.index("bot") + 1 :] if "bot" in command else command[1:]
        assert (await process(*arguments)).code == 0, command


@pytest.mark.usefixtures("shipped")
def test_most_innocent_lines_of_the_demo_pass(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_SPEECH", "false")
    referee("demo")

    rows = referee("incidents", "list", "--json", "--db", "referee-demo.db").rows

    innocent = {"Juno", "Brick", "Pixel", "Moss", "Kestrel", "Wren"}
    flagged = [row["text"] for row in rows if row["author"] in innocent and row["category"] != "unchecked"]
    said = [line for line in LINES if line["player"] in innocent and "text" in line]
    assert len(flagged) <= len(said) / 10, flagged


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFEREE_SPEECH_MODEL", "/nowhere")


@pytest.mark.usefixtures("silent")
def test_without_a_speech_model_the_clips_are_left_to_a_human(referee: Run) -> None:
    ran = referee("demo")

    assert ran.code == 0
    assert ran.out.count("[voice] not checked") == len(SPOKEN)
    assert "pip install" in ran.out


@pytest.mark.usefixtures("silent")
def test_the_demo_begins_anew_each_time_and_touches_no_other_key(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "referee.key").write_text("mine", encoding="utf-8")
    referee("demo")
    first = referee("incidents", "list", "--json", "--db", "referee-demo.db").rows
    key = (tmp_path / "referee-demo.key").read_bytes()
    referee("incidents", "confirm", "1", "--db", "referee-demo.db")

    referee("demo")

    second = referee("incidents", "list", "--json", "--db", "referee-demo.db").rows
    assert [row["id"] for row in second] == [row["id"] for row in first]
    assert {row["state"] for row in second} == {"open"}
    assert (tmp_path / "referee-demo.key").read_bytes() != key
    assert (tmp_path / "referee.key").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("silent")
def test_a_database_that_is_named_must_be_new(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.db").write_text("precious", encoding="utf-8")

    ran = referee("demo", "--db", "mine.db")

    assert ran.code == 2
    assert "name a new file" in ran.err
    assert (tmp_path / "mine.db").read_text(encoding="utf-8") == "precious"
    assert referee("demo", "--db", "new.db").code == 0
    with sqlite3.connect("new.db") as made:
        assert made.execute("select count(*) from incidents").fetchone()[0] > 0
    made.close()


@pytest.mark.usefixtures("silent")
def test_a_folder_that_cannot_be_written_is_one_clear_line(referee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")

    ran = referee("demo")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("referee: referee-demo.db cannot be opened for writing")


def test_the_match_is_in_order_and_its_clips_are_there() -> None:
    assert [line["t"] for line in LINES] == sorted(line["t"] for line in LINES)
    assert all(os.access(MATCH.with_name(line["audio"]), os.R_OK) for line in SPOKEN)

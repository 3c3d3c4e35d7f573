import json
import sqlite3
from contextlib import closing

import pytest
from cryptography.fernet import Fernet

from tests.bot.console.conftest import said, write_log


@pytest.fixture
def own(referee, tmp_path):
    """Return a database of two incidents, made by a replay."""
    write_log(tmp_path / "log.jsonl", said("you idiot", t=1), said("kill", t=86_400))
    assert referee("replay", tmp_path / "log.jsonl", "--db", "own.db").code == 0
    return tmp_path / "own.db"


def incidents_of(referee, file):
    ran = referee("incidents", "list", "--db", file, "--json")
    assert ran.code == 0, ran.err
    return ran.rows


def findings_of(ran):
    (row,) = ran.rows
    return row["ok"], {finding["subject"]: finding for finding in row["findings"]}


def test_a_backup_says_what_it_holds_and_reminds_of_the_key_and_is_used_with_db(own, referee, tmp_path):
    ran = referee("db", "backup", "copy.db", "--db", own)
    assert ran.code == 0, ran.err
    assert "2 incidents" in ran.out
    assert "own.key" in ran.out
    (tmp_path / "copy.key").write_bytes((tmp_path / "own.key").read_bytes())
    assert incidents_of(referee, "copy.db") == incidents_of(referee, own)


def test_a_backup_is_told_as_json(own, referee, tmp_path):
    ran = referee("db", "backup", "copy.db", "--db", own, "--json")
    assert ran.rows == [
        {"file": "copy.db", "bytes": (tmp_path / "copy.db").stat().st_size, "incidents": 2, "schema": "0004"}
    ]


@pytest.mark.parametrize("target", ["own.db", "own.key", "there.db"])
def test_a_file_that_must_stay_is_not_written_over(own, referee, tmp_path, target):
    (tmp_path / "there.db").write_text("mine")
    before = (tmp_path / target).read_bytes()
    force = ["--force"] if target.startswith("own") else []
    ran = referee("db", "backup", target, "--db", own, *force)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert target in ran.err
    assert (tmp_path / target).read_bytes() == before


@pytest.mark.parametrize("command", ["backup", "check", "export"])
def test_a_database_that_is_not_there_is_told_and_not_made(referee, tmp_path, command):
    ran = referee("db", command, *([] if command == "check" else ["file"]), "--db", "nothing.db")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no database nothing.db" in ran.err
    assert not (tmp_path / "nothing.db").exists()


def test_an_export_is_imported_once_and_never_into_what_is_there(own, referee, tmp_path):
    assert referee("db", "export", "all.jsonl.gz", "--db", own).code == 0
    (tmp_path / "new.key").write_bytes((tmp_path / "own.key").read_bytes())
    ran = referee("db", "import", "all.jsonl.gz", "--db", "new.db")
    assert (ran.code, ran.err) == (0, "")
    assert "2 incidents" in ran.out
    assert incidents_of(referee, "new.db") == incidents_of(referee, own)
    again = referee("db", "import", "all.jsonl.gz", "--db", "new.db")
    assert again.code == 2
    assert "never mixed" in again.err
    assert len(incidents_of(referee, "new.db")) == 2


def test_an_import_without_the_key_says_where_to_put_it(own, referee, tmp_path):
    assert referee("db", "export", "all.jsonl", "--db", own).code == 0
    ran = referee("db", "import", "all.jsonl", "--db", "new.db")
    assert ran.code == 2
    assert "new.key" in ran.err
    assert not (tmp_path / "new.db").exists()


def test_a_sound_database_passes_the_check(own, referee):
    ran = referee("db", "check", "--deep", "--db", own, "--json")
    ok, found = findings_of(ran)
    assert (ran.code, ok) == (0, True)
    assert set(found) == {"file", "schema", "incidents", "cards", "numbers", "rows", "key", "sealed"}
    plain = referee("db", "check", "--db", own)
    assert (plain.code, plain.out.count("\n")) == (0, len(found))


HARM = {
    "an incident on a lost card": ("UPDATE incidents SET card = 77", "cards", "2 incidents"),
    "a state that nobody knows": ("UPDATE incidents SET state = 'x' WHERE id = 1", "rows", "`state`"),
    "a number for a text": ("UPDATE incidents SET community = x'00'", "rows", "`community`"),
    "categories that are no JSON": ("UPDATE incidents SET categories = '{'", "rows", "`categories`"),
    "content that no key opens": ("UPDATE incidents SET content = 'x' WHERE id = 2", "rows", "`content`"),
    "a token that was cut": ("UPDATE incidents SET content = substr(content, 1, 50)", "sealed", "incidents 2"),
    "an author under another key": ("UPDATE incidents SET author = '\\s' || author", "sealed", "incidents 2"),
    "a verdict on nothing": (
        "INSERT INTO reviews (incident_id, verdict, moderator, at) VALUES (99, 'confirm', 'm', 1)",
        "numbers",
        "1 verdicts",
    ),
}


@pytest.mark.parametrize("harm", list(HARM))
def test_what_is_wrong_with_a_database_is_found(own, referee, harm):
    statement, subject, told = HARM[harm]
    with closing(sqlite3.connect(own)) as connection:
        connection.execute(statement)
        connection.commit()
    ran = referee("db", "check", "--db", own, "--json")
    ok, found = findings_of(ran)
    assert (ran.code, ok) == (1, False)
    assert found[subject]["level"] == "problem"
    assert told in found[subject]["text"]
    assert found[subject]["advice"]


def test_another_key_is_found(own, referee, monkeypatch):
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", Fernet.generate_key().decode())
    ran = referee("db", "check", "--db", own, "--json")
    _, found = findings_of(ran)
    assert (ran.code, found["key"]["level"]) == (1, "problem")
    assert "another key" in found["key"]["text"]


def test_a_newer_a_foreign_and_a_damaged_database_are_told_in_a_line(own, referee, tmp_path):
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "songs.db")) as connection:
        connection.execute("CREATE TABLE songs (title)")
    (tmp_path / "torn.db").write_bytes(own.read_bytes()[:5000])
    (tmp_path / "note.db").write_text("not a database at all, only a note. " * 99)
    for file, told in [
        ("own.db", "9999"),
        ("songs.db", "another program"),
        ("torn.db", "torn"),
        ("note.db", "note.db"),
    ]:
        ran = referee("db", "check", "--db", file)
        assert ran.code == 1, ran.err
        assert told in ran.out
        assert ran.err == ""


def test_a_locked_database_is_told_in_a_line(own, referee):
    with closing(sqlite3.connect(own, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        ran = referee("db", "check", "--db", own)
    assert (ran.code, ran.out) == (2, "")
    assert "own.db is held by another process" in ran.err


def test_keys_are_changed_and_the_older_one_dropped(own, referee, tmp_path, monkeypatch):
    old = (tmp_path / "own.key").read_text().strip()
    new = referee("db", "new-key").out.strip()
    assert Fernet(new)
    before = incidents_of(referee, own)
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", f"{new},{old}")
    ran = referee("db", "rotate", "--db", own, "--json")
    assert (ran.code, json.loads(ran.out)["changed"]) == (0, 2)
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", new)
    assert incidents_of(referee, own) == before
    assert "can be dropped" in referee("db", "rotate", "--db", own).out
    monkeypatch.setenv("REFEREE_CONTENT_KEYS", old)
    assert referee("incidents", "list", "--db", own).code == 2


def test_the_commands_are_listed_with_what_they_do(referee):
    told = referee("db", "--help").out
    for name in ("backup", "check", "export", "import", "rotate", "new-key"):
        assert name in told
        assert referee("db", name, "--help").code == 0

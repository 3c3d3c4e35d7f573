import json
from collections.abc import Callable

import pytest

from tests.bot.console.conftest import Ran, said, write_log
from tests.fakes.postgres import PostgresServer

Run = Callable[..., Ran]


@pytest.fixture
def on_a_server(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("REFEREE_DATABASE_URL", postgres_url)
    return postgres_url


def database(ran: Ran) -> dict[str, str]:
    return {finding["subject"]: finding for finding in json.loads(ran.out)["findings"]}["database"]


def secret_of(url: str) -> str:
    return url.split("@")[0].rpartition(":")[2]


def test_a_log_is_replayed_listed_judged_and_exported_on_a_server(referee: Run, on_a_server: str, tmp_path) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"), said("well played"))
    assert referee("replay", "log.jsonl").code == 0

    (listed,) = referee("incidents", "list", "--json").rows
    assert listed["text"] == "you idiot"
    assert referee("incidents", "show", listed["id"]).code == 0
    assert referee("incidents", "confirm", listed["id"], "--moderator", "mod").code == 0
    assert referee("incidents", "list", "--json").rows[0]["state"] == "confirmed"
    exported = referee("incidents", "export", "--format", "jsonl")
    assert exported.code == 0, exported.err
    assert len(exported.rows) == 1
    assert (tmp_path / "referee.key").exists()


def test_doctor_tells_of_a_server_and_never_its_password(referee: Run, on_a_server: str) -> None:
    ran = referee("doctor", "--json")

    assert ran.code == 0
    found = database(ran)
    assert found["level"] == "ok"
    assert "on 127.0.0.1:" in found["text"]
    for words in ("PostgreSQL 1", "MB", "schema up to date", "0 open", "no bot watches"):
        assert words in found["text"]
    assert secret_of(on_a_server) not in ran.out + ran.err


def test_doctor_tells_that_a_server_is_away_in_one_finding(
    referee: Run, on_a_server: str, postgres: PostgresServer
) -> None:
    postgres.stop()
    try:
        ran = referee("doctor", "--json")
        listed = referee("incidents", "list")
    finally:
        postgres.start()

    assert ran.code == 1
    assert database(ran)["level"] == "problem"
    assert "does not answer" in database(ran)["text"]
    assert listed.code == 2
    assert len(listed.err.splitlines()) == 1
    assert secret_of(on_a_server) not in ran.out + ran.err + listed.err


@pytest.mark.parametrize("url", ["postgresql+asyncpg://me:s3cret@127.0.0.1", "postgresql+psycopg2://me:s3cret@h/db"])
def test_a_url_that_cannot_be_used_is_refused_without_its_password(
    referee: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_DATABASE_URL", url)

    ran = referee("incidents", "list")

    assert ran.code == 2
    assert "postgresql+asyncpg://USER@HOST/NAME" in ran.err
    assert "s3cret" not in ran.err

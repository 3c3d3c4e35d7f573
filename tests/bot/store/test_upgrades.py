"""A filled database of every released schema is brought up to this one: nothing is lost, and nothing half done."""

import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import create_engine

from bot.domain import Action, IncidentQuery, Mode, Outcome, Platform, ReviewState, ReviewVerdict, Surface
from bot.errors import StoreTooNew
from bot.store import open_stores
from bot.store.migrate import known_schemas, newest_schema
from bot.store.transfer import Keys, export_to, import_from

KEY = Fernet(b"0" * 43 + b"=")
AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
MICROS = int(AT.timestamp() * 1e6)
ODD = "\0 \\ud800 \\\\ ☃ '; DROP TABLE incidents; --"
"""A name as the versions before stored it: a NUL, an escaped surrogate, a doubled backslash."""

READ = "\0 \ud800 \\ ☃ '; DROP TABLE incidents; --"
OLD = sorted(known_schemas() - {newest_schema()})
CONTENT = '{"text": "you clown \\\\ ☃", "words": ["clown"], "clip_name": "a.ogg"}'

_INCIDENT = {
    "platform": "discord",
    "community": "arena",
    "channel": ODD,
    "revision": ODD,
    "author": ODD,
    "at": MICROS,
    "created_at": MICROS,
    "action": "delete",
    "would": "timeout",
    "mode": "live",
    "category": "insult",
    "confidence": 0.5,
    "reasons": '["a \\\\"reason\\\\""]',
    "strike": True,
    "duration": 600_000_000,
    "toxic": 0.75,
    "categories": '{"insult": 0.5}',
    "model_version": "m",
    "transcript_doubt": 0.25,
    "outcome": "done",
    "outcome_detail": ODD,
    "state": "confirmed",
    "final_category": "threat",
}


def upgrade_to(path, schema):
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
    engine.dispose()


def add(connection, table, **values):
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))  # noqa: S608


def fill(path, schema, times=3):
    """Put something into every table that the schema has; the highest number is given and gone."""
    with closing(sqlite3.connect(path)) as connection:
        add(connection, "meta", name="content key check", value=KEY.encrypt(b"content key check"))
        more = {}
        if schema >= "0002":
            more |= {"surface": "name", "card": 1}
            add(connection, "cards", id=1, community="arena", author=ODD, last_at=MICROS, channel="c", message="m")
            add(connection, "cards", id=9, community="arena", author=ODD, last_at=MICROS)
            connection.execute("DELETE FROM cards WHERE id = 9")
            add(connection, "communities", id="arena", moderator_roles='["1"]', policy="{}", is_set_up=True)
            add(connection, "changes", community="arena", author=ODD, at=MICROS, what="set up", lines='["a"]')
            add(connection, "seen", community="arena", channel="lobby", message="m1")
            add(connection, "meta", name="note:front", value=b"end")
        if schema >= "0003":
            more["clip_at"] = 42.5
        for n in range(1, times + 1):
            content = KEY.encrypt(CONTENT.encode()) if n > 1 else None
            add(connection, "incidents", id=n, message=f"m{n} {ODD}", content=content, **_INCIDENT, **more)
            note = KEY.encrypt(f"note {n}".encode())
            add(
                connection,
                "reviews",
                incident_id=n,
                verdict="relabel",
                moderator=ODD,
                at=MICROS,
                category="threat",
                note=note,
            )
        add(connection, "incidents", id=500, message="gone", **_INCIDENT, **more)
        connection.execute("DELETE FROM incidents WHERE id = 500")
        connection.commit()


@pytest.fixture
def filled(tmp_path):
    def make(schema, times=3):
        path = tmp_path / f"{schema}.db"
        upgrade_to(path, schema)
        fill(path, schema, times)
        return path

    return make


@pytest.fixture
async def opened():
    stores = []

    async def open_(path):
        stores.append(await open_stores(f"sqlite+aiosqlite:///{path}", keys=_key()))
        return stores[-1]

    yield open_
    for each in stores:
        await each.close()


def _key():
    return "0" * 43 + "="


def schema_of(path):
    with closing(sqlite3.connect(path)) as connection:
        objects = connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY name").fetchall()
        columns = {
            (name, *column[1:])
            for kind, name, _ in objects
            if kind == "table"
            for column in connection.execute(f"PRAGMA table_info({name})")
        }
        indexes = {
            (name, *column)
            for kind, name, _ in objects
            if kind == "index"
            for column in connection.execute(f"PRAGMA index_xinfo({name})")
        }
        # Where a column stands in its table depends on when it was added; what it is does not.
        named = {(name, *column[:1], *column[2:]) for name, *column in indexes}
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'")
        return objects, columns, named, set(rows.fetchall()), "AUTOINCREMENT" in _made(connection, "incidents")


def _made(connection, table):
    return connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]


def require_kept(found, schema):
    incident = found[0]
    assert [each.id for each in found] == [3, 2, 1]
    assert (incident.text, incident.words, incident.clip_name) == ("you clown \\ ☃", ("clown",), "a.ogg")
    assert (found[2].text, found[2].words) == (None, ())
    assert incident.key.message == f"m3 {READ}"
    assert {incident.author, incident.key.channel, incident.key.revision, incident.outcome_detail} == {READ}
    assert (incident.at, incident.created_at, incident.key.platform) == (AT, AT, Platform.DISCORD)
    decision = incident.decision
    assert (decision.action, decision.would, decision.mode) == (Action.DELETE, Action.TIMEOUT, Mode.LIVE)
    assert (decision.reasons, decision.duration, decision.strike) == (('a "reason"',), timedelta(minutes=10), True)
    assert (incident.outcome, incident.state, incident.category) == (Outcome.DONE, ReviewState.CONFIRMED, "threat")
    assert (incident.toxic, dict(incident.categories), incident.transcript_doubt) == (0.75, {"insult": 0.5}, 0.25)
    assert incident.surface is (Surface.NAME if schema >= "0002" else Surface.TEXT)
    assert incident.clip_at == (42.5 if schema >= "0003" else None)


@pytest.mark.parametrize("schema", OLD)
async def test_a_filled_database_of_every_release_loses_nothing(filled, opened, schema):
    stores = await opened(filled(schema))

    require_kept(await stores.incidents.find(IncidentQuery()), schema)
    for number in (1, 2, 3):
        (review,) = await stores.incidents.reviews(number)
        assert (review.verdict, review.moderator, review.category) == (ReviewVerdict.RELABEL, READ, "threat")
        assert (review.note, review.at) == (f"note {number}", AT)
    if schema >= "0002":
        card = await stores.cards.get(1)
        assert (card.author, card.channel, card.message, card.last_at) == (READ, "c", "m", AT)
        assert [each.id for each in await stores.cards.incidents(1)] == [1, 2, 3]
        (community,) = await stores.communities.all()
        assert (community.id, community.moderator_roles, community.is_set_up) == ("arena", frozenset({"1"}), True)
        (change,) = await stores.communities.changes("arena")
        assert (change.author, change.what, change.lines) == (READ, "set up", ("a",))
        assert await stores.communities.seen("arena") == {"lobby": "m1"}
        assert await stores.communities.recall("front") == "end"


@pytest.mark.parametrize("schema", OLD)
async def test_it_is_then_of_the_schema_of_a_new_one(filled, opened, tmp_path, schema):
    path, new = filled(schema), tmp_path / "new.db"
    await opened(path)
    await opened(new)
    assert schema_of(path) == schema_of(new)


@pytest.mark.parametrize("schema", OLD)
async def test_no_number_is_given_again(filled, opened, schema):
    stores = await opened(filled(schema))
    new = (await stores.incidents.find(IncidentQuery(limit=1)))[0]
    with_key = type(new.key)(Platform.LOG, "arena", "lobby", "new")
    kept = (await stores.incidents.record(replace(new, key=with_key))).incident
    assert kept.id == 501
    if schema >= "0002":
        assert (await stores.cards.attach(kept, timedelta(0))).id == 10


@pytest.mark.parametrize("schema", OLD)
async def test_an_export_of_an_older_database_is_taken_in(filled, opened, tmp_path, schema):
    path = filled(schema)
    before = path.read_bytes()
    file, new = tmp_path / "all.jsonl", tmp_path / "new.db"
    await export_to(f"sqlite+aiosqlite:///{path}", file, lambda *_: None)
    assert path.read_bytes() == before
    await import_from(file, f"sqlite+aiosqlite:///{new}", Keys(_key(), Path("none.key")), lambda *_: None)
    require_kept(await (await opened(new)).incidents.find(IncidentQuery()), schema)


MIGRATES_AND_DIES = """
import os, signal, sys
from sqlalchemy import create_engine
from bot.store.migrate import upgrade

engine = create_engine(f"sqlite:///{sys.argv[1]}", connect_args={"isolation_level": None})
with engine.connect() as connection:
    # Pages are written to the file before the end of the transaction, as they are where memory is short.
    connection.exec_driver_sql("PRAGMA cache_size=5")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    upgrade(connection)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("schema", OLD)
async def test_a_migration_that_is_killed_leaves_the_database_as_it_was(filled, opened, child, schema):
    path = filled(schema, times=200)
    before = dump(path)

    status, output = await child(MIGRATES_AND_DIES, str(path))

    assert (status, output) == (-signal.SIGKILL, "")
    assert path.with_name(f"{path.name}-journal").exists()
    assert dump(path) == before
    stores = await opened(path)
    assert len(await stores.incidents.find(IncidentQuery(limit=None))) == 200


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


async def test_a_newer_filled_database_is_refused_and_unchanged(filled, opened):
    path = filled(OLD[-1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=r"9999.*Upgrade Referee"):
        await opened(path)
    assert path.read_bytes() == before

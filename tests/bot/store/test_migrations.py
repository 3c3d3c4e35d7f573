import logging
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from bot.store.schema import metadata


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
# SQLAlchemy leaves the index of an expression out on SQLite; PostgreSQL tells it.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
async def test_the_migrations_make_the_schema_that_the_code_uses(opened, first_url):
    store = await opened(url=first_url)

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        return [found for found in compare_metadata(context, metadata) if not is_of_an_expression(found)]

    async with store._database.reading() as connection:
        assert await connection.run_sync(differences) == []


def is_of_an_expression(difference):
    return difference[0] == "add_index" and difference[1].name == "ix_incidents_category"


def schema_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())


async def test_opening_again_changes_no_table(opened, path):
    await (await opened()).close()
    before = schema_of(path)
    await (await opened()).close()
    assert schema_of(path) == before


async def test_the_partial_index_and_the_numbering_are_as_the_schema_says(store, path):
    migrated = dict(schema_of(path))
    assert migrated["ix_incidents_content"].endswith("WHERE content IS NOT NULL")
    assert "AUTOINCREMENT" in migrated["incidents"]


def taken_back(path, revision):
    """Leave the file as the version before made it; return the columns of its incidents."""
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        columns = {column["name"] for column in inspect(connection).get_columns("incidents")}
    engine.dispose()
    return columns


async def test_a_file_from_before_the_times_in_clips_keeps_its_incidents(opened, path, an_incident):
    store = await opened()
    spoken = an_incident(clip_name="a.ogg", clip_at=42.0)
    kept = (await store.record(spoken)).incident
    await store.close()
    assert "clip_at" not in taken_back(path, "0002")

    store = await opened()

    assert await store.get(kept.id) == replace(kept, clip_at=None)
    later = (await store.record(an_incident("m2", clip_at=42.5))).incident
    assert (await store.get(later.id)).clip_at == 42.5


async def test_the_file_uses_a_write_ahead_log(store, path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_opening_leaves_the_logging_of_the_program_alone(opened):
    mine = logging.getLogger("mine")
    root = logging.getLogger()
    before = (list(root.handlers), root.level, mine.disabled, logging.getLogger("alembic").handlers)
    await opened()
    assert (list(root.handlers), root.level, mine.disabled, logging.getLogger("alembic").handlers) == before

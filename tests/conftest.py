from collections.abc import Iterator

import pytest

from bot.store.database import Database
from bot.store.migrate import upgrade
from bot.store.places import kind_of
from tests.fakes.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started for the first test that asks for it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """Return the name of a database with our tables and nothing in them, to make others from."""
    name = postgres.database()
    postgres.run(_migrate(postgres.url(name)))
    return name


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """Return the URL of a database of this test alone, with our tables."""
    name = postgres.database(migrated)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Return the URL of a database of this test alone, as whoever runs the server makes it."""
    name = postgres.database()
    yield postgres.url(name)
    postgres.drop(name)


async def _migrate(url: str) -> None:
    database = Database(kind_of(url), busy_timeout_s=30)
    async with database.writing() as connection:
        await connection.run_sync(upgrade)
    await database.close()

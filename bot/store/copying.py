"""Every row of one database into an empty one, in one transaction of each and in bounded memory."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import InputError
from bot.store.database import Database
from bot.store.migrate import newest_schema, upgrade
from bot.store.plain import opened_plain, revision_of
from bot.store.raw import Rows, count_rows, go_on_from, last_numbers, read_rows, tables_of, write_rows

Progress = Callable[[int, int], None]
_UNUSED = ("meta",)
"""What a database holds that was opened and never used."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Say what a database or an export holds: rows by table, and the last number that each numbered table gave."""

    schema: str
    rows: Mapping[str, int]
    numbers: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the number of rows of all tables."""
        return sum(self.rows.values())


Pages = AsyncIterator[tuple[str, Rows]]
"""Rows with the name of their table, some at a time."""


async def copy_into(source: Database, url: str, schema: str, progress: Progress) -> Contents:
    """Copy a database of that schema into a new one of the same schema."""
    tables = tables_of(schema)
    async with source.reading() as connection, opened_plain(url, may_create=True) as target:
        contents = await contents_of(connection, schema, tables)
        await fill(target, contents, pages_of(connection, tables), progress, schema=schema)
    return contents


async def contents_of(connection: AsyncConnection, schema: str, tables: Mapping[str, Table]) -> Contents:
    """Return what a database holds."""
    rows = {name: await count_rows(connection, table) for name, table in tables.items()}
    return Contents(schema, rows, await last_numbers(connection, tables))


async def pages_of(connection: AsyncConnection, tables: Mapping[str, Table]) -> Pages:
    """Yield every row of a database."""
    for name, table in tables.items():
        async for rows in read_rows(connection, table):
            yield name, rows


async def fill(
    target: Database, contents: Contents, pages: Pages, progress: Progress, *, schema: str | None = None
) -> None:
    """Write every page into an empty database, all or nothing, and bring it to a schema, the newest by default.

    Raise InputError where the database holds something, or where rows contradict each other.
    """
    async with target.writing() as connection:
        await _make_ready(connection, target, contents.schema)
        tables = tables_of(contents.schema)
        await connection.execute(tables["meta"].delete())
        try:
            await _write(connection, tables, contents, pages, progress)
        except IntegrityError as error:
            raise InputError(
                f"Two rows are the same ({_short(error)}), so nothing was written. Make a new copy."
            ) from error
        await go_on_from(connection, contents.numbers)
        await connection.run_sync(upgrade, schema or newest_schema())


async def _make_ready(connection: AsyncConnection, target: Database, schema: str) -> None:
    """Give the target the tables of that schema; raise InputError where it holds something already."""
    there = await connection.run_sync(revision_of, target)
    if there is None:
        await connection.run_sync(upgrade, schema)
        return
    for name, table in tables_of(there).items():
        if name not in _UNUSED and await count_rows(connection, table):
            raise InputError(f"{target.label} holds {name} already, and two databases are never mixed. Name a new one.")
    if there != schema:
        raise InputError(
            f"{target.label} is empty, but of schema {there}, not {schema}. Name one that is not there yet."
        )


async def _write(
    connection: AsyncConnection, tables: Mapping[str, Table], contents: Contents, pages: Pages, progress: Progress
) -> None:
    done = 0
    async for name, rows in pages:
        await write_rows(connection, tables[name], rows)
        done += len(rows)
        progress(done, contents.total)


def _short(error: IntegrityError) -> str:
    return str(error.orig).splitlines()[0]

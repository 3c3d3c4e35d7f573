"""Rows as they are stored, of any schema that was released: for copies of a whole database.

Nothing is decrypted and nothing decoded, so that a copy needs no key and holds what the original holds.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from bot.store.migrate import upgrade

Rows = Sequence[tuple[Any, ...]]

AT_ONCE = 1000
"""Rows that are in memory at a time."""

_VERSION_TABLE = "alembic_version"
_PLAIN: tuple[type[TypeEngine[Any]], ...] = (Boolean, Float, LargeBinary, Text)


def tables_of(revision: str) -> Mapping[str, Table]:
    """Return the tables of a schema by name, their columns without any processing of values."""
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            upgrade(connection, revision)
            return _reflected(connection)
    finally:
        engine.dispose()


def _reflected(connection: Connection) -> Mapping[str, Table]:
    inspector, plain = inspect(connection), MetaData()
    for name in inspector.get_table_names():
        if name != _VERSION_TABLE:
            keys = inspector.get_pk_constraint(name)["constrained_columns"]
            Table(name, plain, *(_column(found, keys) for found in inspector.get_columns(name)))
    return dict(plain.tables)


def _column(found: Any, keys: Sequence[str]) -> Column[Any]:  # noqa: ANN401
    kind = next((each for each in _PLAIN if isinstance(found["type"], each)), BigInteger)
    # A key that is a number comes from the row itself, never from the database.
    return Column(
        found["name"], kind(), primary_key=found["name"] in keys, nullable=found["nullable"], autoincrement=False
    )


async def count_rows(connection: AsyncConnection, table: Table) -> int:
    """Return how many rows a table has."""
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def read_rows(connection: AsyncConnection, table: Table) -> AsyncIterator[Rows]:
    """Yield the rows of a table in the order of its key, some at a time."""
    ordered = select(table).order_by(*table.primary_key.columns)
    async with connection.stream(ordered, execution_options={"yield_per": AT_ONCE}) as result:
        async for page in result.partitions():
            yield [tuple(map(_without_nul, row)) for row in page]


def _without_nul(value: Any) -> Any:  # noqa: ANN401
    # Older versions stored it as it was, which PostgreSQL refuses; escaped, it reads the same.
    return value.replace("\0", "\\u0000") if isinstance(value, str) and "\0" in value else value


async def write_rows(connection: AsyncConnection, table: Table, rows: Rows) -> None:
    """Insert rows whose values are in the order of the table's columns."""
    names = [column.name for column in table.columns]
    if rows:
        await connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


async def last_numbers(connection: AsyncConnection, tables: Mapping[str, Table]) -> Mapping[str, int]:
    """Return the last number that each numbered table gave, so that no copy gives one again."""
    given = {}
    for name, table in tables.items():
        if is_numbered(table):
            highest = (await connection.execute(select(func.max(table.c.id)))).scalar_one() or 0
            given[name] = max(highest, await _given(connection, name))
    return given


async def go_on_from(connection: AsyncConnection, numbers: Mapping[str, int]) -> None:
    """Let each table give numbers above the one named."""
    for name, number in numbers.items():
        if number > 0:
            await _set_given(connection, name, number)


def is_numbered(table: Table) -> bool:
    """Tell whether the database numbers the rows of a table."""
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and isinstance(keys[0].type, BigInteger)


async def _given(connection: AsyncConnection, table: str) -> int:
    if connection.dialect.name == "sqlite":
        found = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int((await connection.execute(found, {"name": table})).scalar_one_or_none() or 0)
    sequence = (await connection.execute(_SEQUENCE, {"name": table})).scalar_one_or_none()
    if sequence is None:
        return 0
    last, used = (await connection.execute(text(f"SELECT last_value, is_called FROM {sequence}"))).one()  # noqa: S608
    return int(last) if used else int(last) - 1


async def _set_given(connection: AsyncConnection, table: str, number: int) -> None:
    if connection.dialect.name != "sqlite":
        await connection.execute(_SET_SEQUENCE, {"name": table, "number": number})
    elif (await connection.execute(_KEEPS_COUNT, {"name": table})).scalar_one():
        await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        count = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)")
        await connection.execute(count, {"name": table, "number": number})


_SEQUENCE = text("SELECT pg_get_serial_sequence(:name, 'id')")
_SET_SEQUENCE = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :number)")
_KEEPS_COUNT = text("SELECT count(*) FROM sqlite_master WHERE name = :name AND sql LIKE '%AUTOINCREMENT%'")

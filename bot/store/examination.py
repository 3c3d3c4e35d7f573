"""What there is to find in a database that was damaged, half copied, or written by something else.

Only reads: the database is as it was afterwards, whatever is wrong with it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Outcome
from bot.errors import ContentKeyError, StoreDamaged
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.keys import load_keys
from bot.store.migrate import newest_schema
from bot.store.plain import opened_plain, schema_of
from bot.store.raw import last_numbers, read_rows, tables_of
from bot.store.rekey import check_value, require_fit
from bot.store.row_faults import RowFaults
from bot.store.sealed import SEALED, SealedTable

Progress = Callable[[int, int], None]

_SAMPLE = 200
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what was seen of one thing; `advice` says what to do where it is not right."""

    subject: str
    text: str
    advice: str = ""
    right: bool = True


_RESTORE = "put a backup in its place"


async def examine(
    url: str, keys: str | None, key_file: Path, progress: Progress, *, deep: bool = False
) -> AsyncIterator[Seen]:
    """Yield what is seen of a database, `deep` for every row instead of a sample.

    Raise StoreError where it cannot be looked at, InputError where there is none.
    """
    async with opened_plain(url) as database:
        schema = await schema_of(database)
        yield await _soundness(database, deep=deep)
        yield _schema(schema)
        tables = tables_of(schema)
        async with database.reading() as connection:
            yield await _held(connection, tables)
            if "cards" in tables:
                yield await _cards(connection, tables)
            yield await _numbers(connection, tables)
            yield await _rows(connection, tables, progress, deep=deep)
            cipher = await _key(connection, database, keys, key_file)
            if isinstance(cipher, Seen):
                yield cipher
                return
            yield Seen("key", "fits: what is sealed can be read")
            if schema == newest_schema():
                yield await _sealed_or_torn(connection, cipher, progress, deep=deep)


async def _soundness(database: Database, *, deep: bool) -> Seen:
    try:
        said = await _said(database, deep=deep)
    except StoreDamaged as error:
        return Seen("file", str(error), _RESTORE, right=False)
    if said == "ok":
        return Seen("file", f"{database.label} is sound")
    return Seen("file", f"{database.label} is damaged: {said}", _RESTORE, right=False)


async def _said(database: Database, *, deep: bool) -> str:
    if not deep or database.path is None:
        return await database.check()
    async with database.reading() as connection:
        # Unlike the quick one, it also compares every index with its table.
        return "; ".join((await connection.exec_driver_sql("PRAGMA integrity_check")).scalars())


def _schema(schema: str) -> Seen:
    newest = newest_schema()
    later = "" if schema == newest else f"; this version brings it to {newest} when it next opens it"
    return Seen("schema", f"{schema}{later}")


async def _held(connection: AsyncConnection, tables: Mapping[str, Table]) -> Seen:
    of = tables["incidents"]
    total = await _count(connection, select(func.count()).select_from(of))
    waiting = select(func.count()).select_from(of).where(of.c.outcome == Outcome.PENDING.value)
    pending = await _count(connection, waiting)
    left = f"; {pending} actions are not finished, which the bot does when it runs" if pending else ""
    return Seen("incidents", f"{total:,}{left}")


async def _count(connection: AsyncConnection, question: Select[Any]) -> int:
    return int((await connection.execute(question)).scalar_one())


async def _cards(connection: AsyncConnection, tables: Mapping[str, Table]) -> Seen:
    """Return whether each incident's card is there; a card without incidents is what a purge leaves behind."""
    incidents, cards = tables["incidents"], tables["cards"]
    card = select(cards.c.id).where(cards.c.id == incidents.c.card).exists()
    lost = await _count(
        connection, select(func.count()).select_from(incidents).where(incidents.c.card.is_not(None), ~card)
    )
    total = await _count(connection, select(func.count()).select_from(cards))
    if not lost:
        return Seen("cards", f"{total:,}; every incident's card is there")
    return Seen("cards", f"{lost:,} incidents are on a card that is not there", _RESTORE, right=False)


async def _numbers(connection: AsyncConnection, tables: Mapping[str, Table]) -> Seen:
    """Return whether a verdict speaks of an incident that was never there."""
    given = (await last_numbers(connection, tables))["incidents"]
    reviews = tables["reviews"]
    beyond = select(func.count()).select_from(reviews).where(reviews.c.incident_id > given)
    count = await _count(connection, beyond)
    if not count:
        return Seen("numbers", f"the last incident was number {given:,}; every verdict is on one up to there")
    return Seen("numbers", f"{count:,} verdicts are on incidents that were never there", _RESTORE, right=False)


async def _rows(connection: AsyncConnection, tables: Mapping[str, Table], progress: Progress, *, deep: bool) -> Seen:
    looked, faults = 0, []
    for name, table in tables.items():
        check, here = RowFaults(table), 0
        async for rows in read_rows(connection, table):
            faults += [f"{name}: {fault}" for fault in map(check.of, rows) if fault is not None]
            here += len(rows)
            progress(looked + here, 0)
            if not deep and here >= _SAMPLE:
                break
        looked += here
    if faults:
        return Seen(
            "rows", f"{len(faults):,} of {looked:,} looked at make no sense: {_some(faults)}", _RESTORE, right=False
        )
    return Seen("rows", f"{looked:,} looked at make sense{'' if deep else ' (--deep looks at all)'}")


async def _key(
    connection: AsyncConnection, database: Database, keys: str | None, key_file: Path
) -> ContentCipher | Seen:
    check = await check_value(connection)
    if check is None:
        return Seen("key", "the database does not say which key it needs", _RESTORE, right=False)
    try:
        cipher = ContentCipher(load_keys(keys, key_file, may_create=False))
        require_fit(cipher, check, database)
    except ContentKeyError as error:
        return Seen("key", str(error), "without the right key what is sealed is lost", right=False)
    return cipher


async def _sealed_or_torn(
    connection: AsyncConnection, cipher: ContentCipher, progress: Progress, *, deep: bool
) -> Seen:
    try:
        return await _sealed(connection, cipher, progress, deep=deep)
    except (TypeError, ValueError):
        # SQLite keeps whatever it is given in a column, and this is found when a row is taken apart.
        return Seen("sealed", "a column holds what is not of its type", _RESTORE, right=False)


async def _sealed(connection: AsyncConnection, cipher: ContentCipher, progress: Progress, *, deep: bool) -> Seen:
    looked, faults = 0, list[str]()
    for sealed in SEALED:
        async for page in _pages(connection, sealed, deep=deep):
            shut = (row for row in page if not _opens(sealed, row, cipher))
            faults += [f"{sealed.table.name} {row[sealed.key.name]}" for row in shut]
            looked += len(page)
            progress(looked, 0)
    if faults:
        text = f"{len(faults):,} of {looked:,} rows looked at hold something that no key opens: {_some(faults)}"
        return Seen(
            "sealed", text, "add the older key after the first; if that changes nothing, it is damaged", right=False
        )
    return Seen("sealed", f"{looked:,} rows looked at can be opened{'' if deep else ' (--deep opens all)'}")


async def _pages(connection: AsyncConnection, sealed: SealedTable, *, deep: bool) -> AsyncIterator[Sequence[Any]]:
    newest = select(sealed.table).order_by(sealed.key.desc())
    if not deep:
        newest = newest.limit(_SAMPLE)
    async with connection.stream(newest, execution_options={"yield_per": _SAMPLE}) as result:
        async for page in result.mappings().partitions():
            yield page


def _opens(sealed: SealedTable, row: Any, cipher: ContentCipher) -> bool:  # noqa: ANN401
    try:
        sealed.fresh(row, cipher)
    except (ContentKeyError, ValueError):
        return False
    return True


def _some(faults: Sequence[str]) -> str:
    more = f" and {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
    return "; ".join(faults[:_NAMED]) + more

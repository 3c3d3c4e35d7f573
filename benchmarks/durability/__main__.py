"""`python -m benchmarks.durability`: transactions a second that wait for the disk, and that do not."""

import asyncio
import json
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bot.console.failures import FAILED, expected, line_of
from bot.console.render import console
from bot.store import open_stores
from bot.store.database import Database
from bot.store.schema import seen

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_ROW = "x" * 1500
"""About as much as an incident takes with what is encrypted in it."""

_TURNS = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Hold how long transactions of one kind took."""

    transaction: str
    per_second: float
    median_ms: float
    p99_ms: float
    slowest_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold the figures of one run."""

    database: str
    python: str
    transactions: int
    timings: Sequence[Timing]


@app.command()
def durability(
    transactions: Annotated[int, typer.Option(min=100, help="How many transactions of each kind.")] = 2000,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A database to use; rows are added. Unset: a SQLite file.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where that file is made: it is this disk that is measured.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures to a file.")] = None,
) -> None:
    """Measure what it costs to wait until the disk has a transaction, as everything but the marks of reading does."""
    try:
        with tempfile.TemporaryDirectory(dir=folder or Path(), prefix="durability-") as place:
            measured = asyncio.run(
                measure(url or f"sqlite+aiosqlite:///{place}/referee.db", Path(place) / "key", transactions)
            )
    except expected() as error:
        typer.echo(line_of(error), err=True)
        raise typer.Exit(FAILED) from None
    if as_json is not None:
        as_json.write_text(json.dumps(asdict(measured), indent=1) + "\n", encoding="utf-8")
    _print(measured)


async def measure(url: str, key_file: Path, transactions: int) -> Measured:
    """Return how long transactions take on a database; raise StoreError."""
    stores = await open_stores(url, key_file=key_file)
    try:
        what = await stores.describe()
        spans: dict[bool, list[float]] = {True: [], False: []}
        numbers = count()
        # In turns, so that what else the machine does falls on both.
        for turn in range(_TURNS):
            for lasting in (turn % 2 == 0, turn % 2 == 1):
                spans[lasting] += await _run(stores.database, transactions // _TURNS, numbers, lasting=lasting)
    finally:
        await stores.close()
    names = {True: "waits for the disk (incidents, verdicts, cards)", False: "does not wait (marks of reading)"}
    timings = [_timing(names[lasting], sorted(found)) for lasting, found in spans.items()]
    return Measured(what.software, platform.python_version(), transactions, timings)


async def _run(database: Database, transactions: int, numbers: "count[int]", *, lasting: bool) -> list[float]:
    took = []
    for number in (next(numbers) for _ in range(transactions)):
        row = database.insert(seen).values(community="benchmark", channel=f"{time.time_ns()}-{number}", message=_ROW)
        began = time.perf_counter()
        async with database.writing(lasting=lasting) as connection:
            await connection.execute(row)
        took.append(time.perf_counter() - began)
    return took


def _timing(name: str, took: Sequence[float]) -> Timing:
    def ms(share: float) -> float:
        return round(took[min(len(took) - 1, int(len(took) * share))] * 1000, 2)

    return Timing(name, round(len(took) / sum(took), 1), ms(0.5), ms(0.99), ms(1))


def _print(measured: Measured) -> None:
    table = Table("transaction", "a second", "median ms", "99 % ms", "slowest ms", title=measured.database)
    for each in measured.timings:
        figures = (each.per_second, each.median_ms, each.p99_ms, each.slowest_ms)
        table.add_row(each.transaction, *(f"{figure:,.1f}" for figure in figures))
    console().print(table)


if __name__ == "__main__":
    app()

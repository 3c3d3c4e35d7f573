"""`python -m benchmarks.database`: fill a database and measure what is asked of it."""

import asyncio
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.database.filling import Filling, fill
from benchmarks.database.operations import Timing, asked, carried, changed, dropped, opened, timed
from benchmarks.machine import processor
from bot.console.failures import FAILED, expected, line_of
from bot.console.render import console
from bot.errors import InputError
from bot.store import SqlIncidentStore, open_stores
from bot.store.cipher import ContentCipher
from bot.store.keys import load_keys

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_URL = "sqlite+aiosqlite:///{}"


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold the figures of one run; sizes are in bytes, times in seconds unless their name says milliseconds."""

    database: str
    incidents: int
    processor: str
    python: str
    fill_s: float
    size: int
    timings: Sequence[Timing]


@app.command()
def database(
    incidents: Annotated[int, typer.Option(min=3000, help="How many incidents.")] = 1_000_000,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty database to fill. Unset: a SQLite file that is removed afterwards."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where files are made. Unset: the folder of temporary files.")
    ] = None,
    copies: Annotated[bool, typer.Option(help="Whether backup, export and import are measured too.")] = True,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures to a file.")] = None,
) -> None:
    """Fill a database with incidents of many communities, and measure how quick it is then.

    What is filled in is encrypted as the bot does it: content for the last 30 of 90 days, names always.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="referee-database-") as place:
        measured = asyncio.run(_measure(url or _URL.format(Path(place) / "filled.db"), Path(place), incidents, copies))
    _print(measured)
    if as_json is not None:
        as_json.write_text(json.dumps(asdict(measured), indent=1) + "\n", encoding="utf-8")


async def _measure(url: str, place: Path, incidents: int, copies: bool) -> Measured:
    key_file = place / "referee.key"
    stores = await open_stores(url, key_file=key_file)
    try:
        if sum((await stores.incidents.counts()).values()):
            raise InputError("The database is not empty. Name an empty one: what is in it would be changed.")
        started = time.perf_counter()
        await _fill(url, stores.incidents, key_file, incidents)
        took = time.perf_counter() - started
        about = await stores.describe()
        timings = [_told(await timed(*each)) for each in asked(stores)]
        timings += [_told(timing) async for timing in changed(stores)]
    finally:
        await stores.close()
    timings.append(_told(await opened(url, key_file)))
    if copies:
        timings += [_told(timing) async for timing in carried(url, key_file, place)]
    stores = await open_stores(url, key_file=key_file)
    try:
        timings += [_told(timing) async for timing in dropped(stores, 1)]
    finally:
        await stores.close()
    return Measured(about.software, incidents, processor(), platform.python_version(), took, about.size, timings)


def _told(timing: Timing) -> Timing:
    """Tell a figure as soon as there is one: all of them take a while."""
    typer.echo(f"{timing.group}, {timing.name}: {timing.median_ms:,.1f} ms", err=True)
    return timing


async def _fill(url: str, store: SqlIncidentStore, key_file: Path, incidents: int) -> None:
    cipher = ContentCipher(load_keys(None, key_file, may_create=False))
    terminal = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("filling", total=incidents)
        await fill(url, store, cipher, Filling(incidents), lambda done: progress.update(task, completed=done))


def _print(measured: Measured) -> None:
    shown = console()
    each = measured.size / measured.incidents
    shown.print(
        f"{measured.incidents:,} incidents in {measured.database}: {measured.size / 1e6:,.0f} MB, {each:,.0f} bytes "
        f"each with verdicts, cards and indexes; filled in {measured.fill_s:,.0f} s"
    )
    shown.print(f"{measured.processor}, Python {measured.python}")
    table = Table("", "operation", "times", "median ms", "longest ms")
    for timing in measured.timings:
        table.add_row(
            timing.group, timing.name, str(timing.times), f"{timing.median_ms:,.1f}", f"{timing.longest_ms:,.1f}"
        )
    shown.print(table)


def main() -> None:
    """Run the command line; tell an expected error in one line."""
    try:
        app()
    except expected() as error:
        typer.echo(line_of(error), err=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()

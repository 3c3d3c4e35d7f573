"""`referee db`: copies of the database, whether it is sound, and the keys that it is sealed with."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from bot.console import options
from bot.console.findings import Finding, Level
from bot.console.render import clean, console, to_json

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.store.transfer import Keys

app = typer.Typer(
    help="Copy, check and move the database, and change its key.", no_args_is_help=True, rich_markup_mode=None
)

Told = Callable[[int, int], None]

_PROBLEMS = 1
_STYLES = {Level.OK: "green", Level.PROBLEM: "bold red"}
_KEY_REMINDER = "The key is not in it: keep a copy of {key} apart from it, or what is sealed cannot be read."

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")]
_Force = Annotated[bool, typer.Option("--force", help="Replace the file where it is there already.")]


@app.command()
def backup(file: _File, db: options.Database = None, force: _Force = False, as_json: options.AsJson = False) -> None:
    """Copy the whole database into one SQLite file, while the bot runs.

    The copy is of one moment, is looked through, and appears under its name only once it is whole. What was erased or
    purged is not in it. To go back to it: `referee db import FILE --db NEW`, or name it with --db.
    """
    from bot.store.backup import back_up

    settings = options.settings_of(db)
    keys = keys_of(settings)
    with _progress("copying", "bytes") as told:
        made = asyncio.run(back_up(settings.database_url, file, told, force=force, kept=(keys.file,)))
    if as_json:
        row = {"file": str(made.path), "bytes": made.size, "incidents": made.incidents, "schema": made.schema}
        typer.echo(to_json(row))
        return
    size = f"{made.size / 1e6:,.1f} MB"
    typer.echo(f"{clean(str(made.path))}: {made.incidents:,} incidents, {size}, schema {made.schema}; looked through")
    typer.echo(_KEY_REMINDER.format(key=_key_place(settings)))


@app.command()
def check(
    db: options.Database = None,
    deep: Annotated[bool, typer.Option("--deep", help="Look at every row, and open all that is sealed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether the database is sound, complete and fits its key; nothing in it is changed.

    Exits with 0 where it is, with 1 where it is not, with 2 where it cannot be looked at.
    """
    settings = options.settings_of(db)
    with _progress("looking", "rows") as told:
        found = asyncio.run(_examined(settings, told, deep=deep))
    sound = all(finding.level is Level.OK for finding in found)
    if as_json:
        rows = [{"subject": f.subject, "level": f.level.value, "text": f.text, "advice": f.advice} for f in found]
        typer.echo(to_json({"ok": sound, "findings": rows}))
    else:
        _print(found)
    if not sound:
        raise typer.Exit(_PROBLEMS)


@app.command()
def export(file: _File, db: options.Database = None, force: _Force = False, as_json: options.AsJson = False) -> None:
    """Write everything in the database to a file that the other kind of database can take in.

    The file is lines of JSON, packed where its name ends in .gz. What is sealed stays sealed. The bot may run.
    """
    from bot.store.transfer import export_to

    settings = options.settings_of(db)
    with _progress("writing", "rows") as told:
        done = asyncio.run(export_to(settings.database_url, file, told, force=force, kept=(keys_of(settings).file,)))
    if as_json:
        typer.echo(to_json({"file": str(file), "schema": done.schema, "rows": dict(done.rows)}))
        return
    typer.echo(f"{clean(str(file))}: {_rows(done.rows)}; schema {done.schema}")
    typer.echo(_KEY_REMINDER.format(key=_key_place(settings)))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, or a backup.")],
    db: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Write an export or a backup into a database that is empty or not there yet.

    The file is read through before anything is written, and then it is all of it or nothing. The key that it was
    sealed with is needed. A database that holds something is left alone: two are never mixed.
    """
    from bot.store.transfer import import_from

    settings = options.settings_of(db)
    with _progress("reading, then writing", "rows") as told:
        done = asyncio.run(import_from(file, settings.database_url, keys_of(settings), told))
    if as_json:
        typer.echo(to_json({"file": str(file), "schema": done.schema, "rows": dict(done.rows)}))
    else:
        typer.echo(f"imported {_rows(done.rows)}")


@app.command()
def rotate(db: options.Database = None, as_json: options.AsJson = False) -> None:
    """Seal everything anew with the first key, after which older keys can be dropped. The bot may run.

    Before: put a new key (`referee db new-key`) in front of the old one, in REFEREE_CONTENT_KEYS or in the key file,
    and start the bot again with both.
    """
    from bot.assembly import open_all_stores

    settings = options.settings_of_existing(db)

    async def run(told: Told) -> int:
        async with open_all_stores(settings) as stores:
            return await stores.reseal(told)

    with _progress("sealing", "rows") as told:
        changed = asyncio.run(run(told))
    if as_json:
        typer.echo(to_json({"changed": changed}))
        return
    typer.echo(f"{changed:,} rows sealed anew; everything is sealed with the first key now")
    typer.echo(f"Keys after the first can be dropped from {_key_place(settings)}; backups made before need them still.")


@app.command(name="new-key")
def new_key() -> None:
    """Print a new key, for REFEREE_CONTENT_KEYS or the key file: it goes in front of the old one, with a comma."""
    from bot.store.keys import generate_key

    typer.echo(generate_key())


def keys_of(settings: "Settings") -> "Keys":
    """Return where the keys of the settings come from."""
    from bot.store.plain import key_file_of
    from bot.store.transfer import Keys

    given = settings.content_keys.get_secret_value() if settings.content_keys else None
    return Keys(given, key_file_of(settings.database_url, settings.content_key_file))


async def _examined(settings: "Settings", told: Told, *, deep: bool) -> list[Finding]:
    from bot.errors import StoreDamaged, StoreTooNew
    from bot.store.examination import examine

    keys, found = keys_of(settings), []
    try:
        async for seen in examine(settings.database_url, keys.given, keys.file, told, deep=deep):
            level = Level.OK if seen.right else Level.PROBLEM
            found.append(Finding(seen.subject, level, seen.text, seen.advice))
    except StoreTooNew as error:
        found.append(Finding("schema", Level.PROBLEM, str(error)))
    except StoreDamaged as error:
        found.append(Finding("file", Level.PROBLEM, str(error)))
    return found


def _print(found: list[Finding]) -> None:
    shown = console()
    for finding in found:
        line = Text(f"{finding.level:<8}", _STYLES[finding.level]).append(f" {finding.subject:<10}", "bold")
        line.append(f" {clean(finding.text)}", "none")
        if finding.advice:
            line.append(f" -> {clean(finding.advice)}", "cyan")
        shown.print(line, soft_wrap=True)


def _rows(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"


def _key_place(settings: "Settings") -> str:
    return "REFEREE_CONTENT_KEYS" if settings.content_keys else clean(str(keys_of(settings).file))


@contextmanager
def _progress(doing: str, unit: str) -> Iterator[Told]:
    """Hand out what shows progress on a terminal; elsewhere nothing is shown."""
    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True) as progress:
        task = progress.add_task(doing, total=None)

        def told(done: int, total: int) -> None:
            shown = f"{done / 1e6:,.0f} MB" if unit == "bytes" else f"{done:,} {unit}"
            progress.update(task, description=f"{doing}: {shown}", completed=done, total=total or None)

        yield told

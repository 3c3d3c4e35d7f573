"""`referee incidents`: the review queue in a terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.console import options
from bot.console.export import Exported, Format, export
from bot.console.incident_views import incident_lines, incident_row, incident_table, review_row
from bot.console.render import clean, console, to_json
from bot.console.rows import STANDARD
from bot.console.sink import open_sink
from bot.domain import Incident, IncidentQuery, Purged, Review, ReviewState, ReviewVerdict
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.store import SqlIncidentStore

_T = TypeVar("_T")

app = typer.Typer(help="Review what was flagged.", no_args_is_help=True, rich_markup_mode=None)

_State = Annotated[ReviewState | None, typer.Option("--state", help="In this state.")]


@app.command(name="list")
def list_incidents(
    db: options.Database = None,
    category: options.Category = None,
    author: options.Author = None,
    state: _State = None,
    community: options.Community = None,
    since: options.Since = None,
    until: options.Until = None,
    before: Annotated[int | None, typer.Option("--before", metavar="ID", help="Older than this one, to page.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """List incidents, newest first."""
    query = IncidentQuery(category, _name(author), state, _name(community), since, until, before, limit)
    found = _with_store(options.settings_of_existing(db), lambda store: store.find(query))
    if as_json:
        for incident in found:
            typer.echo(to_json(incident_row(incident)))
        return
    shown = console()
    shown.print(incident_table(found, width=shown.width) if found else "no incidents")
    if len(found) == limit:
        shown.print(f"there may be more: --before {found[-1].id} shows older ones")


@app.command()
def show(number: options.Number, db: options.Database = None, as_json: options.AsJson = False) -> None:
    """Show everything about one incident."""

    async def read(store: "SqlIncidentStore") -> tuple[Incident, Sequence[Review]]:
        return await store.get(number), await store.reviews(number)

    incident, reviews = _with_store(options.settings_of_existing(db), read)
    if as_json:
        typer.echo(to_json({**incident_row(incident), "reviews": [review_row(review) for review in reviews]}))
        return
    shown = console()
    for line in incident_lines(incident, reviews, ascii_only=shown.options.ascii_only):
        shown.print(line, soft_wrap=True)


@app.command()
def confirm(
    number: options.Number,
    db: options.Database = None,
    moderator: options.Moderator = None,
    note: options.Note = "",
    as_json: options.AsJson = False,
) -> None:
    """Say that an incident is right."""
    _review(options.settings_of_existing(db), number, ReviewVerdict.CONFIRM, moderator, note, as_json)


@app.command()
def dismiss(
    number: options.Number,
    db: options.Database = None,
    moderator: options.Moderator = None,
    note: options.Note = "",
    as_json: options.AsJson = False,
) -> None:
    """Say that an incident is a false alarm; it no longer counts against the author."""
    _review(options.settings_of_existing(db), number, ReviewVerdict.DISMISS, moderator, note, as_json)


@app.command()
def relabel(
    number: options.Number,
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help="The category that it should have had.")],
    db: options.Database = None,
    moderator: options.Moderator = None,
    note: options.Note = "",
    as_json: options.AsJson = False,
) -> None:
    """Confirm an incident under another category."""
    settings = options.settings_of_existing(db)
    _require_category(settings, category)
    _review(settings, number, ReviewVerdict.RELABEL, moderator, note, as_json, category)


@app.command()
def reopen(
    number: options.Number,
    db: options.Database = None,
    moderator: options.Moderator = None,
    note: options.Note = "",
    as_json: options.AsJson = False,
) -> None:
    """Take a verdict back: the incident is open again, under the policy's category."""
    _review(options.settings_of_existing(db), number, ReviewVerdict.REOPEN, moderator, note, as_json)


@app.command(name="export")
def export_incidents(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where the rows go; - writes to standard output.")
    ] = STANDARD,
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.JSONL,
    db: options.Database = None,
    category: options.Category = None,
    author: options.Author = None,
    state: _State = None,
    community: options.Community = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many, the newest.")] = None,
) -> None:
    """Write incidents as labelled rows, oldest first, to train or to measure with.

    `label` is the moderators' category where there is one, else the policy's, and non_toxic for what was dismissed.
    Only content of the operator's own logs is written; incidents without text or category are left out and counted.
    """
    settings = options.settings_of_existing(db)
    _refuse_database(settings, output)
    query = IncidentQuery(category, _name(author), state, _name(community), since, until, limit=limit)

    async def write(store: "SqlIncidentStore") -> Exported:
        with open_sink(output) as sink:
            return await export(store.stream(query), sink, form)

    done = _with_store(settings, write)
    left = f"; {done.left_out} without text or category left out" if done.left_out else ""
    typer.echo(f"{done.written} rows written{left}", err=True)


@app.command()
def purge(db: options.Database = None, as_json: options.AsJson = False) -> None:
    """Drop what is older than REFEREE_CONTENT_DAYS (texts) and REFEREE_INCIDENT_DAYS (incidents).

    Every start of the pipeline does the same.
    """
    from bot.assembly import SystemClock
    from bot.assembly import purge as drop

    settings = options.settings_of_existing(db)

    async def run(store: "SqlIncidentStore") -> Purged:
        return await drop(store, settings, SystemClock())

    purged = _with_store(settings, run)
    if as_json:
        typer.echo(to_json({"contents": purged.contents, "incidents": purged.incidents}))
    else:
        typer.echo(f"dropped the text of {purged.contents} incidents, and {purged.incidents} whole incidents")


def _with_store(settings: "Settings", work: "Callable[[SqlIncidentStore], Awaitable[_T]]") -> _T:
    from bot.assembly import open_incidents

    async def run() -> _T:
        async with open_incidents(settings) as store:
            return await work(store)

    return asyncio.run(run())


def _review(
    settings: "Settings",
    number: int,
    verdict: ReviewVerdict,
    moderator: str | None,
    note: str,
    as_json: bool,
    category: str | None = None,
) -> None:
    from bot.assembly import SystemClock

    who = options.storable(moderator or options.login_name())
    review = Review(number, verdict, who, SystemClock().now(), category, note)
    incident = _with_store(settings, lambda store: store.review(review))
    if as_json:
        typer.echo(to_json(incident_row(incident)))
    else:
        typer.echo(f"incident {incident.id} is {incident.state}, category {clean(incident.category)}")


def _require_category(settings: "Settings", category: str) -> None:
    """Raise InputError for a category that the model does not have; only its label set is read."""
    from classifier.labels import read_labels
    from classifier.model import SHIPPED

    names = read_labels((settings.model or SHIPPED) / "labels.toml").names
    if category not in names:
        raise InputError(f"there is no category {category!r}; there are {', '.join(names)}")


def _refuse_database(settings: "Settings", output: str) -> None:
    from bot.store import file_of

    path = file_of(settings.database_url)
    if path is not None and output != STANDARD and Path(output).exists() and path.samefile(output):
        raise InputError(f"{output} is the database itself; write to another file")


def _name(value: str | None) -> str | None:
    return None if value is None else options.storable(value)

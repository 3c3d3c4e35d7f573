"""`referee replay`: recorded chat through the whole pipeline."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from bot.clip_time import clip_time
from bot.console import options
from bot.console.chat_log import EPOCH, ChatLog
from bot.console.feed import Pace, Speed
from bot.console.incident_views import incident_row
from bot.console.render import clean, console, joined, plain, to_json
from bot.console.rows import STANDARD
from bot.console.session import AHEAD, AHEAD_LIVE, Session, follow, session_lines, session_row
from bot.console.verdicts import said
from bot.domain import Incident

if TYPE_CHECKING:
    from bot.pipeline import Handled
    from bot.settings import Settings


def replay(
    logs: Annotated[
        list[str], typer.Argument(metavar="LOG...", help="JSONL files, also as .gz; - reads standard input.")
    ],
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help="Keep the incidents here, made when missing.")
    ] = None,
    speed: Annotated[
        Speed, typer.Option("--speed", help="Play at the log's own pace, ten times that, or as fast as it goes.")
    ] = Speed.MAX,
    community: Annotated[
        str | None,
        typer.Option(
            "--community",
            metavar="NAME",
            help="The community that the matches belong to. Left out: each is one of its own, and strikes end with it.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the summary alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, the summary last.")] = False,
) -> None:
    """Judge recorded chat and write incidents.

    Each row has `match`, `t` (seconds), `player`, and `text` or `audio` (a file in the log's folder); other fields are
    ignored. Nothing can be done to a recorded player: actions are worked out and kept as simulated. The same line
    twice, in this run or another, is one incident. `t` 0 counts as 2020-01-01 UTC. At speed 1 and 10 what cannot be
    scored in time is dropped and counted, as it would be live; at max everything is scored.
    """
    _require(logs)
    settings = options.settings_of(db)
    session = asyncio.run(_replay(settings, logs, speed, community and clean(community), quiet=quiet, as_json=as_json))
    _print_summary(session, as_json)
    if session.failure is not None:
        raise session.failure


def _require(logs: Sequence[str]) -> None:
    """Raise OSError for a log that is not there, before anything is done with the others."""
    for name in logs:
        if name != STANDARD and (Path(name).stat() and Path(name).is_dir()):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)


async def _replay(
    settings: "Settings", names: Sequence[str], speed: Speed, community: str | None, *, quiet: bool, as_json: bool
) -> Session:
    from bot.assembly import assemble
    from bot.enforce_log import LogEnforcer, SilentNotifier

    logs = [ChatLog(name, community, clip_bytes=settings.clip_megabytes << 20) for name in names]
    live = speed is not Speed.MAX
    async with assemble(settings, LogEnforcer(), SilentNotifier(), patient=not live) as referee:
        shown = console()
        with _progress(shown, as_json) as advance:

            def show(handled: "Handled") -> None:
                advance()
                if handled.incident is not None and not quiet:
                    _show(shown, handled, handled.incident, as_json=as_json)

            ahead = AHEAD_LIVE if live else AHEAD
            return await follow(referee.pipeline, logs, Pace(speed.factor), show, ahead=ahead)


def _show(shown: Console, handled: "Handled", incident: Incident, *, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json({"kind": "incident", "new": handled.created, **incident_row(incident)}))
    else:
        shown.print(_flagged_line(incident, new=handled.created), soft_wrap=True)


_LONGEST_TEXT = 200


def _flagged_line(incident: Incident, *, new: bool) -> Text:
    seconds = (incident.at - EPOCH).total_seconds()
    number = f"incident {incident.id}" + ("" if new else " (known)")
    words = ", ".join(clean(word) for word in incident.words)
    return joined(
        [
            Text(clock(seconds), "dim"),
            plain(incident.author, "bold", longest=40),
            plain(incident.text or "(no text)", longest=_LONGEST_TEXT),
            Text(f"{incident.decision.category} {incident.decision.confidence:.2f}", "magenta"),
            said(incident.decision),
            Text("" if incident.clip_at is None else f"at {clip_time(incident.clip_at)} of the clip"),
            Text(number, "cyan"),
            Text(f"words: {words}" if words else "", "dim"),
        ]
    )


def clock(seconds: float) -> str:
    """Return seconds of a match as minutes and seconds."""
    sign = "-" if seconds < 0 else ""
    minutes, rest = divmod(int(abs(seconds)), 60)
    return f"{sign}{minutes:02d}:{rest:02d}"


def _print_summary(session: Session, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json({"kind": "summary", **session_row(session)}))
        return
    shown = console()
    for line in session_lines(session):
        shown.print(line)


@contextmanager
def _progress(shown: Console, as_json: bool) -> Iterator[Callable[[], None]]:
    """Hand out what counts lines on a terminal: below what is printed, or on stderr where that goes elsewhere."""
    place = shown if shown.is_terminal and not as_json else console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} lines"), TimeElapsedColumn())
    active: AbstractContextManager[Progress | None] = (
        Progress(*columns, console=place, transient=True) if place.is_terminal else nullcontext()
    )
    with active as progress:
        if progress is None:
            yield lambda: None
        else:
            task = progress.add_task("", total=None)
            yield lambda: progress.advance(task)

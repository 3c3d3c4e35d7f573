"""`referee demo`: a made-up match through the whole real pipeline."""

import asyncio
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.clip_time import clip_time
from bot.console import options
from bot.console.chat_log import EPOCH, ChatLog
from bot.console.feed import Pace, Speed
from bot.console.incident_views import incident_table
from bot.console.render import clean, console, joined, plain
from bot.console.replay import clock
from bot.console.session import Session, follow, session_lines
from bot.console.verdicts import said
from bot.domain import UNCHECKED, Incident, IncidentQuery, ReviewState
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.pipeline import Handled
    from bot.settings import Settings

MATCH = Path(__file__).parent / "match" / "match.jsonl"
"""The match that comes with the package; its README says who made it."""

DATABASE = Path("referee-demo.db")
_WATCHABLE = 13.0
"""At so many times its own pace, a match of ten minutes takes 45 seconds."""


def demo(
    speed: Annotated[
        Speed | None,
        typer.Option(
            "--speed", help="Own pace, ten times that, or at once. Left out: 45 s on a terminal, else at once."
        ),
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help=f"A new database to use instead of {DATABASE}.")
    ] = None,
) -> None:
    """Watch Referee judge a made-up match: no account, no configuration, no network.

    Every line goes the whole real way: speech to text, score, policy, incident, action (simulated). The incidents are
    kept in referee-demo.db in this folder, made anew each time.
    """
    from bot.assembly import with_database

    shown = console()
    path = _make_way(db)
    # The key is the demo's own and goes with its database, whatever else lies in the folder.
    settings = options.settings_of()
    if settings.content_key_file is None:
        settings = settings.model_copy(update={"content_key_file": path.with_suffix(".key")})
    factor = speed.factor if speed else _WATCHABLE if sys.stdout.isatty() else None
    session, queue = asyncio.run(_play(with_database(settings, path), factor, shown))
    if session.failure is not None:
        raise session.failure
    _print_end(shown, session, queue, path)


def _make_way(db: Path | None) -> Path:
    """Remove what the last demo left; refuse to touch a file that was named."""
    if db is not None:
        if db.exists():
            raise InputError(f"{db} is there already, and the demo would begin it anew; name a new file")
        return db
    for name in (DATABASE.name, f"{DATABASE}-wal", f"{DATABASE}-shm", DATABASE.with_suffix(".key").name):
        Path(name).unlink(missing_ok=True)
    return DATABASE


async def _play(settings: "Settings", factor: float | None, shown: Console) -> tuple[Session, Sequence[Incident]]:
    from bot.assembly import assemble
    from bot.enforce_log import LogEnforcer, SilentNotifier

    shown.print(
        "A made-up match: eight players, one spammer, three voice clips. Nothing here was really said.", style="dim"
    )
    log = ChatLog(str(MATCH), "demo", clip_bytes=settings.clip_megabytes << 20)
    async with assemble(settings, LogEnforcer(), SilentNotifier(), patient=True) as referee:
        session = await follow(referee.pipeline, [log], Pace(factor), lambda handled: _show(shown, handled))
        return session, await referee.store.find(IncidentQuery(state=ReviewState.OPEN))


def _show(shown: Console, handled: "Handled") -> None:
    excerpt = handled.excerpt
    seconds = (excerpt.at - EPOCH).total_seconds()
    author = Text(f"{clean(excerpt.author):<10}", "bold")
    line = joined([Text(clock(seconds), "dim"), author, _words_of(handled), _probability(handled)])
    shown.print(line, soft_wrap=True)
    if handled.incident is not None:
        shown.print(
            Text(" " * 7 + ("-> " if shown.options.ascii_only else "↳ ")).append(_incident_of(handled)), soft_wrap=True
        )


def _words_of(handled: "Handled") -> Text:
    if handled.transcript is not None:
        heard = plain(f"[voice] {handled.transcript.text}", "italic")
        return heard.append(f" (doubt {handled.transcript.doubt:.2f})", "dim")
    return plain(handled.excerpt.text) if handled.excerpt.clip is None else Text("[voice] not checked", "italic")


def _probability(handled: "Handled") -> Text:
    toxic = getattr(handled.verdict, "toxic", None)
    return Text("" if toxic is None else f"P(toxic) {toxic:.2f}", "red" if toxic and toxic >= 0.5 else "dim")


def _incident_of(handled: "Handled") -> Text:
    incident = handled.incident
    if incident is None:
        return Text()
    decision = incident.decision
    if decision.category == UNCHECKED:
        return Text(f"incident {incident.id}: ", "cyan").append(plain("; ".join(decision.reasons)))
    words = ", ".join(clean(word) for word in incident.words)
    return joined(
        [
            Text(f"incident {incident.id}", "cyan"),
            Text(f"{decision.category} {decision.confidence:.2f}", "magenta"),
            said(decision).append(" (simulated)" if decision.action.punishes else "", "dim"),
            Text("" if incident.clip_at is None else f"at {clip_time(incident.clip_at)} of the clip"),
            Text(f"words: {words}" if words else "", "dim"),
        ]
    )


def _print_end(shown: Console, session: Session, queue: Sequence[Incident], path: Path) -> None:
    shown.print()
    shown.print(incident_table(queue, width=shown.width, title="The review queue: a moderator has the last word"))
    for line in session_lines(session):
        shown.print(line)
    shown.print()
    shown.print("What to try next:", style="bold")
    for command in _next_commands(queue, shlex.quote(str(path))):
        shown.print(f"  {_program()} {command}", soft_wrap=True)


def _next_commands(queue: Sequence[Incident], path: str) -> list[str]:
    commands = [f"incidents list --db {path}"]
    if queue:
        number = queue[0].id
        commands += [f"incidents {verb} {number} --db {path}" for verb in ("show", "confirm", "reopen")]
    clip = MATCH.with_name("clip2.ogg")
    here = clip.relative_to(Path.cwd()) if clip.is_relative_to(Path.cwd()) else clip
    return [*commands, 'check "gg ez, uninstall"', f"check --audio {shlex.quote(str(here))}", "doctor"]


def _program() -> str:
    """Return what to type to run this program again."""
    if shutil.which("referee"):
        return "referee"
    called = Path(sys.argv[0])
    return f"{shlex.quote(sys.executable)} -m bot" if called.name == "__main__.py" else shlex.quote(str(called))

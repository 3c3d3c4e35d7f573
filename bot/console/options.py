"""Options that several commands share, and how they are read."""

import getpass
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.console.failures import log_to_stderr
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.settings import Settings

_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(value: str) -> datetime:
    """Return the moment of an ISO date or time (UTC unless it says), or of an age such as 7d."""
    ago = _AGO.fullmatch(value)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
        parsed = datetime.fromisoformat(value)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{value!r} is no moment; write 2026-05-01, 2026-05-01T18:00 or an age as in 7d, 12h"
        ) from error


def storable(value: str) -> str:
    """Return a name without what a database cannot store."""
    return value.encode("utf-8", "replace").decode()


def login_name() -> str:
    """Return who is at the terminal; raise InputError where the system does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise InputError("nobody knows who you are; name yourself with --moderator") from error


def settings_of(db: Path | None = None) -> "Settings":
    """Return the settings, with the database that the command names, and log as they say; raise SettingsError."""
    from bot.assembly import with_database
    from bot.settings import read_settings

    settings = read_settings()
    log_to_stderr(settings)
    return with_database(settings, db)


def settings_of_existing(db: Path | None) -> "Settings":
    """Return the settings as `settings_of`; raise InputError where they name a file that is not there yet."""
    from bot.store import file_of

    settings = settings_of(db)
    path = file_of(settings.database_url)
    if path is not None and not path.exists():
        raise InputError(
            f"there is no database {path}; make one with `referee demo` or `referee replay`, or name another with --db"
        )
    return settings


Database = Annotated[
    Path | None, typer.Option("--db", metavar="FILE", help="The database; REFEREE_DATABASE_URL when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Category = Annotated[str | None, typer.Option("--category", metavar="NAME", help="Of this category.")]
Author = Annotated[str | None, typer.Option("--author", metavar="NAME", help="Of this author.")]
Community = Annotated[str | None, typer.Option("--community", metavar="NAME", help="Of this community.")]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", parser=moment, metavar="WHEN", help="Said from then on: a date, or an age as in 7d. Replays: 2020."
    ),
]
Until = Annotated[datetime | None, typer.Option("--until", parser=moment, metavar="WHEN", help="Said before then.")]
Moderator = Annotated[
    str | None, typer.Option("--moderator", metavar="NAME", help="Who says so; your login name when left out.")
]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the other moderators.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The number of the incident.")]

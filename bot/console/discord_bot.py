"""`referee run` and `referee invite`: the Discord bot."""

import asyncio
import signal
from types import FrameType
from typing import Annotated

import typer

from bot import __version__
from bot.console import options


def run(db: options.Database = None) -> None:
    """Watch the Discord servers that the bot was invited to, until Ctrl-C.

    Needs REFEREE_DISCORD_TOKEN. docs/discord.md leads through the portal, the invitation and the first set-up.
    """
    # Until the event loop takes it over: what is imported takes a second and more, and nothing has begun.
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        from bot.app.run import run as run_bot

        settings = options.settings_of(db)
        asyncio.run(run_bot(settings, _say))
    finally:
        signal.signal(signal.SIGTERM, before)


def invite(
    application: Annotated[
        str | None, typer.Option("--application", metavar="ID", help="The application's id; else the token tells it.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print the link that invites the bot, with the permissions it needs and why."""
    from bot.app.invite import application_id, invite_link, wanted
    from bot.console.render import to_json

    settings = options.settings_of()
    link = invite_link(application_id(settings, application), settings)
    if as_json:
        typer.echo(to_json({"link": link, "permissions": wanted(settings)}))
        return
    typer.echo(link)
    typer.echo("\nIt asks for:", err=True)
    for name, why in wanted(settings).items():
        typer.echo(f"  {name}: {why}", err=True)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise typer.Exit


def _say(text: str) -> None:
    typer.echo(f"referee {__version__}: {text}")

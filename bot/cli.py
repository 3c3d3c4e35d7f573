"""The command line `referee`."""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from bot import __version__
from bot.console import check, db, demo, discord_bot, doctor, incidents, model, replay, score
from bot.console.failures import FAILED, expected, line_of

app = typer.Typer(
    name="referee",
    help="Moderation for game communities, on your own machine: text and voice to incidents that a human reviews.",
    epilog="Start with `referee demo`: no account, no configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(name="demo")(demo.demo)
app.command(name="run")(discord_bot.run)
app.command(name="invite")(discord_bot.invite)
app.command(name="check")(check.check)
app.command(name="score")(score.score)
app.command(name="replay")(replay.replay)
app.add_typer(incidents.app, name="incidents")
app.add_typer(model.app, name="model")
app.add_typer(db.app, name="db")
app.command(name="doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"referee {__version__}")
        raise typer.Exit


@app.callback()
def referee(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Watch, judge and review what a game community says."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 problems found, 2 could not, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    output = sys.stdout
    try:
        try:
            app()
        finally:
            output.flush()
    except SystemExit:
        raise
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except expected() as error:
        _drop_output()
        typer.echo(line_of(error), err=True)
        sys.exit(FAILED)


def _drop_output() -> None:
    """Send what is still buffered nowhere, or Python would fail on it once more at exit."""
    if sys.stdout is not sys.__stdout__ or sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

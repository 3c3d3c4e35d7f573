"""`referee model`: from labelled lines to a classifier that can be trusted; one file a command."""

import typer

from bot.console.model import evaluate, info, train

app = typer.Typer(no_args_is_help=True, help="Train, evaluate and describe classifiers.")
app.command(name="train")(train.train)
app.command(name="evaluate")(evaluate.evaluate)
app.command(name="info")(info.info)

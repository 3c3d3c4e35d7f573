"""`referee model`: from labelled lines to a classifier that can be trusted; one file a command."""

import typer

from bot.console.model import calibrate, compare, data, evaluate, export, info, train

app = typer.Typer(no_args_is_help=True, help="Train, evaluate and describe classifiers.")
app.command(name="data")(data.data)
app.command(name="train")(train.train)
app.command(name="compare")(compare.compare)
app.command(name="evaluate")(evaluate.evaluate)
app.command(name="calibrate")(calibrate.calibrate)
app.command(name="export")(export.export)
app.command(name="info")(info.info)

"""`referee model info`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bot.console import options
from bot.console.model.shapes import AsJson
from bot.console.render import console
from classifier.manifest import Manifest, read_manifest, verify_files
from classifier.model import SHIPPED


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="The model's folder. Left out: that of the settings, or the shipped one.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a model: version, categories, files (checked), thresholds, how it was made."""
    model = model or options.settings_of().model or SHIPPED
    manifest = read_manifest(model)
    verify_files(model, manifest, training=True)
    if as_json:
        typer.echo(manifest.to_json(), nl=False)
        return
    shown = console()
    shown.print(f"{manifest.name}-{manifest.version}  {manifest.stages}, {manifest.window} tokens a window")
    table = Table("file", "bytes", "sha256", "for")
    for name, record in sorted(manifest.files.items()):
        table.add_row(name, f"{record.bytes:,}", record.sha256[:16], "training" if record.for_training else "serving")
    shown.print(table)
    shown.print(_thresholds(manifest))
    shown.print(f"made by: {manifest.training.get('command', 'unknown')}")


def _thresholds(manifest: Manifest) -> Table:
    rates = sorted({rate for curve in manifest.curves.values() for rate, _ in curve.points}, reverse=True)
    title = "thresholds: flag from there, and at most one clean message in so many is flagged"
    table = Table("category", title=title, title_justify="left")
    for rate in rates:
        table.add_column(f"{round(1 / rate):,}", justify="right")
    for name, curve in manifest.curves.items():
        known = dict(curve.points)
        table.add_row(name, *(f"{known[rate]:.2f}" if rate in known else "-" for rate in rates))
    return table

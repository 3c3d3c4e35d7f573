"""`referee model export`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.console.model.shapes import require_training
from bot.console.render import console
from classifier.model import SHIPPED

_SHIPPED = "shipped"


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model's folder, or the word shipped.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.", show_default=False)],
) -> None:
    """Write a model anew from its weights, as this version of Referee serves it.

    A model that an older version made runs as before, but gains nothing from what has become quicker since. Weights,
    categories, calibration and thresholds stay as they are; calibrate it again where you have labelled messages.
    """
    require_training()
    from classifier.training.reexport import export_again

    folder = SHIPPED if model == _SHIPPED else Path(model)
    with console(stderr=True).status("exporting"):
        done = export_again(folder, out, command=shlex.join(["referee", *sys.argv[1:]]))
    version = f"{done.manifest.name}-{done.manifest.version}"
    shown = console()
    shown.print(
        f"{version}, exported from {done.before}, is in {out}. Use it with REFEREE_MODEL={out}.",
        soft_wrap=True,
        markup=False,
    )
    shown.print("Its thresholds are those from before; `referee model calibrate` measures them again.", soft_wrap=True)

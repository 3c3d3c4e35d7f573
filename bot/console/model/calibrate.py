"""`referee model calibrate`."""

import json
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.console.model.choices import Clean, LabelColumn, MapFile, TextColumn
from bot.console.model.shapes import AsJson, Data, cell, progress_bar, require_training, show, table
from bot.console.render import console
from classifier.model import SHIPPED

if TYPE_CHECKING:
    from classifier.manifest import Manifest
    from classifier.training.calibration.recalibrate import Recalibrated
    from classifier.training.data.mapping import LabelMap
    from classifier.training.data.rows import Row

_SHIPPED = "shipped"
_BUDGET = re.compile(r"1 in ([1-9]\d{0,2}(?:,\d{3})+|\d{1,9})")


def budget_of(value: str) -> float:
    """Return the share that a budget such as "1 in 1000" names."""
    match = _BUDGET.fullmatch(value.strip())
    messages = int(match.group(1).replace(",", "")) if match else 0
    if messages < 2:
        raise typer.BadParameter(f'{value!r} is no budget; write one such as "1 in 1000"')
    return 1 / messages


def calibrate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model's folder, or the word shipped.", show_default=False)
    ],
    data: Data,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder to make: the model, calibrated.", show_default=False)
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Replace the manifest of MODEL; the old one becomes manifest.json.bak.")
    ] = False,
    map_file: MapFile = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    clean: Clean = None,
    budget: Annotated[
        float | None,
        typer.Option(
            parser=budget_of,
            metavar="BUDGET",
            help='Clean messages that may be flagged, as in "1 in 1000": measure and show the thresholds for that.',
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="How sure a threshold is to keep its budget on messages to come.")
    ] = 0.95,
    as_measured: Annotated[
        bool,
        typer.Option(
            "--as-measured", help="Take the shares of these very rows; messages to come are flagged more often as not."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a model's probabilities and thresholds fit labelled messages, without training it again.

    Fits the probabilities to how often the rows are toxic, and measures from which probability at most one clean
    message in so many is flagged; a policy can then ask for "1 in 1000". Give rows that the model was not trained on,
    mixed as they come in chat. Rows of the split `tune` are used; where there are none, those without a split.
    """
    if (out is None) != in_place:
        raise typer.BadParameter("say where the calibrated model goes: either --out FOLDER or --in-place")
    require_training()
    from classifier.training.calibration.recalibrate import recalibrate
    from classifier.training.calibration.rewrite import require_own, require_room, write_copy, write_in_place
    from classifier.training.data.mapping import with_options

    folder = SHIPPED if model == _SHIPPED else Path(model)
    meaning = with_options(_label_map(folder, map_file), clean=clean or (), text=text, label=label)
    if out is None:
        require_own(folder)
    else:
        require_room(out)
    with progress_bar(console(stderr=True)) as bar:
        task = bar.add_task("scoring", total=None)
        found = recalibrate(
            folder,
            _rows(data, meaning),
            budget=budget,
            confidence=None if as_measured else confidence,
            command=shlex.join(["referee", *sys.argv[1:]]),
            progress=lambda done, rows: bar.update(task, completed=done, total=rows),
        )
    if out is None:
        write_in_place(folder, found)
    else:
        write_copy(folder, out, found)
    if as_json:
        typer.echo(json.dumps(_as_json(found, out or folder, budget)))
    else:
        _print(console(), found, out or folder, budget)


def _label_map(folder: Path, given: Path | None) -> "LabelMap":
    """Return what columns and labels mean: by the file given, or else as when the model was trained."""
    from classifier.training.data.mapping import AS_THEY_ARE, read_label_map
    from classifier.training.recipe import RUN, read_recipe

    if given is not None:
        return read_label_map(given)
    own = folder / RUN
    return read_recipe(own).mapping if own.is_file() else AS_THEY_ARE


def _rows(data: list[Path], meaning: "LabelMap") -> "list[Row]":
    from classifier.training.data.corpus import data_files
    from classifier.training.data.rows import read_rows

    return [row for path in data_files(data) for row in read_rows(path, meaning)]


def _as_json(found: "Recalibrated", folder: Path, budget: float | None) -> dict[str, object]:
    manifest = found.manifest
    plain: dict[str, object] = {
        "model": str(folder),
        "version": f"{manifest.name}-{manifest.version}",
        "before": asdict(found.before),
        "after": asdict(found.after),
        "calibration": asdict(manifest.calibration),
        "curves": {name: [list(point) for point in curve.points] for name, curve in manifest.curves.items()},
        "notes": list(found.notes),
        **manifest.training["recalibrated"][-1],
    }
    if budget is not None:
        plain["budget"] = budget
        plain["thresholds"] = {name: curve.threshold(budget) for name, curve in manifest.curves.items()}
    return plain


def _print(shown: Console, found: "Recalibrated", folder: Path, budget: float | None) -> None:
    account = found.manifest.training["recalibrated"][-1]
    rows = f"{account['clean']:,} clean and {account['toxic']:,} toxic rows"
    show(shown, f"{rows}; after: of each half, by a calibration fitted to the other", _qualities(found))
    if found.manifest.curves:
        sure = f"with {confidence:.0%} confidence" if (confidence := account["confidence"]) else "of these rows"
        title = f"thresholds: flag from there, and at most 1 clean message in so many is flagged, {sure}"
        show(shown, title, _thresholds(found.manifest, budget))
    else:
        shown.print("No thresholds: there are too few clean rows to measure any. Policies must write probabilities.")
    for note in found.notes:
        shown.print(f"Note: {note}.", soft_wrap=True, markup=False)
    version = f"{found.manifest.name}-{found.manifest.version}"
    shown.print(f"{version} is in {folder}. Use it with REFEREE_MODEL={folder}.", soft_wrap=True, markup=False)


def _qualities(found: "Recalibrated") -> Table:
    made = table("lower is better", ("before", "after"))
    names = {
        "calibration_error": "calibration error",
        "log_loss": "log loss of toxic or not",
        "category_log_loss": "log loss of the category",
    }
    before, after = asdict(found.before), asdict(found.after)
    for name, told in names.items():
        made.add_row(told, cell(before[name]), cell(after[name]))
    return made


def _thresholds(manifest: "Manifest", budget: float | None) -> Table:
    """Return the thresholds of each category: for the budget that was asked for, or else for each that was measured."""
    rates = {rate for curve in manifest.curves.values() for rate, _ in curve.points} if budget is None else {budget}
    falling = sorted(rates, reverse=True)
    made = table("category", (f"{round(1 / rate):,}" for rate in falling))
    for name, curve in manifest.curves.items():
        known = dict(curve.points)
        made.add_row(name, *(cell(known.get(rate)) for rate in falling))
    return made

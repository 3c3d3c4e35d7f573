"""`referee model evaluate`."""

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.console.model.choices import Clean, GroupColumn, LabelColumn, MapFile, TextColumn, mapped
from bot.console.model.evaluation import print_evaluation
from bot.console.model.shapes import AsJson, progress_bar, require_training
from bot.console.render import console
from classifier.model import SHIPPED

if TYPE_CHECKING:
    from classifier.training.recipe import Recipe

_SHIPPED = "shipped"


class Rows(StrEnum):
    """Which rows of the data are measured."""

    TUNE = "tune"
    TEST = "test"
    ALL = "all"


def threshold_of(value: str) -> float:
    """Return a probability above 0 and at most 1."""
    try:
        threshold = float(value)
    except ValueError:
        threshold = math.nan
    if not 0 < threshold <= 1:
        raise typer.BadParameter(f"{value!r} is no threshold; write a probability such as 0.7")
    return threshold


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model's folder, or the word shipped.", show_default=False)
    ],
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DATA",
            help="CSV, JSONL (also .gz) files, or folders of them. Left out: only the built-in sentences.",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        Rows | None,
        typer.Option(
            help="The rows to measure on. Default: test where the data has any, else tune.", show_default=False
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Measure on every row, as --part all.")] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="The recipe that splits the data. Default: the model's own run.toml, or that of the shipped model.",
            show_default=False,
        ),
    ] = None,
    map_file: MapFile = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    group: GroupColumn = None,
    clean: Clean = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=threshold_of,
            metavar="P",
            help="P(toxic) from which a message counts as flagged. Default: the model's, for 1 clean message in 100.",
            show_default=False,
        ),
    ] = None,
    probes: Annotated[
        bool, typer.Option("--probes/--no-probes", help="Measure on the built-in sentences too, about 3,200 of them.")
    ] = True,
    fp32: Annotated[
        bool, typer.Option("--fp32", help="Measure the model without int8 as well, and tell what differs.")
    ] = False,
    worst: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Show the N built-in sentences of each kind judged worst.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled rows that it was not trained on, and on sentences that come with Referee.

    On rows: metrics per source, category and class, and for slices: length, disguise, words for groups of people. On
    the built-in sentences: toxic lines plain and disguised in 22 ways beside innocent near misses disguised alike
    (with data, up to 100 toxic lines are its own), clean game talk that sounds violent, and innocent sentences that
    name a group. A few hundred sentences a second are scored on each processor. Nothing of your data is printed.
    """
    require_training()
    from classifier.training.evaluation.assess import Question, assess
    from classifier.training.evaluation.selection import Part

    if whole and part not in (None, Rows.ALL):
        raise typer.BadParameter(f"--whole measures on every row, --part {part} does not; give one of them")
    folder = SHIPPED if model == _SHIPPED else Path(model)
    chosen = Rows.ALL if whole else part
    columns = {"text": text, "label": label, "group": group}
    question = Question(
        paths=tuple(data or ()),
        recipe=mapped(_recipe(folder, recipe), map_file, columns, clean or []),
        part=None if chosen is None else Part(chosen.value),
        threshold=threshold,
        probes=probes,
        full_precision=fp32,
        worst=worst,
    )
    with progress_bar(console(stderr=True)) as bar:
        task = bar.add_task("scoring", total=None)
        figures = assess(folder, question, progress=lambda done, texts: bar.update(task, completed=done, total=texts))
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        print_evaluation(console(), figures)


def _recipe(folder: Path, given: Path | None) -> "Recipe":
    from classifier.training.recipe import RUN, SHIPPED, read_recipe

    own = folder / RUN
    return read_recipe(given or (own if own.is_file() else SHIPPED))

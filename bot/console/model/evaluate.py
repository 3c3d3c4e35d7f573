"""`referee model evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bot.console.model.shapes import AsJson, Data, print_report, progress_bar, require_training
from bot.console.render import console
from classifier.model import SHIPPED


def evaluate(
    data: Data,
    model: Annotated[Path, typer.Option("--model", "-m", help="The model's folder.")] = SHIPPED,
    recipe: Annotated[
        Path | None, typer.Option(help="The recipe whose tune parts are used.", show_default=False)
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Use every row, not only the tune parts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled rows that it was not trained on, per source and per category.

    Rows of the split `tune` are used, and for sources without one the part that the recipe cuts; texts that also
    occur in a train part are left out.
    """
    require_training()
    from classifier.training.assess import assess
    from classifier.training.recipe import SHIPPED as SHIPPED_RECIPE
    from classifier.training.recipe import read_recipe

    with progress_bar(console(stderr=True)) as bar:
        task = bar.add_task("scoring", total=None)
        figures = assess(
            model,
            data,
            read_recipe(recipe or SHIPPED_RECIPE),
            whole=whole,
            progress=lambda done, rows: bar.update(task, completed=done, total=rows),
        )
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        print_report(console(), figures)

"""`referee model compare`."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bot.console.model.choices import (
    Clean,
    Data,
    Extra,
    ExtraRows,
    GroupColumn,
    LabelColumn,
    Labels,
    MapFile,
    RecipeFile,
    TestShare,
    TextColumn,
    TuneShare,
    chosen_recipe,
)
from bot.console.model.shapes import AsJson, progress_bar, require_training
from bot.console.render import clean as safe
from bot.console.render import console
from classifier.errors import DataError

if TYPE_CHECKING:
    from classifier.training.compare import Setting
    from classifier.training.comparison.outcome import Comparison
    from classifier.training.comparison.scores import OutcomeScores
    from classifier.training.recipe import Recipe

_NOT_SHOWN = {"show_default": False}


def compare(
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for models, table and page.")] = Path("compare"),
    recipe: RecipeFile = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="A TOML file of [[setting]] tables: a name, and what differs from the recipe.", **_NOT_SHOWN),
    ] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option(
            help="Train with these stages; give it once for each.", metavar="one|two|hierarchical", **_NOT_SHOWN
        ),
    ] = None,
    base: Annotated[
        list[str] | None, typer.Option(help="Start from these; give it once for each.", **_NOT_SHOWN)
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="A model folder to compare as it is; once for each.", **_NOT_SHOWN)
    ] = None,
    labels: Labels = None,
    map_file: MapFile = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    group: GroupColumn = None,
    clean: Clean = None,
    extra: Extra = None,
    extra_rows: ExtraRows = None,
    test_share: TestShare = None,
    tune_share: TuneShare = None,
    epochs: Annotated[float | None, typer.Option(min=0.01, help="Times through the rows.", **_NOT_SHOWN)] = None,
    curve: Annotated[str, typer.Option(help="Settings that get a learning curve.", metavar="none|first|all")] = "first",
    title: Annotated[str, typer.Option(help="The title of the page.")] = "Settings compared",
    as_json: AsJson = False,
) -> None:
    """Train or load several settings on the same splits; print one table and write a page.

    Without --settings, --stages, --base or --model the three stage settings are compared. Models stay in OUT/models: a
    comparison that was cut off goes on where it was, and a further setting can be added later.
    """
    require_training()
    if curve not in ("none", "first", "all"):
        raise DataError(f"--curve {curve!r} is none of none, first, all")
    from classifier.training.compare import Plan
    from classifier.training.compare import compare as run
    from classifier.training.comparison.page import write_page
    from classifier.training.comparison.scores import score_outcomes
    from classifier.training.comparison.table import markdown_table
    from classifier.training.data.corpus import data_files, gather
    from classifier.training.quiet import quiet_libraries

    chosen = chosen_recipe(
        recipe,
        data or [],
        extra or [],
        extra_rows,
        map_file,
        {"text": text, "label": label, "group": group},
        clean or [],
        test_share=test_share,
        tune_share=tune_share,
        epochs=epochs,
    )
    listed = _settings(chosen, settings, stages or [], base or [], model or [])
    plan = Plan(
        settings=listed,
        out=out,
        labels=labels,
        curve=_curves(curve, listed),
        command=shlex.join(["referee", "model", "compare", *sys.argv[3:]]),
        title=title,
    )
    progress = console(stderr=True)
    with quiet_libraries(), progress_bar(progress) as bar:
        task = bar.add_task("training", total=None)
        made = run(
            gather(data_files([Path(name) for name in chosen.data]), chosen),
            plan,
            progress=lambda done, steps, figures: bar.update(task, completed=done, total=steps),
            say=lambda line: progress.print(line),
        )
    scores = score_outcomes(made)
    out.mkdir(parents=True, exist_ok=True)
    write_page(out / "index.html", made, scores)
    (out / "table.md").write_text(markdown_table(made, scores), encoding="utf-8")
    _print(made, scores, out, as_json=as_json)


def _settings(
    recipe: "Recipe", file: Path | None, stages: list[str], bases: list[str], models: list[Path]
) -> tuple["Setting", ...]:
    """Return the settings of a file, those of each base with each stage setting, and the models."""
    from classifier.training.compare import Setting, read_settings
    from classifier.training.recipe import changed

    made = list(read_settings(file, recipe)) if file else []
    if stages or bases or not (file or models):
        kinds = stages or ["two", "one", "hierarchical"]
        made += [
            Setting(
                f"{base or 'shipped'}, {kind}", changed(recipe, base="" if base == "shipped" else base, stages=kind)
            )
            for base in (bases or [recipe.base])
            for kind in kinds
        ]
    return (*made, *(Setting(f"{path.name} as it is", recipe, path) for path in models))


def _curves(wanted: str, settings: tuple["Setting", ...]) -> tuple[str, ...]:
    trained = [setting.name for setting in settings if setting.model is None]
    return {"none": (), "first": tuple(trained[:1]), "all": tuple(trained)}[wanted]


def _print(made: "Comparison", scores: "tuple[OutcomeScores, ...]", out: Path, *, as_json: bool) -> None:
    from classifier.training.comparison.table import rows_for_terminal

    headings, rows = rows_for_terminal(made, scores)
    if as_json:
        typer.echo(json.dumps([dict(zip(headings, row, strict=True)) for row in rows]))
        return
    shown = console()
    table = Table(*map(safe, headings), title=safe(made.about), title_justify="left")
    for row in rows:
        table.add_row(*map(safe, row))
    shown.print(table)
    for note in made.notes:
        shown.print(safe(note))
    shown.print(f"The page is {out / 'index.html'}, the table {out / 'table.md'}, the models are in {out / 'models'}.")

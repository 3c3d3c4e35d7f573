"""Options that training and comparing share, and how they change a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.errors import DataError

if TYPE_CHECKING:
    from classifier.training.recipe import Recipe

_STAGES = ("one", "two", "hierarchical")

Data = Annotated[
    list[Path] | None,
    typer.Argument(
        help="CSV, JSONL (also .gz) files, or folders of them. Left out: those that the recipe names.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="The folder to make. Default: named after the data.", show_default=False),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe", help="A TOML file with every choice; a model folder's run.toml repeats it.", show_default=False
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        help="What to start from: a folder, a Hugging Face id (vinai/bertweet-base), or minilm (of the extra "
        "train-base). Default: the shipped model, which knows toxic language.",
        show_default=False,
    ),
]
StagesOption = Annotated[
    str | None,
    typer.Option(
        help="one: one head for all classes; two: a binary model, then a category model; hierarchical: one model, two "
        "heads (the default).",
        metavar="|".join(_STAGES),
        show_default=False,
    ),
]
MapFile = Annotated[
    Path | None, typer.Option("--map", help="A TOML file that turns foreign labels into yours.", show_default=False)
]
TextColumn = Annotated[str | None, typer.Option("--text", help="The column of the text.", show_default=False)]
LabelColumn = Annotated[str | None, typer.Option("--label", help="The column of the label.", show_default=False)]
GroupColumn = Annotated[
    str | None,
    typer.Option("--group", help="A column (author, match) whose rows stay together in a split.", show_default=False),
]
Clean = Annotated[
    list[str] | None, typer.Option(help="A label that means welcome; give it once for each.", show_default=False)
]
Extra = Annotated[
    list[Path] | None,
    typer.Option(help="More rows to train on, never to choose or report by (public data).", show_default=False),
]
ExtraRows = Annotated[
    int | None,
    typer.Option("--extra-rows", min=1, help="Use so many rows of each extra file.", show_default=False),
]
TestShare = Annotated[
    float | None,
    typer.Option("--test-share", min=0, max=0.9, help="How much to keep apart to report on.", show_default=False),
]
TuneShare = Annotated[
    float | None,
    typer.Option(
        "--tune-share", min=0, max=0.9, help="How much of the rest to choose and calibrate by.", show_default=False
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(help="The categories, in TOML. Default: those that the data names.", show_default=False),
]


def stem(name: str) -> str:
    """Return what a data file is called without its endings."""
    return Path(name).name.split(".")[0] or "referee"


def mapped(recipe: "Recipe", file: Path | None, columns: Mapping[str, str | None], clean: Sequence[str]) -> "Recipe":
    """Return the recipe with the label mapping of a file, and with the columns and labels of the command line."""
    from classifier.training.data.mapping import read_label_map, with_options

    mapping = read_label_map(file) if file else recipe.mapping
    return replace(recipe, mapping=with_options(mapping, clean=clean, **columns))


def chosen_recipe(
    file: Path | None,
    data: Sequence[Path],
    extra: Sequence[Path],
    extra_rows: int | None,
    map_file: Path | None,
    columns: Mapping[str, str | None],
    clean: Sequence[str],
    **choices: object,
) -> "Recipe":
    """Return the recipe of a file, or the studio's, with what the command line says; raise DataError."""
    from classifier.training.recipe import STUDIO, changed, read_recipe

    recipe = changed(read_recipe(file or STUDIO), data=tuple(map(str, [*data, *extra])) or None, **choices)
    if not recipe.data:
        raise DataError("there is no data; name a CSV or JSONL file of `text` and `label`")
    return _with_extra(mapped(recipe, map_file, columns, clean), extra, extra_rows)


def _with_extra(recipe: "Recipe", files: Sequence[Path], rows: int | None) -> "Recipe":
    """Return the recipe with the sources of the extra files marked as such."""
    plans = dict(recipe.sources)
    for path in files:
        source = stem(path.name)
        plan = recipe.plan(source)
        plans[source] = replace(plan, extra=True, rows=rows if rows is not None else plan.rows)
    return replace(recipe, sources=plans)

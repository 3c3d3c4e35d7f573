"""What the commands of `referee model` share: the extra that they need, a progress bar, tables."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from classifier.errors import MissingExtra

_TRAINING = (
    "torch",
    "transformers",
    "accelerate",
    "safetensors",
    "onnx",
    "onnxscript",
    "sklearn",
    "matplotlib",
    "jinja2",
    "tomli_w",
)
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


def require_training() -> None:
    """Raise MissingExtra where the libraries of training are not installed."""
    missing = [name for name in _TRAINING if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"training needs packages that are not installed ({', '.join(missing)}): "
            'pip install "referee-moderation[train]"'
        )


def progress_bar(terminal: Console) -> Progress:
    """Return a bar that vanishes when it is through."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
    )


def print_report(shown: Console, report: dict[str, Any]) -> None:
    """Print a report of `metrics.report` as tables, the worst source and category first."""
    flag = report["flag_threshold"]
    title = f"toxic or not, at P(toxic) 0.5 (off by: calibration error; fl.: share flagged from {flag:.2f})"
    made = table("source", _BINARY.values())
    _add(made, "all", report["all"], _BINARY)
    for name, numbers in _worst_first(report["sources"]):
        _add(made, name, numbers, _BINARY)
    show(shown, title, made)
    if report["categories"]:
        made = table("category", _CATEGORY.values())
        for name, numbers in _worst_first(report["categories"]):
            _add(made, name, numbers, _CATEGORY)
        show(shown, "top category on toxic rows of known category", made)


def table(first: str, headings: Iterable[str]) -> Table:
    """Return a table without lines between its columns: names on the left, numbers on the right."""
    made = Table(first, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        made.add_column(heading, justify="right")
    return made


def show(shown: Console, title: str, made: Table) -> None:
    """Print a table under its title, which may be wider than the table, and a blank line."""
    shown.print(title, style="bold")
    shown.print(made)
    shown.print()


def cell(value: float | None) -> str:
    """Return a number as it stands in a table: a count whole, a rate with three places, a dash for none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _worst_first(parts: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(parts.items(), key=lambda part: (float(part[1]["f1"]), part[0]))


def _add(made: Table, name: str, numbers: dict[str, Any], columns: dict[str, str]) -> None:
    made.add_row(name, *(cell(numbers[column]) for column in columns))

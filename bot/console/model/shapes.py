"""What the commands of `referee model` share: the extra that they need, a progress bar, tables."""

import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from classifier.errors import MissingExtra

_TRAINING = ("torch", "transformers", "accelerate", "safetensors", "onnx", "onnxscript", "sklearn")
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
    """Print a report of `metrics.report` as tables."""
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

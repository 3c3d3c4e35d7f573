"""`referee model data`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bot.console.model.shapes import AsJson, Data, progress_bar
from bot.console.render import clean as safe
from bot.console.render import console, plain

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_SPLITS = ("train", "tune", "test")
_PROBLEMS_FOUND = 1


def data(
    files: Data,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="A mapping of columns and labels, in TOML.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the text. Default: text.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column of the label. Default: category with toxic, or label.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column whose rows stay in one split. Default: group, match, author or player.",
            show_default=False,
        ),
    ] = None,
    clean: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A label of welcome text, beside non_toxic. Repeatable.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write the clean set: .jsonl or .csv, a new file."),
    ] = None,
    test_share: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.9,
            help="How much of the rows without a split to hold out for the last measure. "
            "Default: 0.2, or none where the files have test rows.",
            show_default=False,
        ),
    ] = None,
    tune_share: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="How much of the rest to hold out to choose and calibrate by.")
    ] = 0.0,
    conflicts: Annotated[
        str, typer.Option(metavar="majority|drop", help="Which label counts where equal texts have several.")
    ] = "majority",
    seed: Annotated[int, typer.Option(min=0, help="Another number divides the rows in another way.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check labelled lines before training: what is wrong, in which line; and write them clean and divided.

    A row has a text and a label, under any names. Exits with 1 where an error is found; then nothing is written.
    Texts are written as they are. JSONL is safe to open anywhere; in a CSV file a spreadsheet may take a text that
    starts with = for a formula.
    """
    from classifier.training.data.audit import Conflicts
    from classifier.training.data.corpus import data_files
    from classifier.training.data.mapping import AS_THEY_ARE, read_label_map, with_options
    from classifier.training.data.prepare import check_output, prepare, write_rows

    if conflicts not in {"majority", "drop"}:
        raise typer.BadParameter(f"{conflicts!r} is neither majority nor drop", param_hint="--conflicts")
    if out is not None:
        check_output(out)
    labels = read_label_map(mapping) if mapping else AS_THEY_ARE
    labels = with_options(labels, clean=clean or (), text=text, label=label, group=group)
    paths = data_files(files)
    with progress_bar(console(stderr=True)) as bar:
        task = bar.add_task("reading", total=None)
        prepared = prepare(
            paths,
            labels,
            test_share=test_share,
            tune_share=tune_share,
            seed=seed,
            conflicts=Conflicts(conflicts),
            progress=lambda step, done: bar.update(task, description=step, completed=done),
        )
    written = out is not None and prepared.usable
    if out is not None and written:
        write_rows(out, prepared.rows)
    report = {**prepared.report(), "files": [str(path) for path in paths], "out": str(out) if written else None}
    if as_json:
        typer.echo(json.dumps(report))
    else:
        _print(console(), report)
        _print_output(console(), out, usable=prepared.usable)
    if not prepared.usable:
        raise typer.Exit(_PROBLEMS_FOUND)


def _print(shown: Console, report: Mapping[str, Any]) -> None:
    rows = report["rows"]
    files = f"{len(report['files'])} file{'s' if len(report['files']) > 1 else ''}"
    shown.print(
        f"rows read from {files}: {rows['read']:,}; lines left out: {rows['left_out']:,}; rows kept: {rows['kept']:,}"
    )
    if report["classes"]:
        table = Table("class", *_SPLITS, "all")
        for column in table.columns[1:]:
            column.justify = "right"
        for name, counts in report["classes"].items():
            table.add_row(safe(name), *(f"{counts.get(split, 0):,}" for split in _SPLITS), f"{sum(counts.values()):,}")
        shown.print(table)
    for finding in report["findings"]:
        shown.print(
            plain(f"{finding['severity']}: ", _STYLES[finding["severity"]]) + plain(finding["text"], longest=2000)
        )
        for place in finding["at"]:
            shown.print(plain(f"  {place}", longest=600))
        if finding["at"] and finding["count"] > len(finding["at"]):
            shown.print(f"  and {finding['count'] - len(finding['at']):,} more")


def _print_output(shown: Console, out: Path | None, *, usable: bool) -> None:
    if not usable:
        shown.print("Nothing is written: mend the errors first.")
    elif out is None:
        shown.print("Write the clean set with --out FILE.jsonl.")
    else:
        shown.print(plain(f"The clean set is in {out}."))

"""`referee score`: a file of rows in, the same rows with their probabilities out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from bot.console import options
from bot.console.render import console
from bot.console.rows import STANDARD, Readable, Row, open_input, read_rows, shown_name
from bot.console.sink import json_line, open_sink
from bot.errors import InputError

if TYPE_CHECKING:
    from classifier import Classifier

_ROWS = 256
_CHARACTERS = 1_000_000


def score(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="JSONL with a `text` in every row, also as .gz; - reads standard input.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="Where the rows go; - writes to standard output.")
    ],
) -> None:
    """Score every row of a JSONL file.

    Each row is written as it was read, with `toxic` (P that it is not welcome) and `categories` (P of each) added, in
    the order of the input. A row that cannot be read stops it, named by its line; the rows before it are written.
    """
    from bot.assembly import load_classifier

    _refuse_same(source, output)
    with open_input(source) as stream:
        classifier = load_classifier(options.settings_of())
        with open_sink(output) as sink, _progress(source) as advance:
            for batch in _batches(stream, shown_name(source)):
                sink.write(b"".join(_scored(classifier, batch, shown_name(source), escaped=sink.escaped)))
                advance(len(batch), stream)


def _refuse_same(source: str, output: str) -> None:
    if STANDARD in (source, output):
        return
    if Path(source).exists() and Path(output).exists() and Path(source).samefile(output):
        raise InputError(f"{output} is the input itself; write to another file")


def _batches(stream: Readable, name: str) -> Iterator[list[Row]]:
    """Yield batches of bounded size; an error of the input comes after the rows before it."""
    batch: list[Row] = []
    characters = 0
    try:
        for rows in read_rows(stream, name):
            for row in rows:
                characters += len(_text(row, name))
                batch.append(row)
                if len(batch) >= _ROWS or characters >= _CHARACTERS:
                    yield batch
                    batch, characters = [], 0
    except InputError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _text(row: Row, name: str) -> str:
    text = row.fields.get("text")
    if not isinstance(text, str):
        problem = "`text` is not a string" if "text" in row.fields else "no `text`"
        raise InputError(f"{name}, line {row.number}: {problem}; give every row a text")
    return text


def _scored(classifier: "Classifier", batch: Sequence[Row], name: str, *, escaped: bool) -> Iterator[bytes]:
    verdicts = classifier.score([row.fields["text"] for row in batch])
    for row, verdict in zip(batch, verdicts, strict=True):
        categories = {category: round(value, 6) for category, value in verdict.categories.items()}
        scored = {**row.fields, "toxic": round(verdict.toxic, 6), "categories": categories}
        if verdict.partial:
            scored["partial"] = True
        try:
            yield json_line(scored, escaped=escaped)
        except RecursionError as error:
            raise InputError(f"{name}, line {row.number}: nested too deeply; flatten it") from error


@contextmanager
def _progress(source: str) -> Iterator[Callable[[int, Readable], None]]:
    """Hand out what shows progress on a terminal, by the bytes read where the size is known."""
    terminal = console(stderr=True)
    shown: AbstractContextManager[Progress | None] = (
        Progress(console=terminal, transient=True) if terminal.is_terminal else nullcontext()
    )
    with shown as progress:
        if progress is None:
            yield lambda _rows, _stream: None
            return
        path = Path(source)
        size = path.stat().st_size if source != STANDARD and path.suffix != ".gz" else None
        task = progress.add_task("scoring", total=size)
        done = 0

        def advance(rows: int, stream: Readable) -> None:
            nonlocal done
            done += rows
            place = stream.tell() if size is not None and isinstance(stream, FileIO) else None
            progress.update(task, description=f"{done:,} rows scored", completed=place)

        yield advance

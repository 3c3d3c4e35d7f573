"""Records out of JSONL and CSV files, one at a time; what cannot be read is told with its line."""

import csv
import json
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from classifier.errors import DataError
from classifier.training.data.lines import LONGEST_LINE, Line, opened, read_lines

_MOST_LINES = 100
_DELIMITERS = (",", ";", "\t")
_CSV = frozenset({".csv", ".tsv"})
_JSON = frozenset({".jsonl", ".json", ".ndjson"})
_QUOTED = re.compile(r'"[^"]*"')
_QUOTES = "put a text that holds a quote in quotes, and double those inside it"
_CSV_FAULTS = {
    "field larger": "a cell is longer than 131,072 characters; cut it, or close its quote",
    "unexpected end": f"a quote that opens here is never closed; {_QUOTES}",
    "new-line": "a carriage return stands in the midst of a line; save the file with usual line ends",
    "expected after": f"a cell goes on after its closing quote; {_QUOTES}",
}


class ProblemKind(StrEnum):
    """Say what is wrong with a line; a SPELLING alone does not keep its row out."""

    ENCODING = "encoding"
    LINE = "line"
    LABEL = "label"
    SPELLING = "spelling"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Problem:
    """Say what is wrong with one line of a file; line 0 stands for the file as a whole."""

    file: str
    line: int
    what: str
    kind: ProblemKind = ProblemKind.LINE

    @property
    def at(self) -> str:
        """Return the place as `chat.csv:12`."""
        name = Path(self.file).name
        return f"{name}:{self.line}" if self.line else name

    @property
    def kept(self) -> bool:
        """Tell whether the line is a row nevertheless."""
        return self.kind is ProblemKind.SPELLING

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what}" if self.line else f"{self.file} {self.what}"


OnProblem = Callable[[Problem], None]
OnHeader = Callable[[Sequence[str]], Sequence[str]]


class Record(NamedTuple):
    """Hold the fields of one record and the line that it starts in, from 1."""

    line: int
    fields: Mapping[str, Any]


def read_records(path: Path, on_problem: OnProblem, on_header: OnHeader = lambda names: names) -> Iterator[Record]:
    """Yield the records of a JSONL or CSV file, either of them also gzipped; blank lines are none.

    What cannot be read is handed to `on_problem` and passed over. `on_header` is given the columns of a CSV file and
    returns what to call them. Raise DataError where the file cannot be opened or is of another format.
    """
    last = 0
    with opened(path) as stream:
        try:
            feed = _Feed(read_lines(path, stream))
            first = feed.peek()
            if _is_csv(path, first):
                records = _csv_records(path, feed, first, on_problem, on_header)
            else:
                records = _json_records(path, feed, on_problem)
            for record in records:
                last = record.line
                yield record
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            after = f" after line {last}" if last else ""
            what = f"cannot be read{after}: {error}; get the file again, whole, as JSONL or CSV in UTF-8"
            on_problem(Problem(str(path), 0, what, ProblemKind.CUT))


class _Feed:
    """Hand out lines, and take those of a broken CSV record back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._waiting: deque[Line] = deque()
        self.taken: list[Line] = []
        self._characters = 0

    def peek(self) -> str:
        """Drop the blank lines at the start and return the first other one, empty where there is none."""
        first = next((line for line in self._lines if line.text.strip() or line.fault), None)
        self._waiting.extend([] if first is None else [first])
        return "" if first is None else first.text

    def lines(self) -> Iterator[Line]:
        """Yield what is left."""
        yield from self._waiting
        yield from self._lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == _MOST_LINES:
            raise csv.Error(f"a quote that opens here is not closed within {_MOST_LINES} lines; {_QUOTES}")
        if self._characters > LONGEST_LINE:
            raise csv.Error(f"a quote that opens here is not closed within {LONGEST_LINE >> 20} MB; {_QUOTES}")
        self.taken.append(self._waiting.popleft() if self._waiting else next(self._lines))
        self._characters += len(self.taken[-1].text)
        return self.taken[-1].text

    def begin(self) -> None:
        """Begin a record."""
        self.taken = []
        self._characters = 0

    def take_back(self) -> None:
        """Take back all lines of the record but the first, which is the one to blame."""
        self._waiting.extendleft(reversed(self.taken[1:]))


def _is_csv(path: Path, first: str) -> bool:
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & _CSV) or (not suffixes & _JSON and not first.lstrip().startswith(("{", "[")))


def _json_records(path: Path, feed: _Feed, on_problem: OnProblem) -> Iterator[Record]:
    for number, text, fault in feed.lines():
        if fault:
            on_problem(Problem(str(path), number, fault, ProblemKind.ENCODING))
        elif text.strip():
            try:
                found = json.loads(text)
            except (ValueError, RecursionError) as error:
                on_problem(Problem(str(path), number, f"no JSON ({error}); write one object a line"))
                continue
            if isinstance(found, dict):
                yield Record(number, found)
            else:
                on_problem(Problem(str(path), number, "no JSON object; write one object a line, not a list of them"))


def _csv_records(path: Path, feed: _Feed, first: str, on_problem: OnProblem, on_header: OnHeader) -> Iterator[Record]:
    delimiter = max(_DELIMITERS, key=_QUOTED.sub("", first).count)
    columns: Sequence[str] = ()
    for line, cells in _csv_rows(path, feed, delimiter, on_problem):
        if not columns:
            columns = on_header([cell.strip() for cell in cells])
        elif any(cells[len(columns) :]):
            what = (
                f"has {len(cells)} cells and the header {len(columns)}; put a text that holds {delimiter!r} in quotes"
            )
            on_problem(Problem(str(path), line, what))
        elif any(cells):
            yield Record(line, dict(zip(columns, cells, strict=False)))


def _csv_rows(path: Path, feed: _Feed, delimiter: str, on_problem: OnProblem) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the cells of each record; raise DataError where the first, the header, has a fault."""
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    header = True
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if header:
                raise DataError(f"{path} has no header that can be read: {_csv_fault(error)}") from error
            on_problem(Problem(str(path), feed.taken[0].number, _csv_fault(error)))
            feed.take_back()
            continue
        fault = next((line for line in feed.taken if line.fault), None)
        if fault is not None and header:
            raise DataError(f"{path} has no header that can be read: {fault.fault}")
        header = False
        if fault is not None:
            on_problem(Problem(str(path), fault.number, fault.fault, ProblemKind.ENCODING))
        elif cells:
            yield feed.taken[0].number, cells


def _csv_fault(error: csv.Error) -> str:
    return next((told for words, told in _CSV_FAULTS.items() if words in str(error)), str(error))

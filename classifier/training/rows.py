"""Labelled rows: reading them from files, and joining those that say the same."""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import DataError
from classifier.verdict import NON_TOXIC

WEAK_WEIGHT = 0.4
"""How much a weakly labelled row counts beside a strong one."""

_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one labelled text.

    `toxic` is 0..1: a share where several annotations disagree. `category` is None where only toxic or not is known.
    `split` is train, tune, test or empty: not said. Rows of one `group` (an author, a match) belong in one split. `at`
    is the file and line that the row stands in.
    """

    text: str
    toxic: float
    category: str | None
    source: str
    split: str = "train"
    weight: float = 1.0
    group: str | None = None
    at: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL (also gzipped) or CSV file; raise DataError, naming the line.

    A row has `text` and either `category` (null: unknown) with `toxic`, or `label` alone; `source`, `split` and
    `strength` (`strong` or `weak`) are optional.
    """
    for number, raw in _raw_rows(path):
        try:
            yield _row(raw, path.name.split(".")[0])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, line {number}: a row needs `text` and `label` or `toxic` ({error!r})") from error


def _raw_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}; give a UTF-8 JSONL or CSV file") from error
    if ".csv" in path.suffixes:
        yield from _csv_rows(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _json_row(path, number, line)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num + 1} is not CSV: {error}") from error


def _json_row(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number} is not a JSON object")
    return row


def _row(raw: Mapping[str, Any], source: str) -> Row:
    text = raw["text"]
    if not isinstance(text, str):
        raise TypeError("`text` is not a string")
    category = (raw["category"] or None) if "category" in raw else str(raw["label"])
    toxic = _truth(raw["toxic"]) if category is None or "toxic" in raw else category != NON_TOXIC
    return Row(
        text=text,
        toxic=float(toxic),
        category=category if toxic and category else None,
        source=str(raw.get("source") or source),
        split=str(raw.get("split") or "train"),
        weight=WEAK_WEIGHT if raw.get("strength") == "weak" else 1.0,
    )


def _truth(value: object) -> bool:
    """Return what a JSON value or the text of a CSV cell says: a cell that reads "0" is not true."""
    word = str(value).strip().lower()
    if word not in _TRUTHS:
        raise ValueError(f"`toxic` is {value!r}, neither true nor false")
    return _TRUTHS[word]


def fold_repeats(rows: Iterable[Row], *, most_weight: float = 3.0) -> list[Row]:
    """Join rows of the same text into one: its toxicity is the weighted share, its category the most frequent one.

    The joined row weighs the square root of its members' sum, at most `most_weight`, so that "gg" does not drown
    the rest.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.text].append(row)
    return [_joined(group, most_weight) for group in groups.values()]


def _joined(group: list[Row], most_weight: float) -> Row:
    first = group[0]
    if len(group) == 1:
        return first
    total = sum(row.weight for row in group)
    toxic = sum(row.weight * row.toxic for row in group) / total
    named: dict[str, float] = defaultdict(float)
    for row in group:
        if row.category:
            named[row.category] += row.weight
    category = max(named, key=named.__getitem__) if named else None
    weight = min(total**0.5, most_weight)
    return Row(first.text, toxic, category, first.source, first.split, weight)


def lot(text: str, salt: str = "") -> float:
    """Return a number in 0..1 that depends on the text alone: a draw that stays the same in every run."""
    digest = hashlib.sha256(f"{salt}\0{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) / 2**64

"""Labelled rows: reading them from files, and joining those that say the same."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from classifier.errors import DataError
from classifier.training.data.cells import Unusable, label_of, lack_of, listed, truth_of, word_of
from classifier.training.data.mapping import AS_THEY_ARE, GROUP_COLUMNS, TOXIC, CategoryNames, LabelMap, Meaning
from classifier.training.data.tables import OnProblem, Problem, ProblemKind, Record, read_records
from classifier.verdict import NON_TOXIC

WEAK_WEIGHT = 0.4
"""How much a weakly labelled row counts beside a strong one."""

_COLUMNS = ("text", "label", "category", "toxic", "source", "split", "strength")
_HALF = 0.5
_MOST_LABELS = 1000
_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one labelled text.

    `toxic` is 0..1: a share where several annotations disagree. `category` is None where only toxic or not is known.
    `split` is train, tune, test or empty: not said. Rows of one `group` (an author, a match) belong in one split. `at`
    is the file and line that the row stands in; rows that differ in it alone are equal.
    """

    text: str
    toxic: float
    category: str | None
    source: str
    split: str = ""
    weight: float = 1.0
    group: str | None = None
    at: str = field(default="", compare=False)


def class_of(row: Row) -> str:
    """Return the class of a row: non_toxic, its category, or toxic where the category is not known."""
    return NON_TOXIC if row.toxic < _HALF else row.category or TOXIC


def read_rows(
    path: Path,
    labels: LabelMap = AS_THEY_ARE,
    *,
    on_problem: OnProblem | None = None,
    names: CategoryNames | None = None,
) -> Iterator[Row]:
    """Yield the rows of a JSONL or CSV file, either also gzipped, one at a time.

    A row has `text` and either `category` (null: unknown) with `toxic`, or `label` alone, unless `labels` says
    otherwise; `source`, `split`, `strength` (`strong` or `weak`) and a group are optional. Lines that cannot be used
    are handed to `on_problem` and passed over; without it, the first raises DataError that names the line. `names`
    lets several files share what their labels are called. Raise DataError where the file cannot be used as a whole.
    """
    report = on_problem or _refuse
    reader = _Reader(path, labels, CategoryNames() if names is None else names, report)
    for record in read_records(path, report, reader.header):
        try:
            row = reader.row(record)
        except Unusable as error:
            report(Problem(str(path), record.line, str(error), error.kind))
            continue
        if row is not None:
            yield row


def _refuse(problem: Problem) -> None:
    if problem.kind is not ProblemKind.SPELLING:
        raise DataError(str(problem))


class _Reader:
    """Turn the records of one file into rows."""

    def __init__(self, path: Path, labels: LabelMap, names: CategoryNames, report: OnProblem) -> None:
        self._path = path
        self._stem = path.name.split(".")[0]
        self._labels = labels
        self._names = names
        self._report = report
        self._meanings: dict[tuple[str, str], Meaning | None] = {}
        self._splits: dict[tuple[str, str], str] = {}

    def header(self, columns: Sequence[str]) -> Sequence[str]:
        """Return the columns of a CSV file, those that are needed as they are spelled elsewhere."""
        plan = self._labels.for_source(self._stem)
        needed = [plan.text, *plan.flags, *filter(None, (plan.label, plan.group))]
        needed += [plan.split] if plan.split != AS_THEY_ARE.split else []
        known = {name.casefold(): name for name in (*_COLUMNS, *GROUP_COLUMNS, *needed)}
        named = [name if name in needed else known.get(name.casefold(), name) for name in columns]
        if twice := [name for name in known.values() if named.count(name) > 1]:
            raise DataError(f"{self._path} has two columns {twice[0]!r}; rename one")
        if self._labels.sources and "source" in named:
            return named
        if missing := [name for name in needed if name not in named]:
            raise DataError(f"{self._path} has no column {missing[0]!r}{self._instead(named, missing[0] == plan.text)}")
        if not plan.flags and not plan.label and not {"label", "category", "toxic"} & set(named):
            raise DataError(f"{self._path} has no column 'label'{self._instead(named, text=False)}")
        return named

    def _instead(self, columns: Iterable[str], text: bool) -> str:
        option = "--text" if text else "--label"
        return f"; its first line names {listed(columns)}. Name the right one with {option} or in a mapping file"

    def row(self, record: Record) -> Row | None:
        """Return the row of a record, None where its label is to be dropped; raise Unusable."""
        fields = record.fields
        source = word_of(fields.get("source")) or self._stem
        plan = self._labels.for_source(source)
        text = fields.get(plan.text)
        if not isinstance(text, str):
            raise Unusable(lack_of(fields, plan.text, "--text"))
        meaning = self._meaning(plan, fields, source, record.line)
        if meaning is None:
            return None
        return Row(
            text,
            1.0 if meaning.toxic else 0.0,
            meaning.category,
            source,
            split=self._split(plan, source, fields),
            weight=WEAK_WEIGHT if fields.get("strength") == "weak" else 1.0,
            group=word_of(fields.get(plan.group or next((name for name in GROUP_COLUMNS if name in fields), "")))
            or None,
            at=f"{self._path.name}:{record.line}",
        )

    def _meaning(self, plan: LabelMap, fields: Mapping[str, Any], source: str, line: int) -> Meaning | None:
        if plan.flags:
            cell = next((flag for flag in plan.flags if truth_of(fields, flag)), NON_TOXIC)
            return self._read(plan, cell, source, line)
        column = plan.label or next((name for name in ("category", "label") if name in fields), "toxic")
        if column not in fields:
            raise Unusable(lack_of(fields, plan.label or "label", "--label"), ProblemKind.LABEL)
        if plan.label or column == "label":
            return self._read(plan, label_of(fields[column]), source, line)
        category = label_of(fields.get("category"))
        toxic = None if category and fields.get("toxic") in (None, "") else truth_of(fields, "toxic")
        meaning = self._read(plan, category, source, line) if category else Meaning(bool(toxic))
        if toxic and meaning is not None and not meaning.toxic:
            raise Unusable(f"`category` is {category!r} and `toxic` is true; one of them is wrong", ProblemKind.LABEL)
        return Meaning(toxic=False) if toxic is False and meaning is not None else meaning

    def _read(self, plan: LabelMap, cell: str, source: str, line: int) -> Meaning | None:
        key = (source if source in self._labels.sources else "", cell)
        if key not in self._meanings:
            self._meanings[key] = self._read_first(plan, cell, line)
        return self._meanings[key]

    def _read_first(self, plan: LabelMap, cell: str, line: int) -> Meaning | None:
        if len(cell) > _LONGEST_LABEL:
            what = f"the label is {len(cell):,} characters long; does --label name the column of the label?"
            raise Unusable(what, ProblemKind.LABEL)
        try:
            label = plan.choose(cell)
            meaning = plan.read(label)
            earlier = self._names.add(cell if cell.strip() == label else label) if meaning and meaning.own_name else ""
        except DataError as error:
            raise Unusable(str(error), ProblemKind.LABEL) from error
        if earlier:
            what = f"the label {cell!r} is read as {earlier!r}, which came first"
            self._report(Problem(str(self._path), line, what, ProblemKind.SPELLING))
        if len(self._names) > _MOST_LABELS:
            raise DataError(
                f"{self._path}, line {line}: more than {_MOST_LABELS:,} different labels so far; "
                "are the columns of text and label swapped? Name them with --text and --label"
            )
        return meaning

    def _split(self, plan: LabelMap, source: str, fields: Mapping[str, Any]) -> str:
        key = (source if source in self._labels.sources else "", word_of(fields.get(plan.split)))
        if key not in self._splits:
            try:
                self._splits[key] = plan.read_split(key[1])
            except DataError as error:
                raise Unusable(str(error)) from error
        return self._splits[key]


def fold_repeats(rows: Iterable[Row], *, most_weight: float = 3.0) -> list[Row]:
    """Join rows of the same text into one: its toxicity is the weighted share, its category the most frequent one.

    Everything else is that of the first of them, and the group of the first that has one. The joined row weighs the
    square root of its members' sum, at most `most_weight`, so that "gg" does not drown the rest.
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
    of_group = next((row.group for row in group if row.group is not None), None)
    return replace(first, toxic=toxic, category=category, weight=weight, group=of_group)


def lot(text: str, salt: str = "") -> float:
    """Return a number in 0..1 that depends on the text alone: a draw that stays the same in every run."""
    digest = hashlib.sha256(f"{salt}\0{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) / 2**64


def text_key(normalized: str) -> int:
    """Return 64 bits by which equal normalised texts are found; among two million others meet with odds of 1e-7."""
    digest = hashlib.blake2b(normalized.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest)

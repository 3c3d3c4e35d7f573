"""From files of labelled lines to one clean, divided set, and what there is to know about it."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from classifier.errors import DataError
from classifier.training.data.audit import FEWEST, MOST_CHARACTERS, Audit, Conflicts, Progress, audit
from classifier.training.data.findings import Finding, Kind, Severity, worst_first
from classifier.training.data.mapping import AS_THEY_ARE, TOXIC, CategoryNames, LabelMap
from classifier.training.data.rows import WEAK_WEIGHT, Row, class_of, read_rows
from classifier.training.data.split import split_rows
from classifier.training.data.tables import Problem
from classifier.verdict import NON_TOXIC

TEST_SHARE = 0.2
FORMATS = (".jsonl", ".csv")

_HELD_NAME = re.compile(r"(?:^|[_\W])(?:test|tune|val|valid|validation|dev)$", re.IGNORECASE)
_FEWEST_TO_SHARE = 3
_OFF = 0.5


@dataclass(frozen=True, slots=True)
class Prepared:
    """Hold the clean rows, each in a split, and what was found; `read` counts rows, `left_out` lines that were none."""

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    read: int
    left_out: int

    @property
    def usable(self) -> bool:
        """Tell whether no finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    def counts(self) -> Mapping[str, Counter[str]]:
        """Return how many rows of each class there are in each split; non_toxic first, then the most frequent."""
        classes = Counter(class_of(row) for row in self.rows)
        names = sorted(classes, key=lambda name: (name != NON_TOXIC, -classes[name], name))
        counts: dict[str, Counter[str]] = {name: Counter() for name in names}
        for row in self.rows:
            counts[class_of(row)][row.split] += 1
        return counts

    def report(self) -> dict[str, Any]:
        """Return the counts and findings as plain values, for JSON."""
        return {
            "rows": {"read": self.read, "left_out": self.left_out, "kept": len(self.rows)},
            "classes": {name: dict(counts) for name, counts in self.counts().items()},
            "findings": [asdict(finding) for finding in self.findings],
        }


def prepare(
    files: Sequence[Path],
    labels: LabelMap = AS_THEY_ARE,
    *,
    test_share: float | None = None,
    tune_share: float = 0.0,
    seed: int = 0,
    fewest: int = FEWEST,
    most_characters: int = MOST_CHARACTERS,
    conflicts: Conflicts = Conflicts.MAJORITY,
    progress: Progress = lambda step, done: None,
) -> Prepared:
    """Read files, drop what cannot be trained on, and divide the rest; nearly equal texts stay in one split.

    `test_share` of the rows that state no split become test rows: TEST_SHARE by default, none where rows of test are
    stated. Raise DataError where a file cannot be read at all.
    """
    problems: list[Problem] = []
    names = CategoryNames()
    read = (read_rows(path, labels, on_problem=problems.append, names=names) for path in files)
    found = audit(
        chain.from_iterable(read),
        problems,
        fewest=fewest,
        most_characters=most_characters,
        conflicts=conflicts,
        progress=progress,
    )
    if test_share is None:
        test_share = 0.0 if any(row.split == "test" for row in found.rows) else TEST_SHARE
    progress("dividing", len(found.rows))
    rows = split_rows(
        found.rows, test_share=test_share, tune_share=tune_share, seed=seed, keys=found.keys, together=found.near
    )
    asked = {"test": test_share, "tune": (1 - test_share) * tune_share}
    findings = worst_first((*found.findings, *_of_names(found), *_of_parts(found, rows, asked)))
    return Prepared(tuple(rows), findings, found.read, sum(not problem.kept for problem in problems))


def _of_names(found: Audit) -> Iterator[Finding]:
    """Yield a finding where a file is named as if its rows were held out, and they do not say so."""
    silent = Counter(row.source for row in found.rows if not row.split and _HELD_NAME.search(row.source))
    for source, count in silent.items():
        yield Finding(
            Severity.WARNING,
            Kind.SPLIT,
            f"{source} sounds held out, but {count:,} of its rows state no split and are divided like all others; "
            "add a column `split` to keep them out of training",
        )


def _of_parts(found: Audit, rows: Sequence[Row], asked: Mapping[str, float]) -> Iterator[Finding]:
    """Yield findings where the parts are not as they were asked for."""
    divided = [row for was, row in zip(found.rows, rows, strict=True) if not was.split]
    classes = Counter(class_of(row) for row in divided)
    reached = Counter((row.split, class_of(row)) for row in divided)
    if rows and all(row.split == "train" for row in rows):
        text = "no row is held out to measure on; give rows of the split test or tune, or a share to hold out"
        yield Finding(Severity.WARNING, Kind.SPLIT, text)
    for part, share in asked.items():
        size = sum(row.split == part for row in divided) / max(len(divided), 1)
        missing = [name for name, n in classes.items() if n >= _FEWEST_TO_SHARE and not reached[part, name]]
        if share and missing:
            text = f"no row of {', '.join(missing)} is in {part}: groups or nearly equal texts keep its rows together"
            yield Finding(Severity.WARNING, Kind.SPLIT, text)
        elif share and len(divided) >= FEWEST and abs(size - share) > _OFF * share:
            text = (
                f"{part} has {size:.0%} of the divided rows instead of {share:.0%}: groups are large or classes small"
            )
            yield Finding(Severity.WARNING, Kind.SPLIT, text)


def check_output(path: Path) -> None:
    """Raise DataError where a clean set cannot be written to a path: it is there, or is named as no known format."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path} is neither .jsonl nor .csv; name the output so (JSONL keeps every text as it is)")
    if path.exists() or path.is_symlink():
        raise DataError(f"{path} is there already; name another file with --out")
    if not path.parent.is_dir():
        raise DataError(f"the folder {path.parent} is not there; make it, or name another file with --out")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSONL or CSV that `read_rows` reads back; raise DataError where the file is there, or OSError.

    A file that could not be written whole is removed. Texts are not changed: one that starts with `=` is a formula to a
    spreadsheet that opens the CSV.
    """
    check_output(path)
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            (_write_csv if path.suffix.lower() == ".csv" else _write_jsonl)(file, rows)
    except FileExistsError as error:
        raise DataError(f"{path} is there already; name another file with --out") from error
    except BaseException:  # a half-written set must not be taken for a whole one, whatever stopped it
        path.unlink(missing_ok=True)
        raise


def _write_jsonl(file: IO[str], rows: Iterable[Row]) -> None:
    for row in rows:
        file.write(json.dumps(_fields(row), ensure_ascii=False) + "\n")


def _write_csv(file: IO[str], rows: Iterable[Row]) -> None:
    table = csv.DictWriter(file, ("text", "label", "source", "split", "group", "strength"))
    table.writeheader()
    table.writerows(map(_fields, rows))


def _fields(row: Row) -> dict[str, str | None]:
    fields = {
        "text": row.text,
        "label": NON_TOXIC if class_of(row) == NON_TOXIC else row.category or TOXIC,
        "source": row.source,
        "split": row.split,
        "group": row.group,
    }
    return fields | ({"strength": "weak"} if row.weight == WEAK_WEIGHT else {})

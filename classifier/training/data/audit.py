"""Audit labelled rows before anything is trained on them: what is wrong, where, and the rows that remain."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from classifier.normalize import normalize
from classifier.training.data.findings import Finding, Kind, Places, Severity, worst_first
from classifier.training.data.mapping import TOXIC
from classifier.training.data.near import near_duplicates
from classifier.training.data.rows import Row, class_of, text_key
from classifier.training.data.tables import Problem, ProblemKind
from classifier.verdict import NON_TOXIC

FEWEST = 10
"""How many rows a class needs before a measure of it says anything."""

MOST_CHARACTERS = 240
MOST_LABELS = 100
MOST_COMPARED = 300_000
"""Among how many rows near duplicates are sought."""

_FEW_LABELS = 10
_MOST_LISTED = 12
_MOST_SAID = 4
_STEP = 1000
_RANK = {"": 0, "train": 1, "tune": 2, "test": 3}

Progress = Callable[[str, int], None]


class Conflicts(StrEnum):
    """What becomes of a text that has several labels: the most frequent one counts (none at a tie), or none does."""

    MAJORITY = "majority"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Audit:
    """Hold the findings, and the rows that remain.

    `keys` tell equal texts, one a row; `near` are pairs of places in `rows` whose texts are nearly the same. `read`
    counts the rows before any was dropped.
    """

    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    keys: npt.NDArray[np.uint64]
    near: tuple[tuple[int, int], ...]
    read: int

    @property
    def usable(self) -> bool:
        """Tell whether no finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def audit(
    rows: Iterable[Row],
    problems: Iterable[Problem] = (),
    *,
    fewest: int = FEWEST,
    most_characters: int = MOST_CHARACTERS,
    conflicts: Conflicts = Conflicts.MAJORITY,
    progress: Progress = lambda step, done: None,
) -> Audit:
    """Return what is wrong with rows, and those that remain.

    Texts are equal where they are after `classifier.normalize`. Of equal ones one remains, in the split that is kept
    furthest from training; of contradicting labels `conflicts` says which counts. Texts without content are dropped.
    `problems` are what `read_rows` reported; they are looked at once the rows are through. Classes of fewer than
    `fewest` rows and texts of more than `most_characters` are told.
    """
    kept, keys, findings = _with_text(rows, progress)
    read = len(kept) + sum(finding.count for finding in findings)
    findings += _of_problems(problems, len(kept))
    chosen, doubles = _one_of_each(kept, keys, conflicts)
    findings += doubles
    remaining = tuple(kept[place] for place in chosen)
    near, of_near = _near(remaining, progress)
    findings += (*of_near, *_of_classes(kept, remaining, fewest), *_of_length(remaining, most_characters))
    return Audit(worst_first(findings), remaining, keys[chosen], near, read)


def _with_text(rows: Iterable[Row], progress: Progress) -> tuple[list[Row], npt.NDArray[np.uint64], list[Finding]]:
    kept: list[Row] = []
    keys = array("Q")
    empty = Places()
    for number, row in enumerate(rows, start=1):
        text = normalize(row.text).text
        if text.strip():
            kept.append(row)
            keys.append(text_key(text))
        else:
            empty.add(row.at)
        if number % _STEP == 0:
            progress("reading", number)
    told = empty.finding(Severity.WARNING, Kind.EMPTY, "rows without a text, left out: {n}")
    return kept, np.frombuffer(keys, dtype=np.uint64) if keys else np.empty(0, dtype=np.uint64), told


_TOLD = {
    ProblemKind.CUT: (Severity.ERROR, Kind.CUT, "files that could not be read to their end: {n}"),
    ProblemKind.ENCODING: (Severity.WARNING, Kind.ENCODING, "lines with bytes that are no text, left out: {n}"),
    ProblemKind.LINE: (Severity.WARNING, Kind.UNREADABLE, "lines that cannot be read, left out: {n}"),
    ProblemKind.LABEL: (Severity.WARNING, Kind.LABEL, "rows without a label that can be used, left out: {n}"),
    ProblemKind.SPELLING: (
        Severity.WARNING,
        Kind.SPELLING,
        "labels spelled in several ways, read as one: {n}",
    ),
}


def _of_problems(problems: Iterable[Problem], rows: int) -> Iterator[Finding]:
    """Yield a finding for each kind of problem; left-out lines are an error where they are more than the rows."""
    by_kind: dict[ProblemKind, Places] = defaultdict(Places)
    for problem in problems:
        by_kind[problem.kind].add(f"{problem.at}: {problem.what}")
    for kind, (severity, name, text) in _TOLD.items():
        places = by_kind[kind]
        left_out = kind not in {ProblemKind.SPELLING, ProblemKind.CUT} and places.count > rows
        yield from places.finding(Severity.ERROR if left_out else severity, name, text)


def _one_of_each(
    rows: Sequence[Row], keys: npt.NDArray[np.uint64], conflicts: Conflicts
) -> tuple[npt.NDArray[np.int64], list[Finding]]:
    """Return the places of the rows that remain, in order, when of equal texts one remains, and what that drops."""
    keep = np.ones(len(rows), dtype=bool)
    repeats, leaks, contradictions = Places(), Places(), Places()
    for group in _equal(keys):
        keep[group] = False
        members = [rows[place] for place in group]
        wanted, contested = _label_of(members)
        if contested:
            contradictions.add(_said(members))
        if wanted is None or (contested and conflicts is Conflicts.DROP):
            continue
        of_label = [place for place in group if class_of(rows[place]) == wanted]
        chosen = max(of_label, key=lambda place: _RANK[rows[place].split])
        keep[chosen] = True
        for row in (rows[place] for place in of_label if place != chosen):
            leak = row.split and row.split != rows[chosen].split
            (leaks if leak else repeats).add(f"{row.at} (as {rows[chosen].at})")
    counts = "the most frequent counts, none at a tie" if conflicts is Conflicts.MAJORITY else "all are left out"
    return np.flatnonzero(keep), [
        *contradictions.finding(Severity.WARNING, Kind.CONFLICT, f"texts whose labels contradict ({counts}): {{n}}"),
        *leaks.finding(
            Severity.WARNING,
            Kind.LEAK,
            "rows of a text that is in another split too, left out in favour of the held-out copy: {n}",
        ),
        *repeats.finding(Severity.NOTE, Kind.DUPLICATE, "rows that repeat another with the same label, left out: {n}"),
    ]


def _equal(keys: npt.NDArray[np.uint64]) -> Iterator[list[int]]:
    """Yield the places of each key that occurs more than once, in the order of their first."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    edges = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1], [True])))
    several = np.flatnonzero(np.diff(edges) > 1)
    for start in several[np.argsort(order[edges[several]])]:
        yield order[edges[start] : edges[start + 1]].tolist()


def _label_of(members: Sequence[Row]) -> tuple[str | None, bool]:
    """Return the class that more than half of the rows name, and whether others contradict it.

    Toxic of no known category is no contradiction to a category.
    """
    named = Counter(map(class_of, members))
    categories = [name for name, _ in named.most_common() if name not in {NON_TOXIC, TOXIC}]
    if categories and TOXIC in named:
        named[categories[0]] += named.pop(TOXIC)
    name, count = named.most_common(1)[0]
    return (name if count * 2 > named.total() else None), len(named) > 1


def _said(members: Sequence[Row]) -> str:
    first = {class_of(row): row.at for row in reversed(members)}
    names = list(dict.fromkeys(map(class_of, members)))
    return ", ".join(f"{first[name]} {name}" for name in names[:_MOST_SAID]) + (", ..." if names[_MOST_SAID:] else "")


def _near(rows: Sequence[Row], progress: Progress) -> tuple[tuple[tuple[int, int], ...], list[Finding]]:
    places = sorted(range(len(rows)), key=lambda place: -_RANK[rows[place].split])[:MOST_COMPARED]
    found = near_duplicates([rows[place].text for place in places], progress=lambda done: progress("comparing", done))
    pairs = tuple(sorted((min(places[a], places[b]), max(places[a], places[b])) for a, b in found))
    findings = _near_findings(rows, pairs)
    if len(places) < len(rows):
        told = f"near duplicates were sought among {len(places):,} of {len(rows):,} rows, those held out first"
        findings.append(Finding(Severity.NOTE, Kind.NOT_SEARCHED, told))
    return pairs, findings


def _near_findings(rows: Sequence[Row], pairs: Iterable[tuple[int, int]]) -> list[Finding]:
    across, within = Places(), Places()
    for a, b in pairs:
        one, other = rows[a], rows[b]
        leak = one.split and other.split and one.split != other.split
        (across if leak else within).add(f"{one.at} ~ {other.at}")
    return [
        *across.finding(
            Severity.WARNING,
            Kind.NEAR_LEAK,
            "pairs of nearly equal texts across two splits; what is measured on the held-out one looks too good: {n}",
        ),
        *within.finding(
            Severity.NOTE, Kind.NEAR_DUPLICATE, "pairs of nearly equal texts, to be kept in one split: {n}"
        ),
    ]


def _of_classes(read: Sequence[Row], rows: Sequence[Row], fewest: int) -> Iterator[Finding]:
    """Yield the first thing that is wrong with the classes: with their names as read, or with what remains of them."""
    names = len({row.category for row in read} - {None})
    counts = Counter(map(class_of, rows))
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(_MOST_LISTED))
    if names > MOST_LABELS or (names > _FEW_LABELS and names * 2 > len(read)):
        yield Finding(
            Severity.ERROR,
            Kind.SWAPPED,
            f"there are {names:,} different labels on {len(read):,} rows, as in free text; "
            "are the columns swapped? Name them with --text and --label",
        )
    elif not rows:
        yield Finding(Severity.ERROR, Kind.NO_ROWS, "no row is left; give lines with a text and a label")
    elif len(counts) == 1:
        missing = (
            "labels of what is not welcome" if NON_TOXIC in counts else "welcome text; name its label with --clean"
        )
        yield Finding(Severity.ERROR, Kind.ONE_CLASS, f"every row is {listed}; add rows with {missing}")
    elif NON_TOXIC not in counts:
        yield Finding(
            Severity.ERROR,
            Kind.NO_CLEAN,
            f"no row is welcome text; name the labels that are with --clean, or map them to non_toxic ({listed})",
        )
    elif len(rows) < fewest:
        yield Finding(
            Severity.ERROR, Kind.FEW, f"only {len(rows)} rows are left ({listed}); give {fewest} at the least"
        )
    elif few := [f"{name} {count}" for name, count in counts.items() if count < fewest]:
        text = f"classes of fewer than {fewest} rows: {', '.join(few)}; add some, or map the class to another"
        yield Finding(Severity.WARNING, Kind.FEW, text)


def _of_length(rows: Sequence[Row], most_characters: int) -> list[Finding]:
    long = Places(row.at for row in rows if len(row.text) > most_characters)
    text = f"texts of more than {most_characters:,} characters, the most that training reads by default: {{n}}"
    return long.finding(Severity.NOTE, Kind.LONG, text)

"""What an audit says of labelled rows: frozen values."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_MOST_PLACES = 5


class Severity(StrEnum):
    """How much a finding matters: an ERROR has to be mended first, a WARNING looked at, a NOTE known."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """What was found."""

    NO_ROWS = "no_rows"
    ONE_CLASS = "one_class"
    NO_CLEAN = "no_clean"
    SWAPPED = "swapped"
    CUT = "cut"
    UNREADABLE = "unreadable"
    ENCODING = "encoding"
    LABEL = "label"
    SPELLING = "spelling"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    LEAK = "leak"
    NEAR_DUPLICATE = "near_duplicate"
    NEAR_LEAK = "near_leak"
    NOT_SEARCHED = "not_searched"
    FEW = "few"
    LONG = "long"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell one thing found: what, and where.

    `at` are the first places, such as `chat.csv:12`, of `count` in all (0: it is not about single rows).
    """

    severity: Severity
    kind: Kind
    text: str
    at: tuple[str, ...] = ()
    count: int = 0


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return errors, then warnings, then notes."""
    return tuple(sorted(findings, key=lambda finding: tuple(Severity).index(finding.severity)))


class Places:
    """Gather places: all are counted, and the first few kept."""

    def __init__(self, places: Iterable[str] = ()) -> None:
        self.first: list[str] = []
        self.count = 0
        for place in places:
            self.add(place)

    def add(self, place: str) -> None:
        """Count a place."""
        self.count += 1
        if len(self.first) < _MOST_PLACES:
            self.first.append(place)

    def finding(self, severity: Severity, kind: Kind, text: str) -> list[Finding]:
        """Return the finding about these places, none where there are none; `{n}` in the text is their number."""
        if not self.count:
            return []
        return [Finding(severity, kind, text.replace("{n}", f"{self.count:,}"), tuple(self.first), self.count)]

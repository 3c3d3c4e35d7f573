"""What a cell of a CSV file or a value of JSON says, and how to tell that it says nothing."""

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from classifier.training.data.tables import ProblemKind

_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_WHOLE = re.compile(r"^\s*(-?\d+)\.0\s*$")
_MOST_LISTED = 12
_PLAIN = (str, int, float)


class Unusable(ValueError):
    """A record makes no row."""

    def __init__(self, what: str, kind: ProblemKind = ProblemKind.LINE) -> None:
        super().__init__(what)
        self.kind = kind


def word_of(value: object) -> str:
    """Return the value of a field as a word that all rows share, empty for none; raise Unusable for a list or table."""
    if value is None:
        return ""
    if not isinstance(value, _PLAIN):
        raise Unusable(f"holds a {type(value).__name__} where a name or a number belongs")
    # A name goes into recipes, manifests and cards, which are UTF-8; half a character, as "\\ud83d", cannot.
    return sys.intern(str(value).strip().encode("utf-8", "replace").decode())


def label_of(value: object) -> str:
    """Return a label as text; 3, 3.0 and "3.0" are one label, and a list is joined by `|`. Raise Unusable."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(part, _PLAIN) for part in value):
        return "|".join(map(label_of, value))
    if not isinstance(value, _PLAIN):
        raise Unusable("the label is neither a name nor a list of names", ProblemKind.LABEL)
    return _WHOLE.sub(r"\1", str(value))


def truth_of(fields: Mapping[str, Any], name: str) -> bool:
    """Return what a JSON value or the text of a CSV cell says: a cell that reads "0" is not true; raise Unusable."""
    if name not in fields:
        raise Unusable(lack_of(fields, name, "--label"), ProblemKind.LABEL)
    word = word_of(fields[name]).lower()
    if word not in _TRUTHS:
        raise Unusable(f"`{name}` is {word[:40]!r}, neither true nor false", ProblemKind.LABEL)
    return _TRUTHS[word]


def lack_of(fields: Mapping[str, Any], name: str, option: str) -> str:
    """Return what to say of a field that is missing or of the wrong kind, and which option names another."""
    if name in fields:
        return f"`{name}` is {type(fields[name]).__name__}, not a text"
    return f"there is no `{name}` among {listed(fields)}; name the right one with {option}"


def listed(names: Iterable[str]) -> str:
    """Return names of columns for a message, the first few of many."""
    shown = [repr(name[:40]) for name in names]
    more = f" and {len(shown) - _MOST_LISTED} more" if len(shown) > _MOST_LISTED else ""
    return ", ".join(shown[:_MOST_LISTED]) + more

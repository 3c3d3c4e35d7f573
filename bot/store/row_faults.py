"""Whether a stored row makes sense: its types, its numbers and its words, before any of it is believed."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, LargeBinary, Table
from sqlalchemy.dialects.sqlite import dialect

from bot.domain import Action, Mode, Outcome, Platform, ReviewState, ReviewVerdict, Surface
from bot.store.raw import is_numbered
from bot.store.schema import EscapedText

WORDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "incidents": {
        "platform": frozenset(Platform),
        "action": frozenset(Action),
        "would": frozenset(Action),
        "mode": frozenset(Mode),
        "outcome": frozenset(Outcome),
        "state": frozenset(ReviewState),
        "surface": frozenset(Surface),
    },
    "reviews": {"verdict": frozenset(ReviewVerdict)},
}
"""The words that a column may hold, by table."""

_MOMENTS = frozenset({"at", "created_at", "last_at", "held_since"})
# The years 1 to 9999, which is what a moment can be in Python.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_MOST = 2**63 - 1
_ROUNDING = 0.001
_SEALED = "\\f"

_Fault = Callable[[Any], str | None]
_Shape = Callable[[Any], bool]


def _are_texts(found: Any) -> bool:  # noqa: ANN401
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _are_scores(found: Any) -> bool:  # noqa: ANN401
    return isinstance(found, dict) and all(
        type(p) in (int, float) and -_ROUNDING <= p <= 1 + _ROUNDING for p in found.values()
    )


_JSON: Mapping[str, Mapping[str, _Shape]] = {
    "incidents": {"reasons": _are_texts, "categories": _are_scores},
    "communities": {"moderator_roles": _are_texts},
    "changes": {"lines": _are_texts},
}


class RowFaults:
    """Find what is wrong with the rows of a table, which come in the order of their key."""

    def __init__(self, table: Table, last_number: int | None = None) -> None:
        self._checks = [(column.name, _check_of(table.name, column)) for column in table.columns]
        self._numbered = is_numbered(table)
        self._place = list(table.columns.keys()).index("id") if self._numbered else 0
        self._most = _MOST if last_number is None else last_number
        self._last = 0

    def of(self, row: Sequence[Any]) -> str | None:
        """Return what is wrong with a row, None where nothing is; its values are never told."""
        for (name, check), value in zip(self._checks, row, strict=True):
            fault = check(value)
            if fault is not None:
                return f"`{name}` {fault}"
        if self._numbered:
            number = row[self._place]
            if not self._last < number <= self._most:
                return f"the number {number} is given twice, or out of turn"
            self._last = number
        return None


def _check_of(table: str, column: Column[Any]) -> _Fault:
    of_type = _type_check(column)
    words, shape = WORDS.get(table, {}).get(column.name), _JSON.get(table, {}).get(column.name)
    further: _Fault | None = None
    if words is not None:
        further = lambda value: None if value in words else "is no word that this version knows"  # noqa: E731
    elif shape is not None:
        further = lambda value: _json_fault(value, shape)  # noqa: E731
    nullable, primary = column.nullable, column.primary_key

    def check(value: Any) -> str | None:  # noqa: ANN401
        if value is None:
            return None if nullable and not primary else "is missing"
        return of_type(value) or (further(value) if further else None)

    return check


def _type_check(column: Column[Any]) -> _Fault:
    if isinstance(column.type, Boolean):
        return lambda value: None if type(value) is bool else "is neither true nor false"
    if isinstance(column.type, BigInteger):
        low, high = (_FIRST, _LAST) if column.name in _MOMENTS else (-_MOST, _MOST)
        return lambda value: None if type(value) is int and low <= value <= high else "is no number that fits"
    if isinstance(column.type, Float):
        return lambda value: None if type(value) in (int, float) and math.isfinite(value) else "is no number that fits"
    if isinstance(column.type, LargeBinary):
        return lambda value: None if isinstance(value, bytes) else "is not bytes"
    return _text_fault


def _text_fault(value: Any) -> str | None:  # noqa: ANN401
    if not isinstance(value, str):
        return "is no text"
    if value.isascii():
        return "holds a NUL" if "\0" in value else None
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is no text that UTF-8 can hold"
    return "holds a NUL" if "\0" in value else None


def _json_fault(value: str, is_right: _Shape) -> str | None:
    if value.startswith(_SEALED):
        return None
    try:
        found = json.loads(EscapedText().process_result_value(value, dialect()) or "")
    except (ValueError, RecursionError):
        return "is not JSON"
    return None if is_right(found) else "is JSON of another shape"

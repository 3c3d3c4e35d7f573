"""Cells of CSV files that spreadsheets open: none of them is run as a formula."""

import unicodedata

_FORMULA = frozenset("=+-@")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u207b\u208b\ufe58")
"""Signs for minus that no form of compatibility makes one; some spreadsheets do."""

_SHOWS_NOTHING = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Cn", "Co"})


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet runs: an apostrophe stands before what begins like a formula.

    So it does before a tab and an end of line, which some spreadsheets skip, and before signs that only look like
    those of a formula, as `＝` does, which some read as such.
    """
    first = next((letter for letter in text if unicodedata.category(letter) not in _SHOWS_NOTHING), "")
    begins = unicodedata.normalize("NFKC", first)[:1]
    is_risky = begins in _FORMULA if begins else False
    return f"'{text}" if is_risky or first in _DASHES or text.startswith(("\t", "\r", "\n")) else text

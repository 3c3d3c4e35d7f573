"""How a comparison writes numbers, and names and texts that may be hostile."""

import math
import unicodedata

from classifier.training.comparison.scores import Estimate

MISSING = "-"
"""What stands where a number is not defined."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode calls printable and that show nothing."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MOST_MARKS = 3
_LONGEST = 300


def visible(text: str, longest: int = _LONGEST) -> str:
    """Return text of bounded length whose control, bidi and invisible characters are written out.

    Marks stacked on one character are cut after the third.
    """
    shown: list[str] = []
    marks = 0
    for character in text[:longest]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            shown.append(_visible(character))
    cut = f"… ({len(text):,} characters)" if len(text) > longest else ""
    return "".join(shown) + cut


def _visible(character: str) -> str:
    if character.isprintable() and character not in _BLANK:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return _NAMED.get(character) or character.encode("unicode_escape").decode("ascii")


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many digits, or a dash where it is none."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else MISSING


def signed(value: float) -> str:
    """Return a number with its sign, or a dash where it is none."""
    return f"{value:+.3f}" if math.isfinite(value) else MISSING


def span(estimate: Estimate) -> str:
    """Return the interval of an estimate, or nothing where it has none."""
    ends = (estimate.low, estimate.high)
    return "–".join(number(end) for end in ends) if all(map(math.isfinite, ends)) else ""


def signed_span(estimate: Estimate) -> str:
    """Return the interval of a difference, or nothing where it has none."""
    ends = (estimate.low, estimate.high)
    return " to ".join(signed(end) for end in ends) if all(map(math.isfinite, ends)) else ""


def verdict(gain: Estimate) -> str:
    """Return what a difference to the first setting says."""
    if not math.isfinite(gain.low):
        return MISSING
    if gain.above_zero:
        return "higher"
    return "lower" if gain.below_zero else "cannot be told apart"


def milliseconds(value: float) -> str:
    """Return a duration that was measured in milliseconds, or a dash where none was."""
    return f"{number(value, 2 if value < 1 else 1)} ms" if _measured(value) else MISSING


def rate(value: float) -> str:
    """Return messages per second, or a dash where they were not measured."""
    return number(value, 1 if value < 10 else 0) if _measured(value) else MISSING


def size(count: int) -> str:
    """Return a number of bytes in kB or MB, powers of ten, or a dash where it was not measured."""
    if not _measured(count):
        return MISSING
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def duration(seconds: float) -> str:
    """Return how long training took, or that the model was loaded."""
    if not _measured(seconds):
        return "loaded"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{number(seconds, 1)} s"


def _measured(value: float) -> bool:
    return math.isfinite(value) and value > 0

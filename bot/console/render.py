"""Text from strangers, made safe for a terminal, and the shapes that every command prints."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode calls printable and that show nothing."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MOST_MARKS = 3
_LONGEST = 400
_BAR = 24

STYLES = {
    "none": "dim",
    "flag": "yellow",
    "warn": "yellow",
    "delete": "red",
    "timeout": "red",
    "kick": "bold red",
    "ban": "bold red",
}
"""A style for each action."""


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to the command line, which ends quietly."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console that reads no markup out of what it prints; lines are not cut where it is no terminal."""
    made = _Terminal(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = max(made.width, 200)
    return made


def clean(text: str) -> str:
    """Return text that cannot steer a terminal: escapes, bidi and invisible characters are written out.

    Marks stacked on one character are cut after the third.
    """
    shown: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            shown.append(_visible(character))
    return "".join(shown)


def _visible(character: str) -> str:
    if character.isprintable() and character not in _BLANK:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return _NAMED.get(character) or character.encode("unicode_escape").decode("ascii")


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return the text, cut where it is longer than `longest` characters, with a note of how long it is."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def plain(text: str, style: str = "", *, longest: int = _LONGEST) -> Text:
    """Return untrusted text to print, safe and of bounded length."""
    return Text(clean(shortened(text, longest)), style)


def highlighted(text: str, spans: Iterable[tuple[int, int]], style: str = "bold red") -> Text:
    """Return untrusted text to print with the given stretches marked; a long text is cut around them."""
    marked = sorted(spans)
    first = marked[0][0] if marked else 0
    start = max(0, first - _LONGEST // 4) if len(text) > _LONGEST else 0
    end = min(len(text), start + _LONGEST)
    shown = Text("…" if start else "")
    place = start
    for a, b in marked:
        if place <= a < end:
            shown.append(clean(text[place:a]))
            shown.append(clean(text[a : min(b, end)]), style)
            place = min(b, end)
    shown.append(clean(text[place:end]))
    if end - start < len(text):
        shown.append(f"… ({len(text):,} characters)", "dim")
    return shown


def bars(probabilities: Mapping[str, float], *, ascii_only: bool) -> list[Text]:
    """Return one line with a bar for each category, the likeliest first."""
    width = max(len(name) for name in probabilities)
    full, empty = ("#", ".") if ascii_only else ("█", "·")
    lines = []
    for name, value in sorted(probabilities.items(), key=lambda item: -item[1]):
        filled = round(value * _BAR)
        line = Text(f"  {name:<{width}}  {value:5.3f}  ")
        line.append(full * filled, "red" if value >= 0.5 else "yellow")
        line.append(empty * (_BAR - filled), "dim")
        lines.append(line)
    return lines


def joined(parts: Sequence[Text | str], gap: str = "  ") -> Text:
    """Return one line of the parts that are not empty."""
    return Text(gap).join(Text(part) if isinstance(part, str) else part for part in parts if len(part))


def to_json(row: Mapping[str, object]) -> str:
    """Return one line of JSON in ASCII, which no terminal and no encoding can trip over."""
    return json.dumps(row)

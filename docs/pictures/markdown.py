"""The part of Discord's Markdown that the bot writes, as HTML; whatever else is in a text stays text."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape

_ESCAPABLE = r"\\[^\sA-Za-z0-9]"
_INLINE = re.compile(
    rf"(?P<escaped>{_ESCAPABLE})"
    r"|`(?P<code>[^`\n]+)`"
    rf"|\|\|(?P<spoiler>(?:{_ESCAPABLE}|(?!\|\|).)+)\|\|"
    rf"|\*\*(?P<bold>(?:{_ESCAPABLE}|(?!\*\*).)+)\*\*"
    rf"|\*(?P<italic>(?:{_ESCAPABLE}|[^*])+)\*"
    r"|\[(?P<link>[^\]\n]+)\]\(https?://[^\s()]+\)"
    r"|<(?P<mention>[@#]&?[0-9]{1,20})>"
    r"|<t:(?P<moment>[0-9]{1,12})(?::(?P<style>[tTdDfFR]))?>"
)
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
_FORMATS = {"t": "%H:%M", "T": "%H:%M:%S", "d": "%d/%m/%Y", "D": "%d %B %Y", "F": "%A, %d %B %Y %H:%M"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Hold who reads: when, in which time zone, and what people and channels are called there, by their id."""

    now: datetime
    zone: tzinfo
    names: Mapping[str, str]

    def moment(self, seconds: int, style: str) -> str:
        """Return a moment as Discord shows it."""
        at = datetime.fromtimestamp(seconds, self.zone)
        return self._ago(at) if style == "R" else at.strftime(_FORMATS.get(style, "%d %B %Y %H:%M"))

    def _ago(self, at: datetime) -> str:
        passed = round((self.now - at).total_seconds())
        size, unit = next(((size, unit) for size, unit in _UNITS if abs(passed) >= size), (1, "second"))
        number = abs(passed) // size
        words = f"{number} {unit}" + ("" if number == 1 else "s")
        return f"{words} ago" if passed >= 0 else f"in {words}"


def to_html(text: str, reader: Reader) -> str:
    """Return a text display's content as HTML: blocks of code, headings, small print, lists and lines."""
    html = []
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2:
            html.append(f"<pre>{escape(part)}</pre>")
        else:
            html += [_line(line, reader) for line in part.strip("\n").split("\n") if line]
    return "".join(html)


def inline(text: str, reader: Reader) -> str:
    """Return what is within a line as HTML."""
    html, done = [], 0
    for match in _INLINE.finditer(text):
        html += [escape(text[done : match.start()]), _piece(match, reader)]
        done = match.end()
    return "".join([*html, escape(text[done:])])


def _line(line: str, reader: Reader) -> str:
    for mark, tag in (("### ", "h3"), ("## ", "h2"), ("# ", "h1"), ("-# ", "small"), ("- ", "li")):
        if line.startswith(mark):
            return f"<{tag}>{inline(line.removeprefix(mark), reader)}</{tag}>"
    return f"<p>{inline(line, reader)}</p>"


def _piece(match: re.Match[str], reader: Reader) -> str:
    kind, text = next((name, found) for name, found in match.groupdict().items() if found is not None)
    return _PIECES[kind](text, match, reader)


def _mention(text: str) -> str:
    return f'<span class="mention">{escape(text)}</span>'


_PIECES: Mapping[str, Callable[[str, re.Match[str], Reader], str]] = {
    "escaped": lambda text, _, __: escape(text[1:]),
    "code": lambda text, _, __: f"<code>{escape(text)}</code>",
    "spoiler": lambda text, _, reader: f'<span class="spoiler">{inline(text, reader)}</span>',
    "bold": lambda text, _, reader: f"<b>{inline(text, reader)}</b>",
    "italic": lambda text, _, reader: f"<i>{inline(text, reader)}</i>",
    "link": lambda text, _, reader: f'<span class="link">{inline(text, reader)}</span>',
    "mention": lambda text, _, reader: _mention(reader.names.get(text.lstrip("@#&"), text)),
    "moment": lambda text, match, reader: (
        f'<span class="moment">{escape(reader.moment(int(text), match["style"] or "f"))}</span>'
    ),
}

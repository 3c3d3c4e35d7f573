"""The last lines of each author, bounded, so that a word split over several messages is seen."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import Excerpt

_LONGEST_FRAGMENT = 40
_LONGEST_SYLLABLE = 4
_MOST_FRAGMENTS = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold one text to score for an excerpt; `before` are the author's earlier messages that it joins."""

    text: str
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    at: datetime
    message: str


class Context:
    """Remember the short lines that each author sent last in each channel, for so many authors at most."""

    def __init__(self, window: timedelta, *, authors: int = 5000) -> None:
        self._window = window
        self._most_authors = authors
        self._lines: OrderedDict[tuple[str, str, str], deque[_Line]] = OrderedDict()

    def readings(self, excerpt: Excerpt) -> tuple[Reading, ...]:
        """Note the excerpt and return the texts to score: its own, then those of it joined to the lines before it.

        Only lines short enough to be pieces are joined: with blanks between them ("kill" "yourself"), and without
        where each is a single short piece ("id" "iot").
        """
        text = excerpt.text.strip()
        own = Reading(excerpt.text)
        lines = self._recent(excerpt)
        before = [line for line in lines if line.message != excerpt.key.message]
        lines.append(_Line(text, excerpt.at, excerpt.key.message))
        if not before or not text or len(text) > _LONGEST_FRAGMENT:
            return (own,)
        return (own, *_joined([*before, lines[-1]]))

    def _recent(self, excerpt: Excerpt) -> deque[_Line]:
        place = (excerpt.key.community, excerpt.key.channel, excerpt.author)
        lines = self._lines.pop(place, None) or deque(maxlen=_MOST_FRAGMENTS)
        while lines and not timedelta(0) <= excerpt.at - lines[0].at <= self._window:
            lines.popleft()
        if lines and len(lines[-1].text) > _LONGEST_FRAGMENT:
            lines.clear()
        self._lines[place] = lines
        while len(self._lines) > self._most_authors:
            self._lines.popitem(last=False)
        return lines


def _joined(lines: list[_Line]) -> tuple[Reading, ...]:
    spaced = Reading(" ".join(line.text for line in lines), _messages(lines[:-1]))
    pieces = lines[_first_piece(lines) :]
    if len(pieces) < 2:
        return (spaced,)
    return (spaced, Reading("".join(line.text for line in pieces), _messages(pieces[:-1])))


def _messages(lines: list[_Line]) -> tuple[str, ...]:
    return tuple(line.message for line in lines)


def _first_piece(lines: list[_Line]) -> int:
    """Return from where on to the end every line is one short piece of a word."""
    first = len(lines)
    while first and _is_piece(lines[first - 1].text):
        first -= 1
    return first


def _is_piece(text: str) -> bool:
    return len(text) <= _LONGEST_SYLLABLE and text.isalpha()

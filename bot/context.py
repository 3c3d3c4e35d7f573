"""The last lines of each author, bounded, so that a word split over several messages is seen."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import Excerpt, Surface

_LONGEST_FRAGMENT = 40
_LONGEST_SYLLABLE = 4
_MOST_FRAGMENTS = 8
_FEWEST_LETTERS = 3
_EVERYONE = ""
"""Stands in for the author of what a whole channel said; no author has an empty id."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold one text to score for an excerpt; `before` are the earlier messages that it joins.

    `shared` is true where several authors wrote them; `surface` is where the text was read. `at` is where in a clip it
    was heard, in seconds, and `doubt` how far that is to be doubted, None for what was typed. `guessed` is true of what
    may have been said instead of what was heard.
    """

    text: str
    before: tuple[str, ...] = ()
    shared: bool = False
    surface: Surface = Surface.TEXT
    at: float | None = None
    doubt: float | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    at: datetime
    message: str


class Context:
    """Remember the short lines that each author, and all together, sent last in each channel, for so many at most."""

    def __init__(self, *, authors: int = 5000) -> None:
        self._most_authors = authors
        self._lines: OrderedDict[tuple[str, str, str], list[_Line]] = OrderedDict()

    def readings(self, excerpt: Excerpt, window: timedelta) -> tuple[Reading, ...]:
        """Note the excerpt and return the texts to score: its own, its parts, then those joined to the lines before it.

        Only lines short enough to be pieces are joined: with blanks between them ("kill" "yourself"), and without
        where each is a single short piece ("id" "iot"). A longer line ends what came before it. A word that several
        authors spell, a letter each, is read as well. Lines further apart than `window` are not joined.
        """
        parts = tuple(Reading(part.text, surface=part.surface) for part in excerpt.parts)
        # A forward or a poll has no text of its own: what came with it is all there is to judge.
        own = () if parts and not excerpt.text.strip() else (Reading(excerpt.text, surface=excerpt.surface),)
        joined = self._with_lines_before(excerpt, window) if excerpt.surface is Surface.TEXT else ()
        return (*own, *parts, *joined)

    def forget(self, community: str, author: str) -> None:
        """Drop what an author said last, and the letters that a whole channel said: whose they were is not known."""
        own = [place for place in self._lines if place[0] == community and place[2] in (author, _EVERYONE)]
        for place in own:
            del self._lines[place]

    def _with_lines_before(self, excerpt: Excerpt, window: timedelta) -> tuple[Reading, ...]:
        text = excerpt.text.strip()
        channel = (excerpt.key.community, excerpt.key.channel)
        spelled = self._spelled((*channel, _EVERYONE), excerpt, text, window)
        place = (*channel, excerpt.author)
        known = self._lines.pop(place, [])
        if len(text) > _LONGEST_FRAGMENT:
            return ()
        lines = [line for line in known if _belongs(line, excerpt, window)]
        if text:
            lines = [*lines, _Line(text, excerpt.at, excerpt.key.message)][-_MOST_FRAGMENTS:]
        self._keep(place, lines)
        return _joined(lines) if text and len(lines) > 1 else spelled

    def _spelled(
        self, place: tuple[str, str, str], excerpt: Excerpt, text: str, window: timedelta
    ) -> tuple[Reading, ...]:
        """Return the word that a channel's authors spell together, one letter a message."""
        known = self._lines.pop(place, [])
        if len(text) != 1 or not text.isalpha():
            return ()
        lines = [line for line in known if _belongs(line, excerpt, window)]
        lines = [*lines, _Line(text, excerpt.at, excerpt.key.message)][-_MOST_FRAGMENTS:]
        self._keep(place, lines)
        if len(lines) < _FEWEST_LETTERS:
            return ()
        return (Reading("".join(line.text for line in lines), _messages(lines[:-1]), shared=True),)

    def _keep(self, place: tuple[str, str, str], lines: list[_Line]) -> None:
        if lines:
            self._lines[place] = lines
        if len(self._lines) > self._most_authors:
            self._lines.popitem(last=False)


def _belongs(line: _Line, excerpt: Excerpt, window: timedelta) -> bool:
    """Tell whether an earlier line is near in time, lines out of order included, and no other revision."""
    return abs(excerpt.at - line.at) <= window and line.message != excerpt.key.message


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

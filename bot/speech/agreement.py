"""What several readings of the same speech say of each other.

A speech model that is told what to expect hears that more often: where it is right, and where it is not. What was heard
only because the model was told of it must not be punished.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from bot.domain import Segment

_ALONE = 0.6
"""How far a sentence is to be doubted that is not heard without being told what to expect."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, without regard to case and punctuation."""
    return tuple(re.findall(r"\w+", text.casefold()))


def agree(said: Iterable[Segment], untold: Sequence[str]) -> bool:
    """Tell whether a reading has the very words of another."""
    return [words_of(text) for text in untold] == [tuple(word for each in said for word in words_of(each.text))]


def doubt_unless_agreed(said: Iterable[Segment], untold: Sequence[str], *, allowed: str) -> list[Segment]:
    """Return the sentences with more doubt where one has a word that is not in the reading of somebody told nothing.

    `allowed` are words that may be missing there, such as names.
    """
    known = {word for text in untold for word in words_of(text)} | set(words_of(allowed))
    return [
        segment if known.issuperset(words_of(segment.text)) else replace(segment, doubt=max(segment.doubt, _ALONE))
        for segment in said
    ]


def without_echoes(readings: Iterable[str], told: str, untold: Sequence[str]) -> list[str]:
    """Return the readings without those that only say what the model was told, and share no word with the other."""
    known, echo = {word for text in untold for word in words_of(text)}, set(words_of(told))
    return [text for text in readings if not echo.issuperset(words_of(text)) or known & set(words_of(text))]


def without_repeats(said: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the sentences without those that only say again what the one before said."""
    return tuple(next(same) for _, same in groupby(said, key=lambda segment: words_of(segment.text)))


def unlike(said: Iterable[Segment], others: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the sentences of other readings that are made of other words, each once."""
    known, found = {words_of(segment.text) for segment in said}, []
    for segment in others:
        if words_of(segment.text) not in known:
            known.add(words_of(segment.text))
            found.append(segment)
    return tuple(found)

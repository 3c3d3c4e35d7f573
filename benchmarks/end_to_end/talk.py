"""What is said: ordinary lines with rude ones among them, by many people in many channels, at given moments."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from benchmarks.arrivals import Arrival, moments
from benchmarks.end_to_end.town import Place, Town

_RUDE = (
    *("you worthless idiot", "shut up you stupid idiot", "what a pathetic clown you are"),
    *("you are such a stupid idiot", "you dumb worthless clown", "you useless stupid noob"),
)
_AND = ("", "uninstall the game", "learn to play", "nobody wants you on the team")
_NAMES = ("zorax", "mirael", "kashi", "brolin", "vexa", "norr", "sylphi", "torvald", "wick")
_PEOPLE_A_SERVER = 50
_LEAST_RUDE = 20
"""Fewer rude lines than this say little about the slowest in a hundred."""


@dataclass(frozen=True, slots=True)
class Load:
    """Hold how much is said how: messages a second for so many seconds, and which part of them is rude."""

    arrival: Arrival
    rate: float
    seconds: float
    toxic: float


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what is said at a moment, in seconds from the beginning."""

    moment: float
    text: str
    toxic: bool
    place: Place
    channel: str
    member: dict[str, Any]


def rude_enough(load: Load, messages: int) -> float:
    """Return the share of rude lines: more than asked for where little is said, so that there are some."""
    return min(1.0, max(load.toxic, _LEAST_RUDE / max(1, messages)))


def rude_lines(seed: int = 7) -> Iterator[str]:
    """Yield rude lines, hardly ever one twice."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    for number in count(1):
        words = (draw.choice(_RUDE), draw.choice(_AND), f"{draw.choice(_NAMES)}{number}")
        yield " ".join(word for word in words if word)


def ordinary_lines(lines: Sequence[str], seed: int = 7) -> Iterator[str]:
    """Yield the lines in their order, then others that are as long and as often the same.

    What was said several times is said again; the words of other lines are replaced by words of the same chat.
    """
    yield from lines
    draw = random.Random(seed)  # noqa: S311 - no secret
    often = Counter(lines)
    words = [word for line in lines for word in line.split()] or ["gg"]
    while True:
        for line in lines:
            yield line if often[line] > 1 else " ".join(draw.choice(words) for _ in line.split())


class Talk:
    """Make up what is said in a town."""

    def __init__(self, town: Town, lines: Sequence[str], seed: int = 7) -> None:
        self._town = town
        self._ordinary = ordinary_lines(lines, seed)
        self._rude = rude_lines(seed)
        self._draw = random.Random(seed)  # noqa: S311 - no secret

    def of(self, load: Load) -> list[Line]:
        """Return what is said under a load, by people who are new.

        Whoever is rude where that gets a timeout says nothing more, since Discord would not let them.
        """
        when = moments(load.arrival, load.rate, load.seconds, seed=self._draw.randrange(1 << 30))
        share = rude_enough(load, len(when))
        people = [[self._town.newcomer(place) for _ in range(_PEOPLE_A_SERVER)] for place in self._town.places]
        return [self._line(moment, people, toxic=self._draw.random() < share) for moment in when]

    def _line(self, moment: float, people: Sequence[list[dict[str, Any]]], *, toxic: bool) -> Line:
        number = self._draw.randrange(len(people))
        place, who = self._town.places[number], self._draw.randrange(_PEOPLE_A_SERVER)
        member = people[number][who]
        if toxic and place.times_out:
            people[number][who] = self._town.newcomer(place)
        text = next(self._rude if toxic else self._ordinary)
        return Line(moment, text, toxic, place, self._draw.choice(place.channels), member)

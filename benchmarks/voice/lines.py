"""The lines that are spoken: game chat, clean and abusive, each with its category and a number of its own."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

CLEAN = "clean"
"""The category of a line without abuse."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of game chat; its `number`, counted from 0, decides who speaks it."""

    number: int
    category: str
    text: str

    @property
    def abusive(self) -> bool:
        """Tell whether a moderator would want to see it."""
        return self.category != CLEAN


def read_lines() -> tuple[Line, ...]:
    """Return every line of `lines.toml`, in its order."""
    raw = tomllib.loads(resources.files(__package__).joinpath("lines.toml").read_text(encoding="utf-8"))
    said = [(category, text) for category, texts in raw.items() for text in texts]
    return tuple(Line(number, category, text) for number, (category, text) in enumerate(said))


def pick(lines: tuple[Line, ...], count: int) -> tuple[Line, ...]:
    """Return `count` of the lines, half of them clean, spread over the whole list."""
    clean = [line for line in lines if not line.abusive]
    abusive = [line for line in lines if line.abusive]
    return (*spread(clean, count // 2), *spread(abusive, count - count // 2))


def spread(lines: Sequence[Line], count: int) -> list[Line]:
    """Return so many of the lines, evenly spread over the list."""
    count = min(count, len(lines))
    return [lines[place * len(lines) // count] for place in range(count)]

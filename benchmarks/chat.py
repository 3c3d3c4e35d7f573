"""Lines of chat to measure with: those of a recorded match, or made ones that are as long and as often the same."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from bot.errors import InputError

_MADE = 5000
_WORDS_OF_A_LINE = (452, 211, 128, 75, 52, 31, 20, 10, 9, 4, 3, 2, 2, 1)
"""Of a thousand lines that were said in real matches, how many had one word, two words and so on."""

_COMMON = (
    *("gg", "?", "lol", "wp", "ez", "ff", "go", "noob", "nice", "report", "mid", "end", "haha", "gg wp", "xd", "wtf"),
    *("the", "you", "me", "we", "they", "a", "i", "u", "no", "yes", "is", "it", "to", "and", "my", "this", "in", "for"),
    *("push", "hold", "left", "right", "top", "base", "tower", "heal", "tank", "carry", "ward", "jungle", "lane"),
    *("gank", "good", "great", "bad", "close", "late", "early", "fast", "slow", "team", "enemy", "fight", "again"),
    *("next", "round", "win", "lose", "map", "gold", "game", "play", "just", "why", "what", "so", "not", "all", "on"),
    *("idiot", "trash", "clown", "stupid", "shut", "up", "worst", "please", "sorry", "thanks", "stop", "feed", "afk"),
)
_STARTS = ("ka", "zo", "mi", "ra", "du", "lo", "ve", "sha", "tri", "bo", "ne", "gu", "pha", "si", "wo", "cle")
_ENDS = ("x", "n", "r", "s", "th", "l", "ck", "m", "ra", "zi", "no", "ta", "x1", "xx", "ky", "ss")
_RARE = 0.22
"""How often a word is one of thousands that hardly anybody says, such as a name."""


@dataclass(frozen=True, slots=True)
class Chat:
    """Hold lines, and where they are from in words for people."""

    lines: tuple[str, ...]
    source: str

    @property
    def repeated(self) -> float:
        """Return the share of lines that were said before."""
        return 1 - len(set(self.lines)) / len(self.lines)

    def told(self) -> str:
        """Return what must be known of the lines, as one line."""
        letters = sum(map(len, self.lines)) / len(self.lines)
        return (
            f"{len(self.lines):,} lines {self.source}: {letters:.1f} characters in the mean, "
            f"{self.repeated:.0%} said before"
        )


def chat(path: Path | None, most: int | None = None) -> Chat:
    """Return lines of a file or of a folder's files, made ones where none is named; raise InputError.

    A `.jsonl` file has a line of chat under `text` in each of its lines; any other file has one line of chat a line.
    """
    if path is None:
        return Chat(tuple(made_lines(most or _MADE)), "made for the measurement")
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    lines = [line for file in files for line in _lines_of(file)]
    if not lines:
        raise InputError(f"{path} has no lines of chat; name a .jsonl file with `text`, or a file of plain lines")
    return Chat(tuple(lines[:most]), f"of {path.name}")


def made_lines(count: int, *, seed: int = 7) -> list[str]:
    """Return made lines, as long as those of real matches and about as often said before."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    weights = list(accumulate(1 / (place + 2) for place in range(len(_COMMON))))
    lengths = draw.choices(range(1, len(_WORDS_OF_A_LINE) + 1), _WORDS_OF_A_LINE, k=count)
    return [" ".join(_word(draw, weights) for _ in range(length)) for length in lengths]


def _word(draw: random.Random, weights: Sequence[float]) -> str:
    if draw.random() < _RARE:
        return draw.choice(("", *_STARTS)) + draw.choice(_STARTS) + draw.choice(_ENDS)
    (word,) = draw.choices(_COMMON, cum_weights=weights)
    return word


def _lines_of(file: Path) -> list[str]:
    try:
        rows = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    if file.suffix != ".jsonl":
        return [row for row in rows if row.strip()]
    return [_text(file, number, row) for number, row in enumerate(rows, 1) if row.strip()]


def _text(file: Path, number: int, row: str) -> str:
    try:
        found = json.loads(row)["text"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{file}, line {number} is no JSON object with a `text`; mend or leave out the line"
        ) from error
    if not isinstance(found, str):
        raise InputError(f"{file}, line {number}: `text` is no string; mend it or leave it out")
    return found

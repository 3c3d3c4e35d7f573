"""Lists of lines as Discord takes them: as a block that nothing in them breaks, or as a file where they are many."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import discord

from bot.ui.quote import HIDDEN

LONGEST = 2000
"""How many characters a message may have."""

_LONGEST_LINE = 400
_IN_THE_FILE = "The whole of it is in the file."
_INVISIBLE = str.maketrans(dict.fromkeys(HIDDEN, " "))


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold a text for a message, and the file with the whole of it where the text was cut."""

    text: str
    files: tuple[discord.File, ...] = ()


def block(lines: Sequence[str]) -> str:
    """Return lines as a code block, in which nothing pings or formats; an empty text where there are none."""
    return "```\n" + "\n".join(plain(line) for line in lines) + "\n```" if lines else ""


def plain(line: str) -> str:
    """Return a line that ends no code block, breaks no line and turns nothing around; a long one is cut."""
    flat = _flat(line)
    return flat if len(flat) <= _LONGEST_LINE else f"{flat[:_LONGEST_LINE]}… (cut)"


def listed(head: str, lines: Sequence[str], foot: str = "", *, name: str = "referee.txt") -> Listing:
    """Return lines between two texts; where they are too many or too long, what fits, and all of it in a file."""
    whole = _joined(head, block(lines), foot)
    if len(whole) <= LONGEST and all(len(line) <= _LONGEST_LINE for line in lines):
        return Listing(whole)
    kept = list(lines)
    while kept and len(_joined(head, block(kept), _IN_THE_FILE, foot)) > LONGEST:
        kept.pop()
    text = _joined(head, block(kept), _IN_THE_FILE, foot)
    return Listing(text[:LONGEST], (text_file("\n".join(_flat(line) for line in lines), name),))


def text_file(text: str, name: str) -> discord.File:
    """Return a text as a file to attach."""
    return discord.File(BytesIO(text.encode(errors="replace")), name)


def _flat(line: str) -> str:
    return line.translate(_INVISIBLE).replace("`", "'")


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)

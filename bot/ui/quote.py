"""Text of other people, made safe to show: no pings, no Markdown, no link previews, no end."""

import re
import unicodedata

_CUT = "… (cut)"
_SPACE = re.compile(r"[\s\u2028\u2029]+")
HIDDEN = (
    *(*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F),
    *(*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)),
    *(*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)),
)
"""Characters that show nothing: they end lines, turn text around, hide in it. Joiners, which emoji need, stay."""

_GONE = dict.fromkeys(HIDDEN)
_MOST_MARKS = 4
_FORMATTING = re.compile(r"[\\*_~|`\[\]<]|^[>#+-]|(?<=^\d)\.|(?<=^\d\d)\.")
_PING = re.compile(r"@(?=everyone|here|[!&]?\d)")
_INVITE = re.compile(r"(?i)(dis(?:cord(?:app)?)?\.[a-z]{2,10})(?=/)")
_ZERO_WIDTH = "\u200b"


def cut(text: str, most: int) -> str:
    """Return the text, cut to `most` characters with a note where it is longer."""
    return text if len(text) <= most else text[: max(0, most - len(_CUT))] + _CUT


def escaped(text: str, most: int = 300) -> str:
    """Return foreign text as one line that shows as it was written: nothing pings, formats, links or turns around.

    At most `most` characters of it are taken; escaping may double them. Marks that are stacked on one character, to
    reach over the lines above, are cut after the fourth.
    """
    line = _few_marks(_SPACE.sub(" ", text).translate(_GONE).strip())
    # Every sign by itself: what is escaped as a whole, as a link, hides what stands in it.
    safe = _FORMATTING.sub(r"\\\g<0>", cut(line, most))
    safe = _PING.sub(f"@{_ZERO_WIDTH}", safe).replace("://", f"{_ZERO_WIDTH}://")
    return _INVITE.sub(rf"\1{_ZERO_WIDTH}", safe)


def spoiler(text: str, most: int = 300) -> str:
    """Return foreign text behind a spoiler, safe to show."""
    safe = escaped(text, most) or " "
    # A bar at the end would close the spoiler one sign too early.
    return f"||{safe}{_ZERO_WIDTH if safe.endswith('|') else ''}||"


def _few_marks(line: str) -> str:
    if line.isascii():
        return line
    kept: list[str] = []
    marks = 0
    for character in line:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)

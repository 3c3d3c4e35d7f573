"""Text of other people, made safe to show: no pings, no Markdown, no link previews, no end."""

import re

import discord

_CUT = "… (cut)"
_LINK = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*):(?=//)")
_SPACE = re.compile(r"[\s\u2028\u2029]+")
_INVISIBLE = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def cut(text: str, most: int) -> str:
    """Return the text, cut to `most` characters with a note where it is longer."""
    return text if len(text) <= most else text[: max(0, most - len(_CUT))] + _CUT


def escaped(text: str, most: int = 300) -> str:
    """Return foreign text as one line that shows as it was written: nothing pings, formats, links or turns around.

    At most `most` characters of it are taken; escaping may double them.
    """
    line = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    safe = discord.utils.escape_markdown(cut(line, most), ignore_links=False)
    return _LINK.sub("\\1\u200b:", discord.utils.escape_mentions(safe)).replace("<", "\\<")


def spoiler(text: str, most: int = 300) -> str:
    """Return foreign text behind a spoiler, safe to show."""
    return f"||{escaped(text, most) or ' '}||"

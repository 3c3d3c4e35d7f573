"""Whether a text does anything where Discord shows it: an own small reading of its Markdown, with none of the bot's.

It is stricter than Discord: a sign that could format is taken for one that does.
"""

import re
import unicodedata
from collections.abc import Iterator

_ACTIVE = frozenset("*_~|`<[]")
_LINE_START = re.compile(r"(?:-# |#{1,3} |>>> |> |[-*+] |\d+\. )")
_PING = re.compile(r"@(?:everyone|here|[!&]?\d)")
_LINK = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")
_INVITE = re.compile(r"(?i)(?:discord(?:app)?\.(?:gg|com)|dis\.gd)/")
_OWN_MENTION = re.compile(r"(?<!\\)<(?:(?:@|#)\d+|t:\d+:[a-zA-Z])>")
_OWN_LINK = re.compile(r"\[(?:go to it|its card)\]\(https://discord\.com/channels/[\d/]+\)")
_STEERING = ("Cc", "Cs", "Zl", "Zp")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def faults(text: str) -> list[str]:
    """Return what a text of one line would do: format, ping, link, turn around, steer; nothing where it is inert."""
    found = [f"formats with {sign!r}" for sign in _live(text)]
    if _LINE_START.match(text):
        found.append("begins like a heading, a list or a quote")
    found += [f"pings: {match.group()}" for match in _PING.finditer(text)]
    found += [f"links: {match.group()}" for match in (*_LINK.finditer(text), *_INVITE.finditer(text))]
    if "||" in text:
        found.append("ends a spoiler, whatever is escaped")
    return found + steering(text)


def steering(text: str, allowed: str = "") -> list[str]:
    """Return the characters of a text that steer a terminal, end lines or turn text around."""
    return [
        f"U+{ord(letter):04X}"
        for letter in text
        if letter not in allowed and (unicodedata.category(letter) in _STEERING or letter in _TURNING)
    ]


def skeleton(text: str) -> list[str]:
    """Return what formats, pings and links in a text of several lines, in order: its shape without its words.

    The bot's own mentions, times and links count as one sign each. Where what others wrote is inert, the shape is the
    same whatever they wrote.
    """
    shape = []
    for line in text.split("\n"):
        begin = _LINE_START.match(line)
        plain = _OWN_LINK.sub("\0L", _OWN_MENTION.sub("\0M", line))
        shape += ["line", begin.group() if begin else "", *_live(plain)]
        shape += [match.group()[:3] for pattern in (_PING, _LINK, _INVITE) for match in pattern.finditer(plain)]
        shape += ["own"] * plain.count("\0")
    return shape


def _live(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == "\\" and place + 1 < len(text) and not text[place + 1].isalnum() and not text[place + 1].isspace():
            place += 2
            continue
        if letter == "\\" and place + 1 == len(text):
            yield letter
        if letter in _ACTIVE:
            yield letter
        place += 1

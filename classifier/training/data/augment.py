"""Disguises and slips of the keyboard, so that the model has met what the normaliser cannot undo."""

import random
import string
from collections.abc import Callable

_NEXT_KEY = {
    row[i]: row[max(i - 1, 0)] + row[min(i + 1, len(row) - 1)]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i in range(len(row))
}
_SOUNDS = (
    *(("ck", "k"), ("f", "ph"), ("u", "v"), ("s", "z"), ("you", "u"), ("are", "r"), ("c", "k"), ("er", "a")),
    *(
        ("ph", "f"),
        ("ee", "i"),
        ("oo", "u"),
        ("a", "e"),
        ("i", "y"),
        ("x", "ks"),
        ("qu", "kw"),
        ("o", "aw"),
        ("u", "uh"),
    ),
)
_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1|", "g": "9", "b": "8"}
_SIGNS = {
    "a": "@^",
    "b": "8",
    "c": "(<",
    "e": "€&",
    "h": "#",
    "i": "!;:",
    "l": "|",
    "o": "*°",
    "s": "$§",
    "t": "+",
    "u": "*_",
}
_SHORTEST_WORD = 3
_MOST_WORDS = 4
_HALF = 0.5


def disguise(text: str, draw: random.Random) -> str:
    """Return the text with one to four of its words disguised or mistyped, all in the same way as often as not."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= _SHORTEST_WORD and word.isalpha()]
    same = draw.choice(_WAYS) if draw.random() < _HALF else None
    for i in draw.sample(long, min(len(long), draw.randint(1, _MOST_WORDS))):
        words[i] = (same or draw.choice(_WAYS))(words[i], draw)
    return " ".join(words)


def _swap(word: str, draw: random.Random) -> str:
    i = draw.randrange(1, len(word) - 1)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _drop(word: str, draw: random.Random) -> str:
    i = draw.randrange(1, len(word))
    return word[:i] + word[i + 1 :]


def _mistype(word: str, draw: random.Random) -> str:
    i = draw.randrange(len(word))
    return word[:i] + draw.choice(_NEXT_KEY.get(word[i].lower(), string.ascii_lowercase)) + word[i + 1 :]


def _double(word: str, draw: random.Random) -> str:
    i = draw.randrange(len(word))
    return word[:i] + word[i] * draw.randint(2, 4) + word[i + 1 :]


def _censor(word: str, draw: random.Random) -> str:
    first = draw.randrange(1, len(word) - 1)
    last = draw.randint(first + 1, len(word) - 1)
    return word[:first] + draw.choice("*#-_*") * (last - first) + word[last:]


def _sound(word: str, draw: random.Random) -> str:
    heard = [pair for pair in _SOUNDS if pair[0] in word]
    for old, new in draw.sample(heard, min(len(heard), draw.randint(1, 2))):
        word = word.replace(old, new)
    return word


def _leet(word: str, draw: random.Random) -> str:
    return "".join(draw.choice(_LEET[c]) if c in _LEET and draw.random() < 0.6 else c for c in word)


def _signs(word: str, draw: random.Random) -> str:
    return "".join(draw.choice(_SIGNS[c]) if c in _SIGNS and draw.random() < _HALF else c for c in word)


def _part(word: str, draw: random.Random) -> str:
    i = draw.randrange(1, len(word))
    return word[:i] + draw.choice(" -. ") + word[i:]


def _drop_vowels(word: str, draw: random.Random) -> str:
    return word[0] + "".join(c for c in word[1:] if c not in "aeiou" or draw.random() < 0.3)


_WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    _swap,
    _drop,
    _mistype,
    _double,
    _censor,
    _sound,
    _leet,
    _signs,
    _part,
    _drop_vowels,
)

"""Ways to slip past a filter, to measure a model with: each kind of disguise by itself, the same in every run.

`augment` draws disguises to train on; these here are written apart from it, so that a measurement does not only
repeat what training has met. `DEFENCES` says for each kind what ought to hold against it: the normaliser, which undoes
it; training, whose disguises are like it (missing vowels, asterisks, swapped letters, sounds, a gap in the word); or
nothing that was made for it.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

Evasion = Callable[[str, random.Random], str]

_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_WORD = 4
_VOWELS = frozenset("aeiou")

_LEET = {"a": "4@", "b": "8", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7"}
_CYRILLIC = dict(zip("aceiopsuxy", "асеіорѕиху", strict=True)) | {"u": "υ"}
_PHONETIC = (
    ("ck", "kk"),
    ("ph", "f"),
    ("qu", "kw"),
    ("tt", "dd"),
    ("c", "k"),
    ("x", "ks"),
    ("oo", "u"),
    ("ou", "ow"),
    ("ee", "i"),
    ("er", "uh"),
    ("i", "ee"),
    ("u", "oo"),
    ("s", "z"),
    ("o", "aw"),
    ("a", "ah"),
    ("e", "eh"),
)
_MARKS = ("\u0300", "\u0301", "\u0302", "\u0303", "\u0308")
_PILED = ("\u0315", "\u0334", "\u0335", "\u0336", "\u0327", "\u0328", "\u0340", "\u035c")
_HIDDEN = ("\u200b", "\u200c", "\u2060", "\u00ad")
_FULL_WIDTH, _BOLD, _CIRCLED, _REGIONAL = 0xFF41, 0x1D41A, 0x24D0, 0x1F1E6


def _leet(word: str, draw: random.Random) -> str:
    # Hardly anybody changes every letter: the word must still be read.
    fitting = [i for i, c in enumerate(word) if c in _LEET]
    chosen = set(draw.sample(fitting, (len(fitting) + 1) // 2))
    return "".join(draw.choice(_LEET[c]) if i in chosen else c for i, c in enumerate(word))


def _spaced(word: str, draw: random.Random) -> str:
    return " ".join(word)


def _dotted(word: str, draw: random.Random) -> str:
    return draw.choice(".-_*").join(word)


def _lookalike(word: str, draw: random.Random) -> str:
    return "".join(_CYRILLIC.get(c, c) for c in word)


def _shifted(first: int) -> Evasion:
    """Return an evasion that writes a to z in the alphabet that starts at `first`."""

    def shift(word: str, draw: random.Random) -> str:
        return "".join(chr(first + ord(c) - ord("a")) if "a" <= c <= "z" else c for c in word)

    return shift


def _emoji_letters(word: str, draw: random.Random) -> str:
    # Two regional indicators side by side would show as a flag.
    return " ".join(_shifted(_REGIONAL)(c, draw) for c in word)


def _hidden(word: str, draw: random.Random) -> str:
    return draw.choice(_HIDDEN).join(word)


def _accented(word: str, draw: random.Random) -> str:
    return "".join(unicodedata.normalize("NFC", c + draw.choice(_MARKS)) if c in _VOWELS else c for c in word)


def _piled(word: str, draw: random.Random) -> str:
    return "".join(c + "".join(draw.sample(_PILED, 4)) for c in word)


def _stretched(word: str, draw: random.Random) -> str:
    i = draw.randrange(len(word))
    return word[:i] + word[i] * draw.randint(4, 8) + word[i + 1 :]


def _alternating(word: str, draw: random.Random) -> str:
    return "".join(c.upper() if i % 2 else c for i, c in enumerate(word))


def _marked_up(word: str, draw: random.Random) -> str:
    i = draw.randrange(1, len(word))
    mark = draw.choice(("**", "__", "||"))
    return f"{word[:i]}{mark}{word[i:]}{mark}"


def _censored(word: str, draw: random.Random) -> str:
    inner = [i for i in range(1, len(word)) if word[i] in _VOWELS] or [1]
    return "".join("*" if i in inner else c for i, c in enumerate(word))


def _grawlix(word: str, draw: random.Random) -> str:
    return word[0] + "".join(draw.choice("#%&") for _ in word[1:-1]) + word[-1] if len(word) > 1 else word


def _without_vowels(word: str, draw: random.Random) -> str:
    return word[0] + "".join(c for c in word[1:] if c not in _VOWELS)


def _misspelt(word: str, draw: random.Random) -> str:
    places = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    if not places:
        return word
    i = draw.choice([place for place in places if place] or places)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _phonetic(word: str, draw: random.Random) -> str:
    fitting = [(old, new) for old, new in _PHONETIC if old in word][:2]
    for old, new in fitting:
        word = word.replace(old, new, 1)
    return word


def _parted(word: str, draw: random.Random) -> str:
    i = draw.randrange(1, len(word)) if len(word) < _SHORTEST_WORD else draw.randrange(2, len(word) - 1)
    return f"{word[:i]} {word[i:]}"


def _tailed(word: str, draw: random.Random) -> str:
    return word + draw.choice(("z0r", "ito", "xx", "ifier", "0"))


def _reversed(word: str, draw: random.Random) -> str:
    return word[::-1]


class Defence(StrEnum):
    """What ought to hold against a kind of evasion."""

    NORMALISER = "normaliser"
    TRAINING = "training"
    NOTHING = "nothing"


_KINDS: tuple[tuple[str, Evasion, Defence], ...] = (
    ("leetspeak", _leet, Defence.NORMALISER),
    ("spaced letters", _spaced, Defence.NORMALISER),
    ("signs between letters", _dotted, Defence.NORMALISER),
    ("lookalike letters", _lookalike, Defence.NORMALISER),
    ("full-width letters", _shifted(_FULL_WIDTH), Defence.NORMALISER),
    ("bold letters", _shifted(_BOLD), Defence.NORMALISER),
    ("circled letters", _shifted(_CIRCLED), Defence.NORMALISER),
    ("emoji letters", _emoji_letters, Defence.NORMALISER),
    ("invisible characters", _hidden, Defence.NORMALISER),
    ("accents", _accented, Defence.NORMALISER),
    ("piled-up marks", _piled, Defence.NORMALISER),
    ("stretched", _stretched, Defence.NORMALISER),
    ("mixed case", _alternating, Defence.NORMALISER),
    ("formatting inside", _marked_up, Defence.NORMALISER),
    ("censored vowels", _censored, Defence.TRAINING),
    ("without vowels", _without_vowels, Defence.TRAINING),
    ("misspelt", _misspelt, Defence.TRAINING),
    ("by sound", _phonetic, Defence.TRAINING),
    ("parted", _parted, Defence.TRAINING),
    ("signs for letters", _grawlix, Defence.NOTHING),
    ("with an ending", _tailed, Defence.NOTHING),
    ("reversed", _reversed, Defence.NOTHING),
)

EVASIONS: Mapping[str, Evasion] = MappingProxyType({name: evasion for name, evasion, _ in _KINDS})
"""How each kind disguises one lower-case word."""

DEFENCES: Mapping[str, Defence] = MappingProxyType({name: defence for name, _, defence in _KINDS})
"""What ought to hold against each kind."""


def evade(text: str, kind: str, draw: random.Random, offensive: Collection[str] = ()) -> str:
    """Return the text with its offensive words disguised; raise KeyError for a kind that there is not.

    Where it holds none of the words in `offensive` (lower case), every word of four letters or more is disguised. A
    text that a kind has nothing to do with comes back as it was.
    """
    evasion = EVASIONS[kind]
    bad = [m.span() for m in _WORD.finditer(text) if m.group().lower() in offensive and len(m.group()) > 1]
    spans = bad or [m.span() for m in _WORD.finditer(text) if len(m.group()) >= _SHORTEST_WORD]
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], evasion(text[start:end].lower(), draw))
        done = end
    return "".join((*pieces, text[done:]))

"""Which disguises a text wears, told from how it was written and from what the normaliser made of it."""

import re
import unicodedata

from classifier.homoglyphs import ENCLOSED
from classifier.normalize import normalize

_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"\S+")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_HIDDEN = re.compile(r"(?<=\w)[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+(?=\w)")
_MARKS = re.compile(r"[\u0300-\u036f]{2}|[\u0334-\u0338]")
_FORMATTED = re.compile(r"(?<=[^\W_])(?:\*\*|__|~~|\|\||`)(?=[^\W_])")
_SINGLE = re.compile(r"(?:(?<=[ .\-_*~|/,+'\"])|^)[^\W_](?=[ .\-_*~|/,+'\"]|$)")
_CENSORED = re.compile(r"(?<![^\W_])(?<!\*)[^\W\d_]+[*#%]+[^\W\d_]*")
_SHORTEST_CENSORED = 4
_LEET = frozenset("0134578@$!|")
_BEFORE_WORDS, _AFTER_WORDS = "\"'(", ".,?!:;\"')"
_SPELLING = ("LATIN SMALL LETTER", "LATIN CAPITAL LETTER")
_FEWEST_SPACED = 3


def disguises(original: str) -> frozenset[str]:
    """Return the disguises that a text seems to wear, as it was written; none for most.

    Except for censored words, which nothing undoes, only what the normaliser reads in another way counts. Accents and
    capitals do not: they may just be spelling.
    """
    plain = normalize(original).text
    lower = original.lower()
    if plain == lower:
        return frozenset({"censored"} if _is_censored(lower, plain) else ())
    found = {
        "censored": _is_censored(lower, plain),
        "stretched": any(match.group() not in plain for match in _STRETCHED.finditer(lower)),
        "spaced letters": _single_letters(lower) - _single_letters(plain) >= _FEWEST_SPACED,
        "invisible characters": bool(_HIDDEN.search(original)),
        "piled-up marks": bool(_MARKS.search(unicodedata.normalize("NFC", original))),
        "formatting inside": any(_is_undone(lower, match, plain) for match in _FORMATTED.finditer(lower)),
        "leetspeak": any(map(_is_leet, _TOKEN.findall(lower))),
        "foreign letters": any(_is_lookalike(character, plain) for character in set(lower)),
    }
    return frozenset(name for name, true in found.items() if true)


def _is_censored(lower: str, plain: str) -> bool:
    return any(
        len(match.group()) >= _SHORTEST_CENSORED and match.group() in plain for match in _CENSORED.finditer(lower)
    )


def _single_letters(text: str) -> int:
    return len(_SINGLE.findall(text))


def _is_undone(lower: str, match: re.Match[str], plain: str) -> bool:
    """Tell whether the letters around a mark stand side by side in the normalised text."""
    start, end = match.span()
    return lower[start - 1 : end + 1] not in plain and lower[start - 1] + lower[end] in plain


def _is_leet(token: str) -> bool:
    bare = token.lstrip(_BEFORE_WORDS).rstrip(_AFTER_WORDS)
    if not bare.isascii() or not _LEET & set(bare) or not _WORD.search(bare):
        return False
    return bare not in (read := normalize(bare).text) and read.isalpha() and len(read) == len(bare)


def _is_lookalike(character: str, plain: str) -> bool:
    """Tell a letter of another script or style that was read as a Latin one."""
    if character in ENCLOSED:
        return True
    if character.isascii() or not (character.isalpha() or unicodedata.category(character) == "So"):
        return False
    if unicodedata.name(character, "").startswith(_SPELLING):
        return False
    decomposed = unicodedata.normalize("NFKD", character).lower()
    base = "".join(c for c in decomposed if not unicodedata.combining(c))
    if base.isascii():
        return len(base) == 1 and base.isalpha()
    return character.isalpha() and base not in plain

"""Names and terms that are likely in a community's clips: few, short and plain, whoever wrote them."""

from collections.abc import Sequence

from bot.errors import PolicyError

MOST_WORDS = 100
"""How many words a community may have."""

LONGEST_WORD = 40
"""How many characters a word may have; it may be a name of several words."""

_MARK = "<|"
"""Begins what steers a speech model, which reads the words as part of its prompt."""


def checked_words(words: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the words without blanks around them; raise PolicyError, which says `where`, if one makes no sense."""
    if len(words) > MOST_WORDS:
        raise PolicyError(f"{where} has {len(words)} words; {MOST_WORDS} are the most")
    checked = tuple(_checked(word, where) for word in words)
    known: set[str] = set()
    for word in checked:
        if word.casefold() in known:
            raise PolicyError(f"{where} has {word!r} twice, whatever its capitals; leave one")
        known.add(word.casefold())
    return checked


def find_word(words: Sequence[str], word: str) -> str | None:
    """Return the one of the words that is spelled so, whatever its capitals; None where none is."""
    return next((known for known in words if known.casefold() == word.strip().casefold()), None)


def _checked(word: str, where: str) -> str:
    plain = word.strip(" ")
    if not plain:
        raise PolicyError(f"{where} has an empty word; leave it out")
    if len(plain) > LONGEST_WORD:
        raise PolicyError(
            f"{where} has {plain[:LONGEST_WORD]!r}…, of {len(plain)} characters; {LONGEST_WORD} are the most"
        )
    if not plain.isprintable() or not any(character.isalnum() for character in plain) or _MARK in plain:
        raise PolicyError(f"{where} has {plain!r}; use letters, digits and signs that can be seen, and no {_MARK!r}")
    return plain

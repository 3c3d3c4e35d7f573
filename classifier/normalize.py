"""Text to the view that the model sees, with offsets back to the original.

The steps run in the order of `_STEPS`; each takes time linear in the text. Training and serving call the same
function, so that the model never meets a text that was prepared in another way.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import emoji

from classifier import homoglyphs
from classifier.errors import TextError

_Replacement = tuple[int, int, str]
_New = Callable[[re.Match[str]], str | None]


@dataclass(frozen=True, slots=True)
class Normalized:
    """Hold a normalised text; character `i` stands for the original's `starts[i]` to `ends[i]`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where characters `start` to `end` (exclusive, at least one) come from in the original."""
        return min(self.starts[start:end]), max(self.ends[start:end])


def normalize(text: str) -> Normalized:
    """Undo disguises of a text: look-alike letters, invisible marks, stretched or spaced letters, leetspeak, emoji.

    Raise TextError where `text` is not a string.
    """
    if not isinstance(text, str):
        raise TextError(f"a text must be a string, not {type(text).__name__}; convert it first")
    draft = Normalized(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    for step in _STEPS:
        draft = _rewrite(draft, step(draft.text))
    return draft


def _rewrite(draft: Normalized, replacements: Iterable[_Replacement]) -> Normalized:
    """Apply replacements, in order and not overlapping; one of equal length keeps the offset of each character."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for start, end, new in replacements:
        pieces += (draft.text[done:start], new)
        same = len(new) == end - start
        starts += draft.starts[done:start]
        starts += draft.starts[start:end] if same else [draft.starts[start]] * len(new)
        ends += draft.ends[done:start]
        ends += draft.ends[start:end] if same else [draft.ends[end - 1]] * len(new)
        done = end
    if done == 0:
        return draft
    pieces.append(draft.text[done:])
    return Normalized("".join(pieces), (*starts, *draft.starts[done:]), (*ends, *draft.ends[done:]))


def _by_pattern(
    pattern: re.Pattern[str], new: Callable[[re.Match[str]], str | None], text: str
) -> Iterator[_Replacement]:
    for match in pattern.finditer(text):
        replacement = new(match)
        if replacement is not None and replacement != match.group():
            yield match.start(), match.end(), replacement


# Discord's own markup, links and addresses: what they name matters less than that they are there.

_MARKUP = re.compile(
    r"<@[!&]?\d{1,20}>|<#\d{1,20}>|<a?:(\w{1,40}):\d{1,20}>|<t:-?\d{1,20}(?::\w)?>"
    r"|(?:https?://|www\.)[^\s<>|]+|\bdiscord(?:app)?\.(?:gg|com)/\S+",
    re.IGNORECASE,
)


def _fold_markup(text: str) -> Iterator[_Replacement]:
    # Here and below: most lines lack the signs that a pattern cannot do without, which is far sooner found out.
    if "<" in text or "." in text or ":" in text:
        yield from _by_pattern(_MARKUP, _name_of_markup, text)


def _name_of_markup(match: re.Match[str]) -> str:
    found = match.group()
    if match.group(1):
        return f" {match.group(1).replace('_', ' ')} "
    if found.startswith("<@"):
        return "@user"
    if found.startswith("<#"):
        return "#channel"
    return "time" if found.startswith("<t:") else "url"


# Emoji become words before their joiners are dropped as invisible characters.

_REGIONAL = re.compile(r"[\U0001F1E6-\U0001F1FF][\U0001F1E6-\U0001F1FF\u200b\u200c\u200d\u2060 ]*")
_LETTER_EMOJI = {"🅰": "a", "🅱": "b", "🅾": "o", "🅿": "p", "🆎": "ab", "Ⓜ": "m", "ℹ": "i", "⭕": "o", "❌": "x"}
_MOST_FLAGS_IN_A_ROW = 2
# emoji_list takes time square in the length of a chain of joined emoji; a piece ends before a plain character, where
# no emoji goes on, or in the midst of a chain far longer than any emoji.
_EMOJI_PIECE = re.compile(r"[\s\S]{1,512}[^\x00-\x7f]{0,512}")


def _fold_flags(text: str) -> Iterator[_Replacement]:
    if not text.isascii():
        yield from _by_pattern(_REGIONAL, _flags_or_letters, text)


def _fold_emoji(text: str) -> Iterator[_Replacement]:
    if text.isascii():
        return
    for piece in _EMOJI_PIECE.finditer(text):
        for found in emoji.emoji_list(piece.group()):
            start, end = piece.start() + int(found["match_start"]), piece.start() + int(found["match_end"])
            if not text[start].isascii() and text[start] not in "™©®":
                yield start, end, _emoji_words(text[start:end])


@lru_cache(maxsize=4096)
def _emoji_words(symbol: str) -> str:
    letter = _LETTER_EMOJI.get(symbol[0])
    if letter:
        return letter
    return f" {emoji.demojize(symbol, delimiters=('', '')).replace('_', ' ')} "


def _flags_or_letters(match: re.Match[str]) -> str:
    run = match.group()
    letters = [c for c in run if c in homoglyphs.ENCLOSED]
    pairs = ["".join(letters[i : i + 2]) for i in range(0, len(letters), 2)]
    joined = run.rstrip() == "".join(letters)
    if joined and len(pairs) <= _MOST_FLAGS_IN_A_ROW and all(emoji.is_emoji(pair) for pair in pairs):
        return " ".join(f" flag {emoji.demojize(pair, delimiters=('', '')).replace('_', ' ')}" for pair in pairs) + " "
    return "".join(homoglyphs.ENCLOSED.get(c, c) for c in run)


# Characters one by one: case, compatibility forms, marks and invisible characters.

_INVISIBLE = {"Mn", "Me", "Cf", "Cc", "Cn", "Co"}


_FOLDED = re.compile(r"[^ -@\[-~]")
"""What is not left as it is: capitals, and all that is not printable ASCII."""


def _fold_characters(text: str) -> Iterator[_Replacement]:
    for match in _FOLDED.finditer(text):
        folded = _fold_character(match.group())
        if folded != match.group():
            yield match.start(), match.end(), folded


def _fold_character(char: str) -> str:
    if " " <= char <= "~":
        return char.lower()
    if char.isspace() or unicodedata.category(char) == "Zs":
        return " "
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if char in homoglyphs.ENCLOSED:
        return homoglyphs.ENCLOSED[char]
    shown = (c for c in unicodedata.normalize("NFKD", char) if unicodedata.category(c) not in _INVISIBLE)
    lower = "".join(shown).lower()
    return "".join(homoglyphs.ALWAYS.get(c, c) for c in lower if unicodedata.category(c) not in _INVISIBLE)


# Words that mix scripts.

_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[a-z]")


def _fold_homoglyphs(text: str) -> Iterator[_Replacement]:
    if text.isascii():
        return
    foreign = "".join(c for c in text if c.isalpha() and not c.isascii())
    disguise = bool(_LATIN.search(text)) and set(foreign) <= homoglyphs.LOOKALIKE_SHAPES
    yield from _by_pattern(_WORD, lambda match: _fold_word(match.group(), disguise), text)


def _fold_word(word: str, disguise: bool) -> str | None:
    foreign = {c for c in word if c in homoglyphs.IN_MIXED_WORDS}
    if not foreign:
        return None
    mixed = bool(_LATIN.search(word))
    whole = foreign <= homoglyphs.LOOKALIKE_SHAPES and all(c in foreign or not c.isalpha() for c in word)
    if mixed or (whole and (disguise or foreign & homoglyphs.FOREIGN_TO_RUSSIAN)):
        return "".join(homoglyphs.IN_MIXED_WORDS.get(c, c) for c in word)
    return None


# Formatting marks inside a word vanish on the reader's screen.

_HIDDEN_MARKS = re.compile(r"(?<=[^\W_])(\*\*|__|~~|\|\||[*`])([^\W_]+)\1|(\*\*|__|~~|\|\||[*`])([^\W_]+)\3(?=[^\W_])")


_MARK = re.compile(r"[*_~|`]")


def _drop_marks_in_words(text: str) -> Iterator[_Replacement]:
    if _MARK.search(text):
        yield from _by_pattern(_HIDDEN_MARKS, lambda match: match.group(2) or match.group(4), text)


# Spaced-out letters.

_SPACED = re.compile(
    r"(?<![^\W_])(?<![@$])[^\W_2689](?:[ .\-_*~|/,+'\"]{1,3}(?:[^\W_2689]|[@$!](?=[ .\-_*~|/,+'\"]))){2,}(?![^\W_])"
)
_SEPARATORS = re.compile(r"[ .\-_*~|/,+'\"]+")
_CHAT_LETTERS = frozenset("uraiykcnbomgx")
_OPENING = re.compile(r"(?:u r a|r u a|ur a|u r|r u|i m a|im a|y r u|i am a) ")
_FEWEST_LETTERS = 3


def _join_spaced_letters(text: str) -> Iterator[_Replacement]:
    for match in _SPACED.finditer(text):
        start, run = match.start(), match.group()
        opening = _OPENING.match(run)
        if opening and len(_SEPARATORS.sub("", run[opening.end() :])) >= _FEWEST_LETTERS:
            start, run = start + opening.end(), run[opening.end() :]
        if _spells_a_word(run):
            yield start, match.end(), _joined(run)


def _spells_a_word(run: str) -> bool:
    letters = _SEPARATORS.sub("", run)
    if sum(c.isalpha() for c in letters) < _FEWEST_LETTERS:
        return False
    # "u r a noob" speaks in single letters already; three of them in a row are words of their own.
    return not (len(letters) == _FEWEST_LETTERS and " " in run and set(letters) <= _CHAT_LETTERS)


def _joined(run: str) -> str:
    """Join the letters; a gap wider than the usual one, or the odd blank among other signs, parts two words."""
    gaps = _SEPARATORS.findall(run)
    usual = min(len(gap) for gap in gaps)
    signs = sum(" " not in gap for gap in gaps) * 2 > len(gaps)
    regular = sum(len(gap) == usual for gap in gaps) * 2 > len(gaps)

    def parts(gap: str) -> bool:
        return " " in gap if signs else regular and len(gap) > usual

    return _SEPARATORS.sub(lambda gap: " " if parts(gap.group()) else "", run)


# Leetspeak inside words.

_LEET_DIGITS = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t"}
_LEET_SIGNS = {"@": "a", "$": "s", "!": "i", "|": "l"}
_LEET = {**_LEET_DIGITS, **_LEET_SIGNS}
_LEET_WORD = re.compile(r"(?<![\w@$!|.])[\w@$!|]*[a-z][\w@$!|]*")
_LEET_SIGN = re.compile(r"[013457@$!|]")
_LEET_RUN_LIMIT = 2


def _undo_leet(text: str) -> Iterator[_Replacement]:
    if _LEET_SIGN.search(text):
        yield from _by_pattern(_LEET_WORD, _plain_letters, text)


def _plain_letters(match: re.Match[str]) -> str | None:
    """Return the word with digits and signs between letters read as letters, or None where it looks like a code."""
    word = match.group()
    body = word.rstrip("!|0123456789")
    if "||" in word or _is_code(body) or _is_address(body, match.string[match.end() : match.end() + 2]):
        return None
    return "".join(_LEET.get(c, c) for c in body) + word[len(body) :]


def _is_code(body: str) -> bool:
    """Tell names of things ("m4a1", "a5s", "2nd") from disguised words."""
    signs = [c for c in body if c in _LEET]
    digits = [c for c in body if c.isdigit()]
    letters = sum(c.isalpha() for c in body)
    if not signs or any(c not in _LEET_DIGITS for c in digits) or _longest_run(body) > _LEET_RUN_LIMIT:
        return True
    if len(body) <= _FEWEST_LETTERS:
        return any(c in "1570" for c in digits) or body[0].isdigit()
    if body[0].isdigit():  # "1d10t" is a word, "1v1" and "5hit" are counts
        return not any(c in _LEET for c in body[1:].lstrip("0123456789"))
    return letters * 2 < len(body)


def _is_address(body: str, after: str) -> bool:
    """Tell mentions and mail addresses from an "a" written as "@"."""
    if "@" not in body:
        return False
    follows_domain = after[:1] in {".", "-"} and after[1:].isalnum()
    mention = body.startswith("@") and not body.startswith(("@ss", "@$"))
    return follows_domain or mention


def _longest_run(body: str) -> int:
    return max((len(run) for run in re.findall(r"[\d@$!|]+", body)), default=0)


# A tokenizer gives up on an endless word: it would hide whatever it holds.

_ENDLESS = re.compile(r"\S{41,}")
_LONGEST_WORD = 40


def _part_endless_words(text: str) -> Iterator[_Replacement]:
    for match in _ENDLESS.finditer(text):
        for i in range(match.start() + _LONGEST_WORD, match.end(), _LONGEST_WORD):
            yield i, i + 1, f" {text[i]}"


# Stretched letters and shouting marks.

_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_REPEATED_SIGNS = re.compile(r"([^\w\s])\1{3,}")
_BLANKS = re.compile(r" {2,}|^ +| +$")
_OFTEN_DOUBLE = frozenset("eoslftpdzgrmnc")


def _shrink_stretched(text: str) -> Iterator[_Replacement]:
    return _by_pattern(_STRETCHED, lambda match: match.group(1) * (2 if match.group(1) in _OFTEN_DOUBLE else 1), text)


def _shrink_signs(text: str) -> Iterator[_Replacement]:
    return _by_pattern(_REPEATED_SIGNS, lambda match: match.group(1) * 3, text)


def _shrink_blanks(text: str) -> Iterator[_Replacement]:
    at_edge = (0, len(text))
    return _by_pattern(_BLANKS, lambda match: "" if match.start() == 0 or match.end() == at_edge[1] else " ", text)


_STEPS: tuple[Callable[[str], Iterator[_Replacement]], ...] = (
    _fold_markup,
    _fold_flags,
    _fold_emoji,
    _fold_characters,
    _fold_homoglyphs,
    _drop_marks_in_words,
    _join_spaced_letters,
    _undo_leet,
    _shrink_stretched,
    _shrink_signs,
    _part_endless_words,
    _shrink_blanks,
)

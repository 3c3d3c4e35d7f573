"""What the length of a message costs: ordinary words, and shapes that somebody may write to hold the bot up."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.chat import made_lines
from benchmarks.growth.costs import cost_of
from benchmarks.growth.laws import Growth, Ledger
from bot.choosing import choices, incident_of
from bot.context import Context
from bot.domain import Excerpt, History, Incident, Platform, SourceKey
from bot.judging import Judged
from bot.policy import Policy
from bot.store.cipher import ContentCipher
from bot.store.keys import load_keys
from bot.store.rows import incident_of as opened
from bot.store.rows import incident_values
from bot.ui.quote import escaped
from classifier import Classifier, Verdict
from classifier.model import SHIPPED
from classifier.normalize import normalize

SECTION = "length"
NOTE = (
    "length: in characters, of words that people say in matches unless the operation names another shape. A text is "
    "scored in windows of the model's length, and explained by its worst window alone."
)
_NOW = datetime(2026, 5, 1, tzinfo=UTC)
_WINDOW = timedelta(seconds=8)
_EMOJI = ("🧑\u200d💻", "👩🏽\u200d🚀", "🏳️\u200d🌈", "😀", "👨\u200d👩\u200d👧\u200d👦", "🇩🇪")
_MARKS = "\u0300\u0301\u0316\u0321\u0334\u0353\u0489"
Shape = Callable[[int], str]
Work = Callable[[], object]


def words(length: int) -> str:
    """Return words that people say in matches."""
    return _cut(" ".join(made_lines(length // 2 + 1, seed=3)), length)


def endless(length: int) -> str:
    """Return one word without an end."""
    draw = random.Random(3)  # noqa: S311 - no secret
    return "".join(draw.choices("abcdefghij0134@$!*_", k=length))


def emoji(length: int) -> str:
    """Return a chain of joined emoji."""
    return _cut("\u200d".join(_EMOJI * (length // 12 + 1)), length)


def zalgo(length: int) -> str:
    """Return letters under piles of marks."""
    return _cut("".join(letter + _MARKS for letter in "you clown " * (length // 70 + 1)), length)


def spaced(length: int) -> str:
    """Return letters with blanks between them."""
    return _cut(" ".join("youclownyoufeed" * (length // 30 + 1)), length)


def signs(length: int) -> str:
    """Return signs that begin a pattern of the normaliser and never end it."""
    return _cut("<a:*`~~||@!$.a-b_c " * (length // 19 + 1), length)


_EXPLAINED = ("words", "one endless word", "a chain of emoji")
"""Explaining takes a hundred times as long as scoring: the shapes that have words, signs, or neither, are enough."""

_QUOTED = ("words", "zalgo")
SHAPES: Mapping[str, Shape] = {
    "words": words,
    "one endless word": endless,
    "a chain of emoji": emoji,
    "zalgo": zalgo,
    "spaced letters": spaced,
    "signs": signs,
}


def measure(
    classifier: Classifier, sizes: Sequence[int], folder: Path, say: Callable[[str], None]
) -> Iterator[list[Growth]]:
    """Yield what was measured so far, after each size."""
    parts = _Parts(classifier, folder)
    found = Ledger(SECTION)
    for size in sizes:
        say(f"{size:,} characters")
        for name, work in parts.operations(size):
            found.add(name, size, cost_of(work, 3), work=1)
        yield found.growths()


class _Parts:
    """Hold what a text passes through."""

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        self._classifier = classifier
        self._tokenizer = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
        self._cipher = ContentCipher(load_keys(None, folder / "length.key", may_create=True))
        self._policy = Policy({})
        self._numbers = count()

    def operations(self, length: int) -> Iterator[tuple[str, Work]]:
        """Yield name and work of what is done with a text of that length."""
        for shape, made in SHAPES.items():
            yield from self._read(shape, made(length))
        text = words(length)
        verdict = self._classifier.score([text])[0]
        incident = self._chosen(text, verdict)
        row = {**incident_values(incident, self._cipher), "id": 1}
        yield "context", lambda: self._said(text)
        yield "policy", lambda: self._chosen(text, verdict)
        yield "sealing", lambda: incident_values(incident, self._cipher)
        yield "opening what is sealed", lambda: opened(row, self._cipher)  # type: ignore[arg-type]
        for shape in _QUOTED:
            yield f"quoting, {shape}", _quoting(SHAPES[shape](length))

    def _read(self, shape: str, text: str) -> Iterator[tuple[str, Work]]:
        yield f"normalise, {shape}", lambda: normalize(text)
        plain = normalize(text).text
        yield f"tokenise, {shape}", lambda: self._tokenizer.encode(plain)
        yield f"score, {shape}", lambda: self._classifier.score([text])
        if shape in _EXPLAINED:
            yield f"explain, {shape}", lambda: self._classifier.explain(text)

    def _said(self, text: str) -> object:
        context = Context()
        return [context.readings(self._excerpt(text), _WINDOW) for _ in range(3)]

    def _chosen(self, text: str, verdict: Verdict) -> Incident:
        excerpt = self._excerpt(text)
        readings = [(reading, verdict) for reading in Context().readings(excerpt, _WINDOW)]
        judged = Judged(excerpt, tuple(readings))
        return incident_of(judged, choices(self._policy, judged, readings, History())[0])

    def _excerpt(self, text: str) -> Excerpt:
        return Excerpt(SourceKey(Platform.DISCORD, "1", "2", f"m{next(self._numbers)}"), "4", _NOW, text)


def _quoting(text: str) -> Work:
    return lambda: escaped(text)


def _cut(text: str, length: int) -> str:
    return text[:length]

"""Which words made the score: each word is scored alone, and the rest without it."""

import re
from collections.abc import Callable, Sequence

from classifier.normalize import Normalized
from classifier.verdict import WordWeight

_WORD = re.compile(r"\S*\w\S*|[^\w\s]{2,}")
MOST_WORDS = 48
"""A text with more words is explained by its parts, several words at a time."""

_LEAST_WEIGHT = 0.02
_LEAST_SHARE = 0.15
_MOST_NAMED = 6


def explain(
    original: str, normalized: Normalized, span: tuple[int, int], score: Callable[[Sequence[str]], Sequence[float]]
) -> tuple[WordWeight, ...]:
    """Return the words of `span` (in the normalised text) that raise P(toxic) most, heaviest first.

    `score` returns P(toxic) of normalised texts. A word weighs the mean of what it adds to nothing and of what it adds
    to the rest, the two ends of its Shapley value: where two words say the same, either alone keeps the score, and
    leaving one out shows nothing.
    """
    start, end = span
    window = normalized.text[start:end]
    groups = _groups([_trimmed(window, *match.span()) for match in _WORD.finditer(window)])
    if not groups:
        return ()
    without = [window[:a] + window[b:] for a, b in groups]
    alone = [window[a:b] for a, b in groups]
    scores = score(["", window, *without, *alone])
    nothing, whole, rest, single = scores[0], scores[1], scores[2 : len(groups) + 2], scores[len(groups) + 2 :]
    weights = [(whole - r + s - nothing) / 2 for r, s in zip(rest, single, strict=True)]
    ranked = sorted(zip(weights, groups, strict=True), key=lambda pair: -pair[0])[:_MOST_NAMED]
    least = max(_LEAST_WEIGHT, _LEAST_SHARE * ranked[0][0])
    return tuple(
        _weight(original, normalized, (start + a, start + b), weight) for weight, (a, b) in ranked if weight >= least
    )


def _trimmed(window: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the punctuation behind a word."""
    word = window[start:end].rstrip(",.;:!?)\"'")
    return start, start + (len(word) or end - start)


def _groups(words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    size = -(-len(words) // MOST_WORDS) or 1
    return [(words[i][0], words[min(i + size, len(words)) - 1][1]) for i in range(0, len(words), size)]


def _weight(original: str, normalized: Normalized, span: tuple[int, int], weight: float) -> WordWeight:
    start, end = normalized.original_span(*span)
    return WordWeight(original[start:end], start, end, round(weight, 4))

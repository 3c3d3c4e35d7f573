"""Which words made the score: each word is left out in turn and the rest is scored again (occlusion)."""

import re
from collections.abc import Callable, Sequence

from classifier.normalize import Normalized
from classifier.verdict import WordWeight

_WORD = re.compile(r"\S*\w\S*|[^\w\s]{2,}")
MOST_WORDS = 48
"""A text with more words is explained by its parts, several words at a time."""

_LEAST_WEIGHT = 0.02
_MOST_NAMED = 6


def explain(
    original: str, normalized: Normalized, span: tuple[int, int], score: Callable[[Sequence[str]], Sequence[float]]
) -> tuple[WordWeight, ...]:
    """Return the words of `span` (in the normalised text) that raise P(toxic) most, heaviest first.

    `score` returns P(toxic) of normalised texts. Where every word alone keeps the score, because another one repeats
    it, words are weighed by what they score alone.
    """
    start, end = span
    window = normalized.text[start:end]
    groups = _groups([match.span() for match in _WORD.finditer(window)])
    if not groups:
        return ()
    without = [window[:a] + window[b:] for a, b in groups]
    alone = [window[a:b] for a, b in groups]
    scores = score([window, *without, *alone])
    whole, rest, single = scores[0], scores[1 : len(groups) + 1], scores[len(groups) + 1 :]
    weights = [whole - s for s in rest]
    if max(weights) < _LEAST_WEIGHT:
        weights = [min(s, whole) if s > whole / 2 else 0.0 for s in single]
    ranked = sorted(zip(weights, groups, strict=True), key=lambda pair: -pair[0])[:_MOST_NAMED]
    return tuple(
        _weight(original, normalized, (start + a, start + b), weight)
        for weight, (a, b) in ranked
        if weight >= _LEAST_WEIGHT
    )


def _groups(words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    size = -(-len(words) // MOST_WORDS) or 1
    return [(words[i][0], words[min(i + size, len(words)) - 1][1]) for i in range(0, len(words), size)]


def _weight(original: str, normalized: Normalized, span: tuple[int, int], weight: float) -> WordWeight:
    start, end = normalized.original_span(*span)
    return WordWeight(original[start:end], start, end, round(weight, 4))

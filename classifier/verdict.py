"""What the classifier says of a text: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold the probabilities of one text.

    `toxic` is P(not welcome) in 0..1; `categories` maps each category to P(category), and these sum to `toxic`.
    `partial` is true where the text was longer than the scorer reads, so that its rest was not judged.
    """

    toxic: float
    categories: Mapping[str, float]
    model_version: str
    partial: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", MappingProxyType(dict(self.categories)))

    @property
    def top(self) -> tuple[str, float]:
        """Return the most probable category and its probability."""
        name = max(self.categories, key=self.categories.__getitem__)
        return name, self.categories[name]


NON_TOXIC = "non_toxic"
"""The class of what is welcome, beside the categories."""


def most_likely(verdict: Verdict, weights: Mapping[str, float] | None = None) -> str:
    """Return the one class of a text: non_toxic, or a category.

    `weights` multiply the probabilities before they are compared, so that rare classes are named at all; classes that
    it lacks weigh 1. Without weights a text is non_toxic below P(toxic) 0.5.
    """
    if not weights:
        return verdict.top[0] if verdict.toxic >= _HALF else NON_TOXIC
    shares = {NON_TOXIC: 1.0 - verdict.toxic, **verdict.categories}
    return max(shares, key=lambda name: shares[name] * weights.get(name, 1.0))


class NotScoredReason(StrEnum):
    """Why a text got no verdict."""

    OVERLOADED = "overloaded"
    LATE = "late"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class NotScored:
    """Stand where a verdict is missing; never to be read as clean."""

    reason: NotScoredReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WordWeight:
    """Name a word of the original text and how much it raised P(toxic).

    `start` and `end` are character offsets in the original text; `weight` is how much of P(toxic) is due to the word.
    """

    word: str
    start: int
    end: int
    weight: float

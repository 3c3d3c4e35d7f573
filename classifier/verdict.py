"""What the classifier says of a text: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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

"""Who is measured: which contenders, on how many threads, and how many texts they are given at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

Score = Callable[[Sequence[str], int | None], object]
"""Score texts, so many at once."""

WHOLE = None
"""All texts in one call, and whatever the contender makes of that by default."""

_OWN_BATCHES = (1, 8, 32, 128, WHOLE)
_OTHER_BATCHES = (WHOLE, 32)


class Contender(StrEnum):
    """Name what scores lines."""

    CLASSIFIER = "classifier"
    BATCHER = "batcher"
    CACHE = "cache"
    PIPELINE = "pipeline"
    BERTWEET = "bertweet"
    ONNX = "onnx"
    ALT_PROFANITY = "alt-profanity-check"
    BETTER_PROFANITY = "better-profanity"

    @property
    def told(self) -> str:
        """Return what it is, as a row of the table tells it."""
        return _TOLD[self]

    @property
    def advice(self) -> str:
        """Return how to install what it needs."""
        extra = "benchmark" if self in _LISTS else "train"
        return f"not installed: pip install '.[{extra}]'"


_TOLD = {
    Contender.CLASSIFIER: "classifier, no cache",
    Contender.BATCHER: "batcher, no cache",
    Contender.CACHE: "batcher, repeated-line cache",
    Contender.PIPELINE: "pipeline, same weights",
    Contender.BERTWEET: "pipeline, BERTweet-sized",
    Contender.ONNX: "ONNX fp32, BERTweet-sized",
    Contender.ALT_PROFANITY: "alt-profanity-check",
    Contender.BETTER_PROFANITY: "better-profanity",
}
_LISTS = (Contender.ALT_PROFANITY, Contender.BETTER_PROFANITY)
OWN = (Contender.CLASSIFIER, Contender.BATCHER, Contender.CACHE)


@dataclass(frozen=True, slots=True)
class Entry:
    """Name one row: a contender, its threads, and how many texts it gets at once."""

    contender: Contender
    threads: int
    batch: int | None = WHOLE

    @property
    def reads_all(self) -> bool:
        """Tell whether it gets every line, however long it takes; others get as many as their time allows."""
        return self.contender in OWN

    @property
    def batch_told(self) -> str:
        """Return its batch in words."""
        if self.batch is not None:
            return str(self.batch)
        if self.contender in (Contender.PIPELINE, Contender.BERTWEET):
            return "default"
        return "as they come" if self.contender in (Contender.BATCHER, Contender.CACHE) else "all"


def entries(contenders: Sequence[Contender], threads: Sequence[int]) -> list[Entry]:
    """Return the rows of a measurement, in the order of the table."""
    return [each for contender in contenders for each in _entries(contender, sorted(set(threads)))]


def portions(texts: Sequence[str], size: int | None) -> Iterator[Sequence[str]]:
    """Yield the texts in portions of a size."""
    size = size or max(1, len(texts))
    return (texts[i : i + size] for i in range(0, len(texts), size))


def _entries(contender: Contender, threads: Sequence[int]) -> Iterator[Entry]:
    if contender in _LISTS:
        yield Entry(contender, 1)
        return
    for count in threads:
        if contender is Contender.CLASSIFIER:
            yield from (Entry(contender, count, batch) for batch in _OWN_BATCHES)
        elif contender in (Contender.BATCHER, Contender.CACHE):
            yield Entry(contender, count)
        elif contender is Contender.ONNX:
            yield from (Entry(contender, count, batch) for batch in (1, 32))
        else:
            yield from (Entry(contender, count, batch) for batch in _OTHER_BATCHES)

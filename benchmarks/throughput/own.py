"""The classifier as it is used: called with lists of texts, and through its batcher with and without the cache."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.throughput.contenders import Contender, Score, portions
from classifier import Batcher, BatcherLimits, NotScored, load

_IN_FLIGHT = 4
"""How many batches' worth of callers wait at once: the next batch is always full."""

_PATIENCE_S = 600.0


class NotAllScored(Exception):
    """The batcher left out a text, so that its speed says nothing."""


def classifier(threads: int) -> Score:
    """Return the classifier without a cache."""
    loaded = load(threads=threads)

    def score(texts: Sequence[str], batch: int | None) -> None:
        for portion in portions(texts, batch):
            loaded.score(portion)

    return score


@contextmanager
def batcher(kind: Contender, threads: int) -> Iterator[Score]:
    """Run the batcher, whose cache lives on from call to call; with the kind BATCHER it keeps no verdict."""
    limits = BatcherLimits(deadline_s=_PATIENCE_S)
    if kind is Contender.BATCHER:
        limits = replace(limits, cached=0)
    waiting = Batcher(load(threads=threads), limits)
    with asyncio.Runner() as runner:
        runner.run(waiting.__aenter__())
        try:
            yield lambda texts, _batch: runner.run(_say(waiting, texts, limits.batch * _IN_FLIGHT))
        finally:
            runner.run(waiting.__aexit__(None, None, None))


async def _say(batcher: Batcher, texts: Sequence[str], at_once: int) -> None:
    """Have callers say the texts in order, each as soon as its last one is answered."""
    left = iter(texts)

    async def caller() -> None:
        for text in left:
            answer = await batcher.score(text)
            if isinstance(answer, NotScored):
                raise NotAllScored(f"the batcher did not score a text: {answer.reason} {answer.detail}")

    await asyncio.gather(*(caller() for _ in range(at_once)))

"""Have messages scored that come whether or not the last ones have their answer, and see how long each takes."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle

from benchmarks.arrivals import Arrival, moments
from benchmarks.figures import Spread, spread
from classifier import Batcher, BatcherLimits, Classifier, NotScored
from classifier.batcher import Pass

_FEWEST = 30
"""How many messages a load has in the mean at least, however few are said in a second."""

_FIRST_PASSES = (1, 2, 4, 8, 16, 24)
"""How many lines are scored before anything is measured: the first passes of each size take longer."""


@dataclass(frozen=True, slots=True)
class Load:
    """Say how messages come, and how many a second."""

    arrival: Arrival
    rate: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what became of a load.

    `score` is from the moment that a message was due until its answer was there, `wait` from when it was handed in
    until its pass began, `in_pass` what the pass took. `not_scored` has the reasons. `repeated` needed no pass of their
    own. `busy` is how much of a processor was used.
    """

    load: Load
    seconds: float
    said: int
    scored: int
    not_scored: dict[str, int]
    repeated: int
    passes: int
    mean_pass: float
    busy: float
    score: Spread | None
    wait: Spread | None
    in_pass: Spread | None
    late_s: float


@dataclass(slots=True)
class _Seen:
    """Gather what happens to messages and passes."""

    latencies: list[float] = field(default_factory=list)
    not_scored: Counter[str] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    texts: int = 0
    passes: int = 0
    late_s: float = 0.0

    def on_pass(self, each: Pass) -> None:
        """Note a pass, once for each message that it answered."""
        self.passes += 1
        self.texts += each.texts
        self.waited += each.waited_s
        self.took += [each.took_s] * len(each.waited_s)


def lines_for(lines: Iterable[str], *, cache: bool) -> Iterator[str]:
    """Return lines without end; without the cache, none that was said before until all have been said."""
    return cycle(lines if cache else dict.fromkeys(lines))


def limits_for(limits: BatcherLimits, *, cache: bool) -> BatcherLimits:
    """Return limits with or without the cache of repeated lines."""
    return limits if cache else replace(limits, cached=0)


def seconds_for(rate: float, seconds: float) -> float:
    """Return how long a load takes: at least long enough for a few dozen messages."""
    return max(seconds, _FEWEST / rate)


def warm(classifier: Classifier, lines: Iterator[str]) -> None:
    """Have a model do its first passes."""
    for count in _FIRST_PASSES:
        classifier.score([next(lines) for _ in range(count)])


async def measure(
    load: Load, lines: Iterator[str], classifier: Classifier, limits: BatcherLimits, seconds: float
) -> Measured:
    """Return what becomes of messages that come for so many seconds; each is answered before this returns."""
    seen = _Seen()
    due = moments(load.arrival, load.rate, seconds)
    used, began = time.process_time(), time.perf_counter()
    async with Batcher(classifier, limits, on_pass=seen.on_pass) as batcher:
        async with asyncio.TaskGroup() as said:
            await _say(due, lambda moment: said.create_task(_one(batcher, next(lines), moment, seen)), seen)
        took = time.perf_counter() - began
        scored = batcher.scored
    return Measured(
        load=load,
        seconds=round(took, 3),
        said=len(due),
        scored=scored,
        not_scored=dict(seen.not_scored),
        repeated=scored - seen.texts,
        passes=seen.passes,
        mean_pass=round(seen.texts / seen.passes, 2) if seen.passes else 0.0,
        busy=round((time.process_time() - used) / took, 3),
        score=spread(seen.latencies),
        wait=spread(seen.waited),
        in_pass=spread(seen.took),
        late_s=round(seen.late_s, 4),
    )


async def _say(due: Iterable[float], say: Callable[[float], object], seen: _Seen) -> None:
    """Start a message at each moment; one that is started late was due when it was due."""
    start = time.perf_counter()
    for moment in due:
        early = start + moment - time.perf_counter()
        if early > 0:
            await asyncio.sleep(early)
        seen.late_s = max(seen.late_s, time.perf_counter() - start - moment)
        say(start + moment)


async def _one(batcher: Batcher, line: str, due: float, seen: _Seen) -> None:
    answer = await batcher.score(line)
    if isinstance(answer, NotScored):
        seen.not_scored[answer.reason] += 1
    else:
        seen.latencies.append(time.perf_counter() - due)

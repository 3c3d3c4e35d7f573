"""What something costs: processor time of this process, the middle of several times, and memory."""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

_TIMES = 5
_LEAST_S = 0.004
"""So long a work is repeated at least: a clock that is read too often measures itself."""

_ENOUGH_S, _FEWEST = 4.0, 2
"""What takes seconds is asked for fewer times."""


def cost_of(work: Callable[[], object], times: int = _TIMES) -> float:
    """Return the processor seconds of this thread that one call takes."""
    work()
    repeats = _repeats(work)
    found: list[float] = []
    while len(found) < times and (len(found) < _FEWEST or sum(found) < _ENOUGH_S):
        found.append(_taken(work, repeats))
    return statistics.median(found)


async def cost_of_asking(ask: Callable[[], Awaitable[object]], times: int = _TIMES) -> float:
    """Return the processor seconds of this process, all its threads together, that one call takes."""
    await ask()
    gc.collect()
    found: list[float] = []
    while len(found) < times and (len(found) < _FEWEST or sum(found) < _ENOUGH_S):
        began, repeats = time.process_time(), 0
        while time.process_time() - began < _LEAST_S or not repeats:
            await ask()
            repeats += 1
        found.append((time.process_time() - began) / repeats)
    return statistics.median(found)


@contextmanager
def counted_memory() -> Iterator[Callable[[], float]]:
    """Count what is allocated in the block; what is yielded returns the megabytes of it that are still held."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield lambda: (tracemalloc.get_traced_memory()[0] - before) / (1 << 20)
    finally:
        tracemalloc.stop()


def _repeats(work: Callable[[], object]) -> int:
    repeats = 1
    while _taken(work, repeats) * repeats < _LEAST_S and repeats < 100_000:
        repeats *= 2
    return repeats


def _taken(work: Callable[[], object], repeats: int) -> float:
    began = time.thread_time()
    for _ in range(repeats):
        work()
    return (time.thread_time() - began) / repeats

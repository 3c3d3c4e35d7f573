"""Lines from a blocking reader into the event loop, as they come or at the pace of the log."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T")
_BATCHES_AHEAD = 4


class Speed(StrEnum):
    """How fast a log is played."""

    REAL = "1"
    TEN = "10"
    MAX = "max"

    @property
    def factor(self) -> float | None:
        """Return how many seconds of the log pass in one, None where it is not held back at all."""
        return None if self is Speed.MAX else float(self.value)


class Pace:
    """Hold lines back until their time has come; where the time falls, another match begins, at once."""

    def __init__(self, factor: float | None) -> None:
        self._factor = factor
        self._last: float | None = None
        self._zero = 0.0

    async def wait(self, t: float) -> None:
        """Return when the line at `t` seconds is due."""
        if self._factor is None:
            return
        if self._last is None or t < self._last:
            self._zero = time.monotonic() - t / self._factor
        self._last = t
        await asyncio.sleep(max(0.0, self._zero + t / self._factor - time.monotonic()))


async def pumped(batches: Callable[[], Iterator[Sequence[_T]]]) -> AsyncGenerator[_T]:
    """Yield what a blocking iterator of batches gives, read by a thread that is few batches ahead.

    The thread is a daemon: it may wait for a line that never comes while the program ends.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Sequence[_T] | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(_BATCHES_AHEAD)
    stop = threading.Event()

    def read() -> None:
        end: BaseException | None = None
        try:
            for batch in batches():
                room.acquire()
                if stop.is_set():
                    return
                loop.call_soon_threadsafe(queue.put_nowait, batch)
        except BaseException as error:  # handed to the reader, whatever it is
            end = error
        # The loop is closed where the program ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, end)

    threading.Thread(target=read, name="referee-read", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            for entry in item:
                yield entry
            room.release()
    finally:
        stop.set()
        room.release()

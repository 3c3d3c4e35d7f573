"""The operator's word that it is enough: Ctrl-C, or the signal of a service manager."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


class Stop:
    """Known once, and from then on; made by `until_told`."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    @property
    def is_told(self) -> bool:
        """Tell whether it is to stop."""
        return self._told.is_set()

    def tell(self) -> None:
        """Say so."""
        self._told.set()

    async def wait(self) -> None:
        """Return once it is to stop."""
        await self._told.wait()

    async def unless(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Return what the work returns; None where it was told to stop before, and the work is broken off."""
        task, told = asyncio.create_task(work), asyncio.create_task(self.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            return None
        finally:
            for each in (task, told):
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each


@contextmanager
def until_told() -> Iterator[Stop]:
    """Hand out what tells of Ctrl-C and of a service manager's signal, in a running loop."""
    stop, loop = Stop(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; Ctrl-C still ends the loop there.
        with suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.tell)
    try:
        yield stop
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                loop.remove_signal_handler(name)

"""Of many revisions of one message only the newest waits: ten thousand edits cost what two do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Busy:
    """Hold who waits until the revision before it is done with; True lets them go on."""

    next: asyncio.Future[bool] | None = field(default=None)


class Latest:
    """Let one revision of a name through at a time; of those that come meanwhile the newest goes next."""

    def __init__(self) -> None:
        self._busy: dict[str, _Busy] = {}

    def __len__(self) -> int:
        """Return of how many names a revision is under way."""
        return len(self._busy)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[bool]:
        """Wait until the revision before this one is done with; yield False where a newer one took its place."""
        busy = self._busy.get(name)
        if busy is None:
            busy = self._busy[name] = _Busy()
        elif not await self._waited(name, busy):
            yield False
            return
        try:
            yield True
        finally:
            self._pass_on(name, busy)

    async def _waited(self, name: str, busy: _Busy) -> bool:
        if busy.next is not None and not busy.next.done():
            busy.next.set_result(False)
        mine: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        busy.next = mine
        try:
            return await mine
        except asyncio.CancelledError:
            # It was told to go on, and was stopped before it could.
            if not mine.cancelled() and mine.result():
                self._pass_on(name, busy)
            raise

    def _pass_on(self, name: str, busy: _Busy) -> None:
        waiting, busy.next = busy.next, None
        if waiting is None or waiting.done():
            del self._busy[name]
        else:
            waiting.set_result(True)

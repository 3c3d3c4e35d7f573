"""Whose turn it is: one at a time, those that are urgent before the rest, and the rest not never."""

import asyncio
from collections import deque
from collections.abc import Callable

_URGENT_IN_A_ROW = 8
"""After so many urgent ones somebody of the rest has a turn, where somebody waits."""


class Turns:
    """Hand a turn from one to the next, who has it from that moment on."""

    def __init__(self, missed: Callable[[], None]) -> None:
        """`missed` is called where somebody gives up at the moment of getting the turn: it has to `pass_on`."""
        self._missed = missed
        self._taken = False
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}
        self._in_a_row = 0

    def waits(self, *, urgent: bool | None = None) -> bool:
        """Tell whether somebody waits: anybody, or only of that kind."""
        kinds = (True, False) if urgent is None else (urgent,)
        return any(not each.done() for kind in kinds for each in self._waiting[kind])

    async def take(self, *, urgent: bool) -> None:
        """Wait for a turn."""
        if not self._taken:
            self._taken = True
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[urgent].append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():
                self._missed()
            raise

    def pass_on(self) -> None:
        """Give the turn to whoever is next, if there is anybody."""
        turn_of_rest = self._in_a_row >= _URGENT_IN_A_ROW
        for urgent in (False, True) if turn_of_rest else (True, False):
            waiting = self._waiting[urgent]
            while waiting:
                given = waiting.popleft()
                if not given.done():
                    self._in_a_row = self._in_a_row + 1 if urgent else 0
                    given.set_result(None)
                    return
        self._taken = False

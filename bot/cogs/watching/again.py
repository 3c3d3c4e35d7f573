"""What the database did not take, to be tried again."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

Attempt = Callable[[], Awaitable[bool]]
"""Takes something in once more and tells whether it was kept."""


class Again:
    """Remember so many attempts at most; beyond that the oldest are dropped, which is logged."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._waiting: OrderedDict[str, Attempt] = OrderedDict()

    def add(self, name: str, attempt: Attempt) -> None:
        """Remember an attempt; one of the same name takes the place of the earlier."""
        self._waiting.pop(name, None)
        self._waiting[name] = attempt
        if len(self._waiting) > self._most:
            dropped, _ = self._waiting.popitem(last=False)
            _log.error("too much was not kept: %s is not tried again before the next start", dropped)

    async def try_all(self) -> None:
        """Make every attempt once, oldest first, up to the first that fails: the database is not back then.

        One that breaks is logged and left to the next start, so that the others still have their turn.
        """
        for name in tuple(self._waiting):
            attempt = self._waiting.pop(name, None)
            if attempt is None:
                continue
            (kept,) = await asyncio.gather(attempt(), return_exceptions=True)
            if isinstance(kept, BaseException):
                _log.error("%s is not tried again before the next start", name, exc_info=kept)
            elif not kept:
                # Behind the others, so that one that never succeeds does not keep them from it.
                self._waiting.setdefault(name, attempt)
                return

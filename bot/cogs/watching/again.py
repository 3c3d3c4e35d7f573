"""What the database did not take, to be tried again."""

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
        """Make every attempt once, oldest first, up to the first that fails: the database is not back then."""
        for name in tuple(self._waiting):
            attempt = self._waiting.pop(name, None)
            if attempt is None:
                continue
            if not await attempt():
                # Behind the others, so that one that never succeeds does not keep them from it.
                self._waiting.setdefault(name, attempt)
                return

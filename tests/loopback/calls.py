"""What the bot asked for, in order, and waiting for it without sleeping."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.loopback.snowflakes import Payload

T = TypeVar("T")
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class SentFile:
    """Hold one file of a multipart request."""

    field: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one request of the bot; `path` starts after `/api/v10`, and `reason` is decoded.

    `body` is the JSON object sent, empty where there was none; a list is under its key `items`.
    `at` is when it had arrived, as a monotonic time.
    """

    method: str
    path: str
    body: Payload = field(default_factory=dict)
    reason: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    files: tuple[SentFile, ...] = ()
    at: float = field(default_factory=time.monotonic, compare=False)

    def matches(self, method: str, pattern: str) -> bool:
        """Tell whether it is this method on a path that the whole pattern (a regular expression) matches."""
        return method in ("*", self.method) and re.fullmatch(pattern, self.path) is not None


class CallLog:
    """Keep every call and wake those who wait for one."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._changed = asyncio.Condition()

    async def record(self, call: Call) -> None:
        """Add a call."""
        self.calls.append(call)
        await self.stir()

    async def stir(self) -> None:
        """Let everyone who waits look again."""
        async with self._changed:
            self._changed.notify_all()

    async def until(self, predicate: Callable[[], T], within: float = PATIENCE_S, *, what: str = "") -> T:
        """Wait until the predicate holds, at most `within` seconds, and return what it returned."""
        try:
            async with asyncio.timeout(within), self._changed:
                return await self._changed.wait_for(predicate)
        except TimeoutError:
            seen = "\n  ".join(f"{call.method} {call.path} {call.body}"[:300] for call in self.calls) or "none"
            text = what or "what the test waits for"
            raise AssertionError(f"{text} did not come within {within} s; calls so far:\n  {seen}") from None

    async def call(self, method: str, pattern: str, *, since: int = 0, within: float = PATIENCE_S) -> Call:
        """Wait for the first such call from that index on."""

        def first() -> Call | None:
            return next((call for call in self.calls[since:] if call.matches(method, pattern)), None)

        found = await self.until(first, within, what=f"{method} {pattern}")
        assert found is not None
        return found

    def made(self, method: str, pattern: str, *, since: int = 0) -> list[Call]:
        """Return every such call so far."""
        return [call for call in self.calls[since:] if call.matches(method, pattern)]

"""The signs of life of the bot: the turns of its event loop, and what comes from the gateway."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from bot.latency import Latency

_TURN_S = 0.25
_IN_SESSION = frozenset({"ready", "resumed"})
"""Events after which everything is as it should be; a mere connection is not yet a session."""


class GatewayPulse:
    """Note every event of the client: how often it connected, and when the gateway was last heard of."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_event: float | None = None
        self.is_connected = False
        self.sessions = self.resumes = self.disconnects = self.events = 0

    def note(self, event: str) -> None:
        """Take note of an event as the library names it; called for every one, so that it does next to nothing."""
        if event == "socket_event_type":
            self._last_event = self._clock()
            self.events += 1
        elif event in _IN_SESSION:
            self.sessions += event == "ready"
            self.resumes += event == "resumed"
            self.is_connected = True
        elif event == "disconnect":
            # It is told again for each attempt to come back that fails.
            self.disconnects += self.is_connected
            self.is_connected = False

    def silent_s(self) -> float | None:
        """Return for how long the gateway has sent no event, None where it never did."""
        return None if self._last_event is None else max(0.0, self._clock() - self._last_event)


class LoopPulse:
    """Note the turns of an event loop, and by how much they are late; read from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_turn = clock()
        self._turning: asyncio.Task[None] | None = None
        self.lag = Latency()

    def still_s(self) -> float:
        """Return how long ago the loop turned."""
        return max(0.0, self._clock() - self._last_turn)

    def start(self) -> None:
        """Begin with the loop that runs."""
        self._last_turn = self._clock()
        self._turning = asyncio.create_task(self._turn(), name="referee: pulse")

    async def stop(self) -> None:
        """End it."""
        if self._turning is not None:
            self._turning.cancel()
            with suppress(asyncio.CancelledError):
                await self._turning

    async def _turn(self) -> None:
        while True:
            began = self._clock()
            await asyncio.sleep(_TURN_S)
            self._last_turn = self._clock()
            self.lag.note(self._last_turn - began - _TURN_S)

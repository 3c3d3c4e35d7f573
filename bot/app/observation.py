"""What there is to see of a running bot: looked at when somebody asks, with nothing about anybody in it."""

import asyncio
import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.app.pulse import LoopPulse
from bot.errors import StoreError
from bot.latency import Latency
from bot.metered import Meters
from bot.speech.line import SpeechLoad
from bot.tally import Tally

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_ANSWER_WITHIN_S = 2.0
_COUNTED_EVERY_S = 30.0
"""Counting what the database holds reads a good part of it, so that it is not done for everybody who asks."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold what the database holds: incidents by state, and cards that are still to be shown or brought up to date."""

    incidents: Mapping[str, int] = field(default_factory=dict)
    cards_unsent: int = 0
    cards_behind: int = 0


@dataclass(frozen=True, slots=True)
class Gateway:
    """Hold how the connection is; None where nothing is known yet."""

    is_connected: bool
    latency_s: float | None
    silent_s: float | None
    sessions: int
    resumes: int
    disconnects: int
    events: int


@dataclass(frozen=True, slots=True)
class Observation:
    """Hold one look at a bot; `missing` says in words what keeps it from judging, and is empty where it is ready."""

    missing: tuple[str, ...]
    lag: Latency
    model_version: str
    tally: Tally
    meters: Meters
    deciding: Latency
    waiting: int
    oldest_wait_s: float
    speech: SpeechLoad | None
    gateway: Gateway
    is_database_up: bool
    database_bytes: int | None
    database_failures: int
    kept: Kept | None
    communities: int
    braked: int


class Observer:
    """Look at a bot; to be asked in the bot's event loop, by one at a time."""

    def __init__(self, bot: "RefereeBot", loop_pulse: LoopPulse) -> None:
        self._bot = bot
        self._loop_pulse = loop_pulse
        self._ping: asyncio.Task[bool] | None = None
        self._count: asyncio.Task[Kept | None] | None = None
        self._counted_at = -math.inf
        self._kept: Kept | None = None
        self._failures = 0
        self._bytes: int | None = None

    async def look(self) -> Observation:
        """Return what there is to see; what does not answer soon is not waited for."""
        is_up = await self._answers()
        kept = await self._counted() if is_up else self._kept
        bot, services = self._bot, self._bot.services
        return Observation(
            missing=tuple(self._missing(is_up)),
            lag=copy.deepcopy(self._loop_pulse.lag),
            model_version=services.model_version,
            tally=copy.deepcopy(services.pipeline.tally),
            meters=replace(copy.deepcopy(services.meters), scoring_since={}),
            deciding=copy.deepcopy(services.latency),
            waiting=services.room.waiting + services.waiting(),
            oldest_wait_s=max(services.room.oldest_s, services.meters.oldest_s(time.monotonic())),
            speech=services.speech(),
            gateway=_gateway(bot),
            is_database_up=is_up,
            database_bytes=self._bytes,
            database_failures=self._failures + services.pipeline.tally.not_kept,
            kept=kept,
            communities=len(bot.guilds),
            braked=sum(services.brake.is_on(str(guild.id)) for guild in bot.guilds),
        )

    def _missing(self, is_up: bool) -> list[str]:
        found, catch_up = [], self._bot.get_cog("CatchUp")
        if not is_up:
            found.append("database: it does not answer")
        if self._bot.is_closed():
            found.append("referee: it is stopping")
        elif not self._bot.pulse.is_connected:
            found.append("gateway: not connected to Discord")
        elif not getattr(catch_up, "is_caught_up", True):
            found.append("messages: what was missed is still being read")
        return found

    async def _answers(self) -> bool:
        """Tell whether the database answers; a question that hangs is not asked twice."""
        self._ping = self._ping or asyncio.create_task(self._asked())
        if not await _done(self._ping):
            return False
        ping, self._ping = self._ping, None
        return ping.result()

    async def _asked(self) -> bool:
        stores = self._bot.services.stores
        try:
            await stores.communities.recall("ping")
            self._bytes = (await stores.describe()).size
        except StoreError:
            self._failures += 1
            return False
        return True

    async def _counted(self) -> Kept | None:
        now = time.monotonic()
        if self._count is None and now - self._counted_at >= _COUNTED_EVERY_S:
            self._count, self._counted_at = asyncio.create_task(self._count_all()), now
        if self._count is not None and await _done(self._count):
            self._kept = self._count.result() or self._kept
            self._count = None
        return self._kept

    async def _count_all(self) -> Kept | None:
        stores = self._bot.services.stores
        try:
            states = await stores.incidents.counts()
            unsent, behind = await stores.cards.unsent(), await stores.cards.behind()
        except StoreError:
            self._failures += 1
            return None
        return Kept({str(state): number for state, number in states.items()}, len(unsent), len(behind))


async def _done(task: "asyncio.Task[Any]") -> bool:
    """Tell whether a task ends soon; it is left to itself where it does not."""
    done, _ = await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
    return bool(done)


def _gateway(bot: "RefereeBot") -> Gateway:
    pulse, latency = bot.pulse, bot.latency
    return Gateway(
        is_connected=pulse.is_connected and not bot.is_closed(),
        # Without a connection, or before its first heartbeat, it is no number.
        latency_s=latency if math.isfinite(latency) else None,
        silent_s=pulse.silent_s(),
        sessions=pulse.sessions,
        resumes=pulse.resumes,
        disconnects=pulse.disconnects,
        events=pulse.events,
    )

"""Deletions, batched where they pile up: a raid is cleared by few calls."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import discord

from bot.enforce.calls import ERRORS, Calls
from bot.enforce.reasons import fitted
from bot.ports import Clock

_MOST_AT_ONCE = 100
_PILE, _WITHIN = 4, timedelta(seconds=2)
"""Where so many messages of a channel were deleted so lately, others are likely to follow."""

_GATHER_S = 0.75
"""How long they are waited for: short enough for who reads there, long enough for a raid to pile up."""

_OLDEST_IN_BULK = timedelta(days=13, hours=23)
"""Discord refuses a whole bulk for one message of 14 days; an hour is left for clocks that differ."""


@dataclass(slots=True, eq=False)
class _Wanted:
    """Hold a message to be deleted, and how it went."""

    message: int
    reason: str
    done: bool = False
    error: BaseException | None = None


@dataclass(slots=True, weakref_slot=True)
class _Channel:
    """Hold what is to be deleted in one channel, in the order of asking."""

    waiting: dict[int, _Wanted] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Deletes:
    """Delete messages, one call at a time in each channel; what waited for a call goes together in the next.

    The first few go at once. Where they keep coming in a channel, `gather` seconds are left for more to come.
    Nothing runs in the background: each caller waits for its turn, and does then what is waiting, unless another did.
    """

    def __init__(self, client: discord.Client, calls: Calls, clock: Clock, gather: float = _GATHER_S) -> None:
        self._client = client
        self._calls = calls
        self._clock = clock
        self._gather = gather
        self._lately: OrderedDict[int, deque[datetime]] = OrderedDict()
        self._channels: WeakValueDictionary[int, _Channel] = WeakValueDictionary()

    async def delete(self, community: str, channel: int, message: int, reason: str) -> None:
        """Delete one message; raise what Discord answered to it, one of ERRORS."""
        queue = self._channels.setdefault(channel, _Channel())
        wanted = queue.waiting.setdefault(message, _Wanted(message, reason))
        async with queue.turn:
            # Once is enough: turns are taken in the order of asking. Only what cancelled callers left may come first.
            while not wanted.done:
                if len(queue.waiting) < _MOST_AT_ONCE and self._is_busy(channel):
                    await asyncio.sleep(self._gather)
                batch = list(queue.waiting.values())[:_MOST_AT_ONCE]
                await self._all(community, channel, batch)
                for each in batch:
                    del queue.waiting[each.message]
                self._note(channel, len(batch))
        if wanted.error is not None:
            raise wanted.error

    def _is_busy(self, channel: int) -> bool:
        times = self._lately.get(channel)
        # A clock that was set back makes no channel busy.
        return times is not None and len(times) == _PILE and timedelta() <= self._clock.now() - times[0] < _WITHIN

    def _note(self, channel: int, number: int) -> None:
        now = self._clock.now()
        self._lately.setdefault(channel, deque(maxlen=_PILE)).extend([now] * min(number, _PILE))
        self._lately.move_to_end(channel)
        while now - next(iter(self._lately.values()))[-1] >= _WITHIN:
            self._lately.popitem(last=False)

    async def _all(self, community: str, channel: int, batch: Sequence[_Wanted]) -> None:
        oldest = self._clock.now() - _OLDEST_IN_BULK
        young = [each for each in batch if not each.done and discord.utils.snowflake_time(each.message) > oldest]
        if len(young) > 1:
            await self._bulk(community, channel, young)
        for each in batch:
            if not each.done:
                await self._single(community, channel, each)

    async def _bulk(self, community: str, channel: int, batch: Sequence[_Wanted]) -> None:
        """Delete several at once; where Discord does not take one of them, leave all to single calls."""
        reason = fitted("; ".join(dict.fromkeys(each.reason for each in batch)))
        call = self._client.http.delete_messages(channel, [each.message for each in batch], reason=reason)
        error: BaseException | None = None
        try:
            await self._calls.make(community, call)
        except ERRORS as raised:
            if isinstance(raised, discord.HTTPException) and raised.status in (400, 404):
                return
            error = raised
        for each in batch:
            each.done, each.error = True, error

    async def _single(self, community: str, channel: int, wanted: _Wanted) -> None:
        try:
            call = self._client.http.delete_message(channel, wanted.message, reason=wanted.reason)
            await self._calls.make(community, call)
        except ERRORS as error:
            wanted.error = error
        wanted.done = True

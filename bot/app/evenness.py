"""Keep the event loop even: no long pause to collect garbage, and no long run of events without a breath.

Measured by `python -m benchmarks.overload`: without this the loop stands still for 0.4 s at a time under a flood.
"""

import asyncio
import gc
import time
from typing import TYPE_CHECKING

import discord.client
from discord.ext import tasks
from discord.gateway import DiscordWebSocket

if TYPE_CHECKING:
    from bot.app.client import RefereeBot


_BREATH_S = 0.002
"""How long events are taken in before others run: what they set going takes several times as long in its turn."""

_COLLECTED_EVERY_S = 60.0
_THRESHOLDS = (400, 1, 3000)
"""After how many new objects the youngest are looked through, and how often that is before older ones are as well.

Under load an object costs up to eight microseconds: the second look, at twelve hundred of them at most, stays below ten
milliseconds. The last look is left to `_COLLECTED_EVERY_S`.
"""


class EvenWebSocket(DiscordWebSocket):
    """Let others run now and then while events come in.

    The library handles whatever has arrived in one go: with compressed events that is hundreds of messages, while
    heartbeats and answers wait. Not after each event: while the model is at work, a turn of the loop costs time.
    """

    _breathed = 0.0

    async def poll_event(self) -> None:
        """Take one event, and give way if that was not done for a while."""
        await super().poll_event()
        if time.monotonic() - self._breathed > _BREATH_S:
            await asyncio.sleep(0)
            self._breathed = time.monotonic()


def give_way() -> None:
    """Have the library connect through `EvenWebSocket`; the name in its module is the only seam."""
    vars(discord.client)["DiscordWebSocket"] = EvenWebSocket


def spare_the_heap(bot: "RefereeBot") -> None:
    """Collect garbage when there is nothing else to do, and leave out what a start leaves behind, which stays anyway.

    Messages leave no cycles, so that under a flood a full collection finds nothing and stops everything for long.
    """

    @tasks.loop(seconds=_COLLECTED_EVERY_S)
    async def collect() -> None:
        if not bot.services.room.waiting:
            gc.collect()

    async def on_ready() -> None:
        if not collect.is_running():
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_THRESHOLDS)
            collect.start()

    bot.add_listener(on_ready)

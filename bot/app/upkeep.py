"""What a bot that runs for months does now and then: drop what has expired, servers that it left, and old keys."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.assembly import purge
from bot.domain import Platform
from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_ROUND_S = 2.0
"""How long one round of a purge takes at most; the rest follows after as long again."""

_TOLD_EVERY_S = 60.0


class Upkeep(commands.Cog):
    """Purge once a day, forget servers that are left, and seal everything with a new key where there is one."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    async def cog_load(self) -> None:
        """Start the rounds."""
        for each in (self.daily, self.hourly, self.resealing):
            each.start()

    async def cog_unload(self) -> None:
        """End them."""
        for each in (self.daily, self.hourly, self.resealing):
            each.cancel()

    @tasks.loop(hours=24)
    async def daily(self) -> None:
        """Drop contents and incidents that are older than the settings allow, and what an erasure left in the file."""
        try:
            await self._purge()
            await self._bot.services.stores.incidents.scrub()
        except StoreError:
            _log.exception("the daily purge failed; it is tried again tomorrow")

    @tasks.loop(hours=1)
    async def hourly(self) -> None:
        """Drop everything about servers that removed the bot while it was away.

        Not at the start: until every server has been told of, one that is missing means nothing yet.
        """
        if self.hourly.current_loop == 0 or not self._bot.is_ready() or not self._bot.guilds:
            return
        try:
            await self._forget_left()
        except StoreError:
            _log.exception("a server that is left could not be forgotten; it is tried again in an hour")

    @tasks.loop(hours=1)
    async def resealing(self) -> None:
        """Seal everything with the first key, where that is not done; what fails is tried again in an hour."""
        stores, told = self._bot.services.stores, time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                _log.info("sealed %d of %d rows with the new content key", done, total)

        try:
            if await stores.incidents.is_resealed():
                return
            changed = await stores.reseal(tell)
        except StoreError:
            _log.exception("not everything could be sealed with the first content key; it is tried again in an hour")
            return
        _log.warning("%d rows were sealed with the first content key: older keys can be dropped", changed)

    async def _purge(self) -> None:
        services = self._bot.services
        contents = incidents = 0
        complete = False
        while not complete:
            purged = await purge(services.stores.incidents, services.settings, services.clock, within_s=_ROUND_S)
            contents, incidents = contents + purged.contents, incidents + purged.incidents
            complete = purged.complete
            await asyncio.sleep(0 if complete else _ROUND_S)
        if contents or incidents:
            _log.info("purged the content of %d incidents, and %d incidents", contents, incidents)

    async def _forget_left(self) -> None:
        communities, there = self._bot.services.communities, {str(guild.id) for guild in self._bot.guilds}
        stored = await self._bot.services.stores.communities.traces(Platform.DISCORD)
        for community in sorted((communities.known() | stored) - there):
            dropped = await communities.forget(community)
            _log.warning(
                "server %s has removed the bot: %d incidents and its settings were dropped", community, dropped
            )


async def setup(bot: "RefereeBot") -> None:
    """Add the upkeep."""
    await bot.add_cog(Upkeep(bot))

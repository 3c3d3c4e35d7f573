"""What a bot that runs for months does now and then: drop what has expired, and servers that it was removed from."""

import logging
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.assembly import purge
from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)


class Upkeep(commands.Cog):
    """Purge once a day, and forget servers that are left."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    async def cog_load(self) -> None:
        """Start the daily round."""
        self.daily.start()
        self.hourly.start()

    async def cog_unload(self) -> None:
        """End it."""
        self.daily.cancel()
        self.hourly.cancel()

    @tasks.loop(hours=24)
    async def daily(self) -> None:
        """Drop contents and incidents that are older than the settings allow."""
        services = self._bot.services
        try:
            purged = await purge(services.stores.incidents, services.settings, services.clock)
        except StoreError:
            _log.exception("the daily purge failed; it is tried again tomorrow")
            return
        if purged.contents or purged.incidents:
            _log.info("purged the content of %d incidents, and %d incidents", purged.contents, purged.incidents)

    @tasks.loop(hours=1)
    async def hourly(self) -> None:
        """Drop everything about servers that removed the bot while it was away.

        Not at the start: until every server has been told of, one that is missing means nothing yet.
        """
        communities, there = self._bot.services.communities, {str(guild.id) for guild in self._bot.guilds}
        if self.hourly.current_loop == 0 or not self._bot.is_ready() or not there:
            return
        for community in sorted(communities.known() - there):
            try:
                dropped = await communities.forget(community)
            except StoreError:
                _log.exception("server %s could not be forgotten; it is tried again in an hour", community)
                return
            _log.warning(
                "server %s has removed the bot: %d incidents and its settings were dropped", community, dropped
            )


async def setup(bot: "RefereeBot") -> None:
    """Add the daily upkeep."""
    await bot.add_cog(Upkeep(bot))

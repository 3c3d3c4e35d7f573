"""What a bot that runs for months does once a day: drop what has expired."""

import logging
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.assembly import purge
from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)


class Upkeep(commands.Cog):
    """Purge once a day."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    async def cog_load(self) -> None:
        """Start the daily round."""
        self.daily.start()

    async def cog_unload(self) -> None:
        """End it."""
        self.daily.cancel()

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


async def setup(bot: "RefereeBot") -> None:
    """Add the daily upkeep."""
    await bot.add_cog(Upkeep(bot))

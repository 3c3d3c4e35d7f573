"""Cards that could not be shown, tried again every minute."""

import logging
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.errors import RefereeError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_EVERY_S = 60.0


class CardKeeper(commands.Cog):
    """Try again for as long as the bot runs; it ends with it."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    async def cog_load(self) -> None:
        """Start trying."""
        self.keep.start()

    async def cog_unload(self) -> None:
        """Stop trying."""
        self.keep.cancel()
        await self._bot.cards.close()

    @tasks.loop(seconds=_EVERY_S)
    async def keep(self) -> None:
        """Show what is still to be shown."""
        if not self._bot.is_ready():
            return
        try:
            await self._bot.cards.restore()
        except RefereeError:
            _log.exception("cards that are still to be shown could not be read; trying again in a minute")

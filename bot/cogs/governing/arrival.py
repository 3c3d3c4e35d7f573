"""Arriving at a server and leaving it: a welcome, once, and nothing kept of a server that Referee was removed from."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.enforce.calls import ERRORS
from bot.errors import StoreError
from bot.ui.posting import may_write

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_AT_ONCE, _EVERY_S = 20, 60.0
"""How many servers are greeted within how long: more at once look like spam to Discord."""

_JOINED = "joined"


class Arrival(commands.Cog):
    """Greet servers that nothing is stored of, also those that invited Referee while it was away; forget the others."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._left = _AT_ONCE
        self._turn = asyncio.Lock()

    async def cog_load(self) -> None:
        """Begin to look for servers that were not greeted yet: they were too many, or not available."""
        self._round.start()

    async def cog_unload(self) -> None:
        """End it."""
        self._round.cancel()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Greet the servers that invited Referee while it was away."""
        await self._greet_new(self._bot.guilds)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet a new server; some servers announce themselves as new at every connection, and are known."""
        # It alone: where thousands announce themselves, each would look through all of them.
        await self._greet_new([guild])

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Drop everything about a server that Referee was removed from; an outage is no removal."""
        community = str(guild.id)
        self._bot.services.brake.release(community)
        dropped = await self._bot.services.communities.forget(community)
        _log.info("removed from community %s: %d incidents and its settings were dropped", community, dropped)

    @tasks.loop(seconds=_EVERY_S)
    async def _round(self) -> None:
        self._left = _AT_ONCE
        await self._greet_new(self._bot.guilds)

    async def _greet_new(self, guilds: Sequence[discord.Guild]) -> None:
        """Greet those that nothing is stored of, as many as may be greeted now; one caller at a time."""
        async with self._turn:
            for guild in self._new(guilds)[: self._left]:
                self._left -= 1
                if await self._noted(guild):
                    await self._greet(guild)

    def _new(self, guilds: Sequence[discord.Guild]) -> list[discord.Guild]:
        """Return the servers that are not known; before the bot is ready, servers are not complete."""
        if not self._bot.is_ready():
            return []
        communities = self._bot.services.communities
        return [guild for guild in guilds if not guild.unavailable and not communities.is_known(str(guild.id))]

    async def _noted(self, guild: discord.Guild) -> bool:
        """Write down that a server is known, before it is greeted: no greeting is better than one at every start."""
        services, community, me = self._bot.services, str(guild.id), self._bot.user
        if me is None or self._bot.get_guild(guild.id) is None:
            return False
        known = services.communities.get(community)
        try:
            await services.communities.save(known, str(me.id), services.clock.now(), _JOINED)
        except StoreError as error:
            _log.warning("community %s could not be noted and is greeted later: %s", community, error)
            return False
        return True

    async def _greet(self, guild: discord.Guild) -> None:
        """Write to a channel, or to the owner where no channel can be written in, or to nobody."""
        text = self._welcome()
        candidates = [guild.system_channel, *guild.text_channels]
        places = [channel for channel in candidates if channel is not None and may_write(guild, channel.id)]
        try:
            if places:
                await places[0].send(text)
            elif guild.owner_id is not None:
                owner = await self._bot.create_dm(discord.Object(guild.owner_id))
                await owner.send(text)
        except ERRORS as error:
            _log.warning("community %d could not be greeted (%s)", guild.id, type(error).__name__)

    def _welcome(self) -> str:
        settings = self._bot.services.settings
        return "\n".join(
            [
                "**Hello, I am Referee.** I help moderators find abuse in text and voice messages.",
                "I only watch for now (*shadow*): I flag, and punish nobody until an admin says so.",
                "To begin, whoever manages this server runs `/referee setup`.",
                f"I keep what I flag and nothing else: its text for {settings.content_days} days, encrypted, and what "
                f"was decided for {settings.incident_days} days. Nothing trains a model.",
                "What is stored about you, and how to erase it: `/privacy`.",
            ]
        )


async def setup(bot: "RefereeBot") -> None:
    """Begin to greet and to forget servers."""
    await bot.add_cog(Arrival(bot))

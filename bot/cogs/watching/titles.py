"""Watch the titles of threads and forum posts; the posts themselves are messages."""

from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.cogs.watching.intake import Intake, Source
from bot.cogs.watching.responsible import is_ours
from bot.cogs.watching.surfaces import read_thread
from bot.domain import Surface

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_RENAMED = "who renamed it is not known"


class Titles(commands.Cog):
    """Judge titles when threads are made, and when they are changed."""

    def __init__(self, bot: "RefereeBot", intake: Intake) -> None:
        self._bot = bot
        self._intake = intake

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        """Judge the title of a new thread."""
        await self.take(thread)

    @commands.Cog.listener()
    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """Judge a changed title; a moderator may have changed it, so that nobody is punished for it."""
        guild = self._bot.get_guild(payload.guild_id)
        # The library has brought its own copy up to date by now, or made one.
        thread = payload.thread or (guild.get_thread(payload.thread_id) if guild else None)
        if thread is not None:
            await self.take(thread, flag_only=_RENAMED)

    async def take(self, thread: discord.Thread, flag_only: str = "") -> None:
        """Judge a thread's title as its owner's."""
        services, guild = self._bot.services, thread.guild
        if self._intake.is_own(thread.owner_id) or is_ours(thread, services.communities.get(str(guild.id))):
            return
        owner = await self._intake.member(guild, thread.owner_id)
        if owner is None or (owner.bot and not services.settings.watch_bots):
            return
        at = services.clock.now() if flag_only else thread.created_at or services.clock.now()
        source = Source(guild, thread, owner, at, flag_only)
        await self._intake.take(source, f"thread:{thread.id}", read_thread(thread), surface=Surface.TITLE)

"""Watch the titles of threads and forum posts; the posts themselves are messages."""

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.cogs.watching.intake import Intake, Source
from bot.cogs.watching.responsible import is_ours
from bot.cogs.watching.surfaces import read_thread
from bot.domain import Surface
from bot.errors import DiscordUnreachable

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_RECENT = timedelta(hours=1)
"""A thread that is told of without being called new is taken for new while it is no older."""
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
    async def on_thread_join(self, thread: discord.Thread) -> None:
        """Judge the title of a young thread that was only shown: some servers do not say that a thread is new."""
        made = thread.created_at
        if made is not None and self._bot.services.clock.now() - made <= _RECENT:
            await self.take(thread)

    @commands.Cog.listener()
    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """Judge a changed title; a moderator may have changed it, so that nobody is punished for it."""
        guild = self._bot.get_guild(payload.guild_id)
        # The library has brought its own copy up to date by now, or made one.
        thread = payload.thread or (guild.get_thread(payload.thread_id) if guild else None)
        if thread is not None:
            await self.take(thread, flag_only=_RENAMED)

    async def take_again(self, thread: discord.Thread) -> bool:
        """Judge a title that may have been changed while nobody watched; tell as `take` does."""
        return await self.take(thread, flag_only=_RENAMED)

    async def take(self, thread: discord.Thread, flag_only: str = "") -> bool:
        """Judge a thread's title as its owner's, and tell whether what came of it was kept; else it is tried again."""
        services, guild = self._bot.services, thread.guild
        if self._intake.is_own(thread.owner_id) or is_ours(thread, services.communities.get(str(guild.id))):
            return True
        owner = await self._owner(thread)
        if owner is None or (isinstance(owner, discord.Member) and owner.bot and not services.settings.watch_bots):
            return True
        at = services.clock.now() if flag_only else thread.created_at or services.clock.now()
        source = Source(guild, thread, owner, at, flag_only)
        name = f"thread:{thread.id}"
        kept = await self._intake.take(source, name, read_thread(thread), surface=Surface.TITLE)
        if not kept:
            self._intake.again.add(name, partial(self.take, thread, flag_only))
        return kept

    async def _owner(self, thread: discord.Thread) -> discord.Member | discord.Object | None:
        """Return whose a thread is, None where it is nobody's here; where Discord does not tell, the bare id."""
        try:
            return await self._intake.member(thread.guild, thread.owner_id)
        except DiscordUnreachable as error:
            _log.warning("the title of thread %d is flagged only: %s", thread.id, error)
            return discord.Object(thread.owner_id)

"""Watch the names by which members are seen."""

from datetime import datetime
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.cogs.watching.intake import Intake, Source
from bot.cogs.watching.surfaces import read_member
from bot.domain import Surface

if TYPE_CHECKING:
    from bot.app.client import RefereeBot


class Names(commands.Cog):
    """Judge names when their bearers join, change them, or first say something.

    The last is for those who took their name while nobody watched, and for changes that the library does not tell of.
    """

    def __init__(self, bot: "RefereeBot", intake: Intake) -> None:
        self._bot = bot
        self._intake = intake

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member) -> None:
        """Judge the names of a new member."""
        await self._take(member)

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """Judge a nickname that was changed."""
        if before.nick != after.nick:
            await self._take(after, changed=self._bot.services.clock.now())

    @commands.Cog.listener()
    async def on_user_update(self, before: discord.User, after: discord.User) -> None:
        """Judge a name that was changed, in every server where it is seen."""
        for guild in self._bot.guilds:
            member = guild.get_member(after.id)
            if member is not None:
                await self._take(member, changed=self._bot.services.clock.now())

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Judge the names of whoever says something for the first time in a while."""
        if isinstance(message.author, discord.Member):
            await self._take(message.author)

    async def _take(self, member: discord.Member, changed: datetime | None = None) -> None:
        if member.bot:
            return
        # A name that is taken again after it was taken away is a new offence; one that was seen before is not.
        revision = f"{changed:%Y-%m-%dT%H:%M:%S}" if changed else ""
        source = Source(member.guild, None, member, changed or self._bot.services.clock.now())
        await self._intake.take(
            source, f"member:{member.id}", read_member(member), surface=Surface.NAME, revision=revision
        )

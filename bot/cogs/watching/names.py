"""Watch the names by which members are seen."""

from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.cogs.watching.delivery import Retaken
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
            await self._take(after, self._retaken(after))

    @commands.Cog.listener()
    async def on_uncached_member_update(self, member: discord.Member) -> None:
        """Judge the names of somebody of whom nothing was known before something of theirs changed."""
        await self._take(member, self._retaken(member, after_reset=True))

    @commands.Cog.listener()
    async def on_user_update(self, before: discord.User, after: discord.User) -> None:
        """Judge a name that was changed, in every server where it is seen."""
        for guild in self._bot.guilds:
            member = guild.get_member(after.id)
            if member is not None:
                await self._take(member)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Judge the names of whoever says something for the first time in a while."""
        if isinstance(message.author, discord.Member):
            await self._take(message.author)

    def _retaken(self, member: discord.Member, *, after_reset: bool = False) -> Retaken | None:
        """Return that a nickname was taken: one that was flagged before is a new offence then."""
        if not member.nick:
            return None
        return Retaken(member.nick.strip(), f"{self._bot.services.clock.now():%Y-%m-%dT%H:%M:%S}", after_reset)

    async def _take(self, member: discord.Member, retaken: Retaken | None = None) -> bool:
        """Judge somebody's names, and tell whether what came of it was kept; else it is tried again."""
        if member.bot:
            return True
        source = Source(member.guild, None, member, self._bot.services.clock.now())
        name = f"member:{member.id}"
        kept = await self._intake.take(source, name, read_member(member), surface=Surface.NAME, retaken=retaken)
        if not kept:
            again = partial(self._take, member, retaken)
            self._intake.again.add(f"the name of member {member.id} of server {member.guild.id}", again)
        return kept

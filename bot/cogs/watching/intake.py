"""Into the pipeline with everything that Discord tells of: read, made into excerpts, and handled."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import discord

from bot.cogs.watching.again import Again
from bot.cogs.watching.delivery import Delivery, Retaken
from bot.cogs.watching.members import Members
from bot.cogs.watching.responsible import is_ours, places, responsible
from bot.cogs.watching.revisions import Revisions
from bot.cogs.watching.shedding import Shedding
from bot.cogs.watching.surfaces import MessageContent, read_message
from bot.domain import Excerpt, Platform, SourceKey, Surface
from bot.enforce.protect import protection
from bot.errors import DiscordUnreachable

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_NOT_LOOKED_UP = "who the author is could not be looked up"


@dataclass(frozen=True, slots=True)
class Source:
    """Hold where something was said, when, and by whom; `flag_only` as in an excerpt.

    Of somebody who could not be looked up only the id is known.
    """

    guild: discord.Guild
    channel: object
    user: discord.abc.User | discord.Object
    at: datetime
    flag_only: str = ""


class Intake:
    """Take in what is said; `again` remembers what was not kept, for whoever took it in to try once more.

    `shedding` knows in which servers more is said than can be judged.
    """

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._members = Members()
        self._revisions = Revisions()
        self.shedding = Shedding()
        self._delivery = Delivery(bot, self.shedding)
        self.again = Again()
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def finish(self, within: float) -> None:
        """Wait until nothing is being handled, so long at most; what is cut off is read again by the next process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()

    async def take_message(self, message: discord.Message) -> bool:
        """Judge a message, new or edited, where it says something new; tell as `take` does."""
        services, guild = self._bot.services, message.guild
        if guild is None or is_ours(message.channel, services.communities.get(str(guild.id))):
            return True
        user = responsible(message, services.settings, self._own)
        if user is None:
            return True
        handled = self._bot.enforcer.automod.handled(str(message.id))
        automod = "AutoMod acted on it" if handled else ""
        source = Source(guild, message.channel, user, message.edited_at or message.created_at, automod)
        reply = (
            message.reference.message_id if message.type is discord.MessageType.reply and message.reference else None
        )
        return await self.take(source, str(message.id), read_message(message), reply_to=str(reply) if reply else None)

    async def take(
        self,
        source: Source,
        name: str,
        content: MessageContent,
        *,
        surface: Surface = Surface.TEXT,
        reply_to: str | None = None,
        retaken: Retaken | None = None,
    ) -> bool:
        """Judge what was said, where it is new; `name` is a message's id or that of its kind (see `SourceKey`).

        What goes wrong is logged; what was flagged and could not be kept is told with False.
        """
        arrived = time.monotonic()
        remembered = f"{source.guild.id}/{name}"
        news = self._revisions.news(remembered, content)
        if news is None or (news.is_silent and not news.clips and not news.unread):
            return True
        with self._working():
            excerpt = replace(
                await self._excerpt(source, name),
                text=news.text,
                parts=news.parts,
                surface=surface,
                reply_to=reply_to,
            )
            if self._is_exempt(source, excerpt):
                return True
            kept = await self._delivery.deliver(excerpt, news, arrived, retaken)
        if not kept:
            self._revisions.forget(remembered)
        return kept

    @contextmanager
    def _working(self) -> Iterator[None]:
        self._at_work += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._idle.set()

    @property
    def _own(self) -> frozenset[int]:
        ids = (self._bot.application_id, self._bot.user.id if self._bot.user else None)
        return frozenset(found for found in ids if found is not None)

    def is_own(self, user: int) -> bool:
        """Tell whether an id is ours."""
        return user in self._own

    async def member(self, guild: discord.Guild, user: int) -> discord.Member | None:
        """Return somebody as a member, None where they are none; raise DiscordUnreachable."""
        return await self._members.find(guild, user)

    async def _excerpt(self, source: Source, name: str) -> Excerpt:
        guild, community = source.guild, self._bot.services.communities.get(str(source.guild.id))
        member, doubt = await self._who(source)
        protected = protection(member, community) if member else doubt
        roles = (label for role in member.roles for label in (str(role.id), role.name)) if member else ()
        channel = getattr(source.channel, "id", "")
        return Excerpt(
            # Without a revision: what is flagged is told by its text.
            key=SourceKey(Platform.DISCORD, str(guild.id), str(channel), name, ""),
            author=str(source.user.id),
            at=source.at,
            roles=frozenset(roles),
            flag_only=source.flag_only or protected,
        )

    async def _who(self, source: Source) -> tuple[discord.Member | None, str]:
        """Return the author as a member, if they are one, and why nobody may be punished where that is not known."""
        user = source.user
        if isinstance(user, discord.Member):
            return user, ""
        if isinstance(user, discord.Object):
            return None, _NOT_LOOKED_UP
        try:
            return (None if user.bot else await self._members.find(source.guild, user.id)), ""
        except DiscordUnreachable as error:
            _log.warning("what somebody said is flagged only: %s", error)
            return None, _NOT_LOOKED_UP

    def _is_exempt(self, source: Source, excerpt: Excerpt) -> bool:
        """Tell whether the author or the place is exempt, and count it; the policy knows no thread's channel."""
        policy = self._bot.services.communities.of(excerpt.key.community)
        if places(source.channel).isdisjoint(policy.exempt_channels) and not policy.exempts(excerpt):
            return False
        for tally in self._delivery.tallies(excerpt):
            tally.seen += 1
            tally.exempt += 1
        return True

"""Into the pipeline with everything that Discord tells of: read, made into excerpts, and handled."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import discord

from bot.cogs.watching.members import Members
from bot.cogs.watching.responsible import is_ours, places, responsible
from bot.cogs.watching.revisions import Revisions
from bot.cogs.watching.surfaces import MessageContent, is_film, read_message
from bot.domain import Clip, Excerpt, Platform, SourceKey, Surface
from bot.enforce.protect import protection
from bot.errors import ClipRejected, ClipTooLarge, RefereeError
from bot.tally import Tally

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 200
_MOST_WITH_CLIPS = 3
"""Messages whose clips are in memory at once: ten clips each, of whatever size is allowed."""


@dataclass(frozen=True, slots=True)
class Source:
    """Hold where something was said, when, and by whom; `flag_only` as in an excerpt."""

    guild: discord.Guild
    channel: object
    user: discord.abc.User
    at: datetime
    flag_only: str = ""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Hold the excerpt of a clip; `trouble` says why there are no bytes in it.

    `is_expected` is trouble that moderators are not called for, only told of in the counts.
    """

    excerpt: Excerpt
    trouble: str = ""
    is_expected: bool = False


class Intake:
    """Take in what is said, at most so much at once; the rest waits."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._members = Members()
        self._revisions = Revisions()
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)
        self._clip_room = asyncio.Semaphore(_MOST_WITH_CLIPS)
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def finish(self, within: float) -> None:
        """Wait until nothing is being handled, so long at most; what is cut off is read again by the next process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()

    async def take_message(self, message: discord.Message) -> None:
        """Judge a message, new or edited, where it says something new; what goes wrong is logged."""
        services, guild = self._bot.services, message.guild
        if guild is None or is_ours(message.channel, services.communities.get(str(guild.id))):
            return
        user = responsible(message, services.settings, self._own)
        if user is None:
            return
        handled = self._bot.enforcer.automod.handled(str(message.id))
        automod = "AutoMod acted on it" if handled else ""
        source = Source(guild, message.channel, user, message.edited_at or message.created_at, automod)
        reply = (
            message.reference.message_id if message.type is discord.MessageType.reply and message.reference else None
        )
        await self.take(source, str(message.id), read_message(message), reply_to=str(reply) if reply else None)

    async def take(
        self,
        source: Source,
        name: str,
        content: MessageContent,
        *,
        surface: Surface = Surface.TEXT,
        revision: str = "",
        reply_to: str | None = None,
    ) -> None:
        """Judge what was said, where it is new; `name` is a message's id or that of its kind (see `SourceKey`)."""
        arrived = time.monotonic()
        remembered = f"{source.guild.id}/{name}"
        news = self._revisions.news(remembered, content)
        if news is None:
            return
        if news.is_silent and not news.clips:
            return
        excerpt = replace(
            await self._excerpt(source, name, revision),
            text=news.text,
            parts=news.parts,
            surface=surface,
            reply_to=reply_to,
        )
        if self._is_exempt(source, excerpt):
            return
        with self._working():
            clips = self._counted(excerpt, news.clips)
            async with self._clip_room if clips else nullcontext():
                kept = await self._judge(excerpt, news, clips, arrived)
        if not kept:
            self._revisions.forget(remembered)

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
        """Return somebody as a member, None where they are none."""
        return await self._members.find(guild, user)

    async def _excerpt(self, source: Source, name: str, revision: str) -> Excerpt:
        guild, user = source.guild, source.user
        member = user if isinstance(user, discord.Member) else None
        if member is None and not user.bot:
            member = await self._members.find(guild, user.id)
        community = self._bot.services.communities.get(str(guild.id))
        protected = protection(member, community) if member else ""
        roles = (label for role in member.roles for label in (str(role.id), role.name)) if member else ()
        channel = getattr(source.channel, "id", "")
        return Excerpt(
            key=SourceKey(Platform.DISCORD, str(guild.id), str(channel), name, revision),
            author=str(user.id),
            at=source.at,
            roles=frozenset(roles),
            flag_only=source.flag_only or protected,
        )

    def _is_exempt(self, source: Source, excerpt: Excerpt) -> bool:
        """Tell whether the author or the place is exempt, and count it; the policy knows no thread's channel."""
        policy = self._bot.services.communities.of(excerpt.key.community)
        if places(source.channel).isdisjoint(policy.exempt_channels) and not policy.exempts(excerpt):
            return False
        for tally in self._tallies(excerpt):
            tally.seen += 1
            tally.exempt += 1
        return True

    def _counted(self, excerpt: Excerpt, clips: Sequence[discord.Attachment]) -> Sequence[discord.Attachment]:
        """Return the clips to listen to; with speech off there are none, and those that there were are counted."""
        if self._bot.services.settings.speech:
            return clips
        self._count_unheard(excerpt, len(clips))
        return ()

    def _count_unheard(self, excerpt: Excerpt, clips: int) -> None:
        for tally in self._tallies(excerpt):
            tally.seen += clips
            tally.clips += clips
            tally.unchecked += clips

    def _tallies(self, excerpt: Excerpt) -> tuple[Tally, Tally]:
        pipeline = self._bot.services.pipeline
        return pipeline.tally, pipeline.tally_of(excerpt.key.community)

    async def _judge(
        self, excerpt: Excerpt, news: MessageContent, clips: Sequence[discord.Attachment], arrived: float
    ) -> bool:
        """Handle text and clips; tell whether everything was kept."""
        async with self._room:
            # A deletion would take the clips with it, so that they are here before anything is done.
            fetched = await asyncio.gather(*(self._fetch(excerpt, clip) for clip in clips))
            work = [self._handle(each) for each in fetched]
            if not news.is_silent:
                work.append(self._handle(_Fetched(excerpt)))
            kept = await asyncio.gather(*work)
            self._bot.services.latency.note(time.monotonic() - arrived)
            return all(kept)

    async def _fetch(self, excerpt: Excerpt, attachment: discord.Attachment) -> _Fetched:
        key = replace(excerpt.key, revision=f"clip:{attachment.id}")
        spoken = replace(excerpt, key=key, text="", parts=(), surface=Surface.CLIP)
        try:
            clip = await self._bot.services.fetcher.fetch(attachment.url, attachment.filename)
        except ClipRejected as error:
            # Long films of play are what such servers share all day; a card for each would bury the rest.
            usual = isinstance(error, ClipTooLarge) and is_film(attachment)
            return _Fetched(replace(spoken, clip=Clip(attachment.filename, b"")), str(error), usual)
        return _Fetched(replace(spoken, clip=clip))

    async def _handle(self, fetched: _Fetched) -> bool:
        """Take an excerpt all the way; tell whether what came of it was kept."""
        pipeline, key = self._bot.services.pipeline, fetched.excerpt.key
        try:
            if fetched.is_expected:
                self._count_unheard(fetched.excerpt, 1)
            elif fetched.trouble:
                await pipeline.unchecked(fetched.excerpt, fetched.trouble)
            else:
                await pipeline.handle(fetched.excerpt)
        except RefereeError as error:
            _log.error("message %s in channel %s was not handled: %s", key.message, key.channel, error)
            return False
        return True

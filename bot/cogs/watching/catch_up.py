"""Catch up after a time away: finish what was begun, then read what was said meanwhile, within bounds."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.cogs.watching.titles import Titles
from bot.cogs.watching.watch import Watch
from bot.domain import Platform
from bot.enforce.calls import ERRORS
from bot.errors import RefereeError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_FINISHED_EVERY_S = 60.0
_MOST_COUNTED = 1000
"""How many of the messages that are not read are counted, channel by channel: each hundred costs a request."""
MISSED = "missed"
"""The reason under which messages are counted as not scored that came while Referee was away, and were too many."""

_Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(frozen=True, slots=True)
class _Gap:
    """Hold a channel and the message up to which it had been read."""

    channel: _Readable
    after: int


class CatchUp(commands.Cog):
    """Read what was said while Referee was away, once for each time away."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._started = bot.services.clock.now()
        self._turn = asyncio.Lock()
        self._unfinished = [self._recover, self._restore]
        self._absent: set[int] = set()

    async def cog_load(self) -> None:
        """Begin to try again what could not be finished."""
        self._finish_later.start()

    async def cog_unload(self) -> None:
        """Leave what is not finished to the next process."""
        self._finish_later.cancel()

    @property
    def _watch(self) -> Watch | None:
        found = self._bot.get_cog("Watch")
        return found if isinstance(found, Watch) else None

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        """Note how far everything was read, and no further until it is known what was missed."""
        if self._watch is not None:
            await self._watch.note()
            self._watch.progress.hold()

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        """Go on as before: Discord sent what was missed."""
        if self._watch is not None and not self._turn.locked():
            self._watch.progress.release()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Finish what an earlier process began, then read what was missed; one at a time."""
        async with self._turn:
            await self._finish()
            if self._watch is not None:
                await self._read(self._watch)

    @commands.Cog.listener()
    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        """Note how far a server was read that has an outage, and no further until it is back."""
        self._absent.add(guild.id)
        if self._watch is not None:
            await self._watch.note()
            self._watch.progress.hold_one(str(guild.id))

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Read what was missed in a server that was not there when everything else was caught up with."""
        async with self._turn:
            if guild.id in self._absent and self._watch is not None:
                self._absent.discard(guild.id)
                gaps = await self._open(self._watch, [guild])
                await self._close_all(self._watch, [guild], gaps)

    @tasks.loop(seconds=_FINISHED_EVERY_S)
    async def _finish_later(self) -> None:
        # Without a connection nothing can be done on Discord; `on_ready` comes with one.
        if self._unfinished and self._bot.is_ready():
            async with self._turn:
                await self._finish()

    async def _finish(self) -> None:
        """Do what an earlier process left, each part until it succeeded once."""
        for part in tuple(self._unfinished):
            if await part():
                self._unfinished.remove(part)

    async def _recover(self) -> bool:
        try:
            await self._bot.services.pipeline.recover(Platform.DISCORD, before=self._started)
        except RefereeError as error:
            _log.error("what was decided before the start could not be done, and is tried again: %s", error)
            return False
        return True

    async def _restore(self) -> bool:
        try:
            await self._bot.cards.restore()
        except RefereeError as error:
            _log.error("what was not shown before the start could not be shown, and is tried again: %s", error)
            return False
        return True

    async def _read(self, watch: Watch) -> None:
        """Read every server that is there; the others follow when they come."""
        self._absent = {guild.id for guild in self._bot.guilds if guild.unavailable}
        for absent in self._absent:
            watch.progress.hold_one(str(absent))
        there = [guild for guild in self._bot.guilds if not guild.unavailable]
        gaps = await self._open(watch, there)
        watch.progress.release()
        await self._close_all(watch, there, gaps)

    async def _open(self, watch: Watch, guilds: Sequence[discord.Guild]) -> Sequence[_Gap]:
        """Return the gaps of servers; from then on the gaps themselves keep the marks where they were."""
        try:
            gaps = [gap for guild in guilds for gap in await self._gaps(guild)]
        except RefereeError as error:
            _log.error("how far channels had been read is not known, so that nothing is caught up with: %s", error)
            gaps = []
        for gap in gaps:
            watch.progress.begin(str(gap.channel.guild.id), str(gap.channel.id), gap.after + 1)
        for guild in guilds:
            watch.progress.release_one(str(guild.id))
        return gaps

    async def _close_all(self, watch: Watch, guilds: Sequence[discord.Guild], gaps: Sequence[_Gap]) -> None:
        for gap in gaps:
            with watch.progress.handling(str(gap.channel.guild.id), str(gap.channel.id), gap.after + 1):
                await self._close(watch, gap)
        for guild in guilds:
            await self._begin(guild, {str(gap.channel.id) for gap in gaps})

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Note from where on a new server is watched; some servers call one new that is only back."""
        await self.on_guild_available(guild)
        await self._begin(guild, set())

    async def _begin(self, guild: discord.Guild, but: set[str]) -> None:
        """Note where channels stand that nothing was seen of yet: after the next time away their gap is known too."""
        communities, start = self._bot.services.stores.communities, discord.utils.time_snowflake(self._started)
        if guild.unavailable or not self._bot.services.settings.catch_up_messages:
            return
        try:
            known = but | set(await communities.seen(str(guild.id)))
            # What came since the start may still be in work, and is not passed.
            stand = {str(each.id): str(min(each.last_message_id or each.id, start)) for each in _readable(guild)}
            await communities.note_seen(
                str(guild.id), {name: mark for name, mark in stand.items() if name not in known}
            )
        except RefereeError as error:
            _log.error("from where on server %d is watched could not be noted: %s", guild.id, error)

    async def _gaps(self, guild: discord.Guild) -> list[_Gap]:
        seen = await self._bot.services.stores.communities.seen(str(guild.id))
        if guild.unavailable or not seen or not self._bot.services.settings.catch_up_messages:
            return []
        return list(find_gaps(guild, seen))

    async def _close(self, watch: Watch, gap: _Gap) -> None:
        """Read a channel from where it was left; what the server refuses is logged, and left."""
        settings, guild = self._bot.services.settings, gap.channel.guild
        oldest = self._bot.services.clock.now() - timedelta(hours=settings.catch_up_hours)
        after = discord.Object(max(gap.after, discord.utils.time_snowflake(oldest)))
        limit = settings.catch_up_messages + _MOST_COUNTED
        newest: list[discord.Message] = []
        missed = 0
        try:
            await self._title(gap)
            # The newest are what moderators can still do something about, so that the oldest are those left out.
            async for message in gap.channel.history(after=after, limit=limit, oldest_first=False):
                if len(newest) < settings.catch_up_messages:
                    newest.append(message)
                else:
                    missed += 1
        except ERRORS as error:
            _log.warning("channel %d could not be caught up with: %s", gap.channel.id, type(error).__name__)
        for message in reversed(newest):
            await watch.take(message)
        self._count(guild, gap.channel.id, missed)

    async def _title(self, gap: _Gap) -> None:
        titles = self._bot.get_cog("Titles")
        if isinstance(gap.channel, discord.Thread) and isinstance(titles, Titles) and gap.after < gap.channel.id:
            await titles.take(gap.channel)

    def _count(self, guild: discord.Guild, channel: int, missed: int) -> None:
        if not missed:
            return
        _log.warning("channel %d: %d messages or more came while away and were too many to be read", channel, missed)
        pipeline = self._bot.services.pipeline
        for tally in (pipeline.tally, pipeline.tally_of(str(guild.id))):
            tally.seen += missed
            tally.not_scored[MISSED] += missed


def find_gaps(guild: discord.Guild, seen: Mapping[str, str]) -> Iterator[_Gap]:
    """Yield the channels in which something was said after what was seen last; nothing where nothing was seen.

    A channel or thread that is younger than everything that was seen is read from its beginning, and one whose last
    message the server leaves out is read too: there may be something.
    """
    latest = max(map(int, seen.values()))
    for channel in _readable(guild):
        known = seen.get(str(channel.id))
        after = int(known) if known is not None else channel.id - 1
        is_new = known is not None or channel.id > latest
        if is_new and (channel.last_message_id is None or after < channel.last_message_id) and _may_read(channel):
            yield _Gap(channel, after)


def _readable(guild: discord.Guild) -> Iterable[_Readable]:
    return (*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads)


def _may_read(channel: _Readable) -> bool:
    try:
        allowed = channel.permissions_for(channel.guild.me)
    except discord.ClientException:
        # A thread whose channel is not known.
        return False
    return allowed.view_channel and allowed.read_message_history


async def setup(bot: "RefereeBot") -> None:
    """Be ready to catch up."""
    await bot.add_cog(CatchUp(bot))

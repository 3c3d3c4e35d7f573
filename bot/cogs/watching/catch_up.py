"""Catch up after a time away: finish what was begun, then read what was said meanwhile, within bounds."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.cogs.watching.gaps import Gap, Stretch, find_gaps, find_stretches, may_have_changed, readable
from bot.cogs.watching.past import past
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

_MOST_JUDGED_AGAIN = 50
"""The last messages of a channel that are looked at for changes."""
_FIRST_START = "watched_since"


class CatchUp(commands.Cog):
    """Read what was said while Referee was away, once for each time away."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._started = bot.services.clock.now()
        self._turn = asyncio.Lock()
        self._unfinished = [self._recover, self._take_back, self._restore]
        self._is_leaving = False
        self._since = self._started
        self._gaps: dict[int, Gap] = {}
        """What is still to be read, by channel: the marks stay below it."""
        self._to_open: set[int] = set()
        """The servers of which it is not known yet what was missed."""
        self._absent: set[int] = set()
        self._disconnects = 0
        self.is_caught_up = False
        """Whether nothing that was missed is still to be read."""

    async def cog_load(self) -> None:
        """Note since when Referee watches, before anything arrives, and begin to try again what was not finished."""
        await self._note_first_start()
        self._finish_later.start()

    async def cog_unload(self) -> None:
        """Leave what is not finished to the next process."""
        self._is_leaving = True
        self._finish_later.cancel()

    @property
    def _watch(self) -> Watch | None:
        found = self._bot.get_cog("Watch")
        return found if isinstance(found, Watch) else None

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        """Note how far everything was read, and no further until it is known what was missed."""
        self._disconnects += 1
        self.is_caught_up = False
        if self._watch is not None:
            await self._watch.note_and_hold()

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        """Go on as before, after what is being read: Discord sent what was missed."""
        connection = self._disconnects
        async with self._turn:
            self._release(connection)
            self._note_caught_up(connection)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Finish what an earlier process began, then read what was missed; one at a time."""
        connection, self.is_caught_up = self._disconnects, False
        async with self._turn:
            await self._finish()
            if self._watch is not None:
                await self._read(self._watch, connection)
            self._note_caught_up(connection)

    def _release(self, connection: int) -> None:
        """Hand out marks again, unless that connection was lost since: then it is not known yet what was missed."""
        if self._watch is not None and connection == self._disconnects:
            self._watch.progress.release()

    def _note_caught_up(self, connection: int) -> None:
        self.is_caught_up = connection == self._disconnects and not (self._gaps or self._to_open)

    @commands.Cog.listener()
    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        """Note how far a server was read that has an outage, and no further until it is back."""
        self._absent.add(guild.id)
        if self._watch is not None:
            await self._watch.note_and_hold(str(guild.id))

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Read what was missed in a server that was not there when everything else was caught up with."""
        async with self._turn:
            if guild.id in self._absent and self._watch is not None:
                connection = self._disconnects
                self._absent.discard(guild.id)
                await self._read_servers(self._watch, [guild])
                self._note_caught_up(connection)

    @tasks.loop(seconds=_FINISHED_EVERY_S)
    async def _finish_later(self) -> None:
        # Without a connection nothing can be done on Discord; `on_ready` comes with one.
        if not self._bot.is_ready():
            return
        await self._bot.services.pipeline.write_outcomes()
        async with self._turn:
            connection = self._disconnects
            await self._finish()
            if self._watch is not None and (self._to_open or self._gaps):
                guilds = [guild for guild in self._bot.guilds if guild.id in self._to_open]
                # A server that was left meanwhile is nothing to wait for.
                self._to_open = {guild.id for guild in guilds}
                await self._read_servers(self._watch, [guild for guild in guilds if not guild.unavailable])
                self._note_caught_up(connection)

    async def _note_first_start(self) -> None:
        communities = self._bot.services.stores.communities
        try:
            noted = await communities.recall(_FIRST_START)
            if noted is None:
                await communities.remember(_FIRST_START, self._started.isoformat())
            self._since = self._started if noted is None else datetime.fromisoformat(noted)
        except RefereeError as error:
            _log.error("since when Referee watches could not be noted: %s", error)

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

    async def _take_back(self) -> bool:
        try:
            for incident in await self._bot.services.desk.finish_dismissals(Platform.DISCORD, before=self._started):
                await self._bot.cards.follow(incident)
        except RefereeError as error:
            _log.error("what was dismissed before the start could not be taken back, and is tried again: %s", error)
            return False
        return True

    async def _restore(self) -> bool:
        try:
            await self._bot.cards.restore()
        except RefereeError as error:
            _log.error("what was not shown before the start could not be shown, and is tried again: %s", error)
            return False
        return True

    async def _read(self, watch: Watch, connection: int) -> None:
        """Read every server that is there; the others follow when they come."""
        self._absent = {guild.id for guild in self._bot.guilds if guild.unavailable}
        for guild in self._bot.guilds:
            watch.progress.hold_one(str(guild.id))
        self._release(connection)
        await self._read_servers(watch, [guild for guild in self._bot.guilds if not guild.unavailable])

    async def _read_servers(self, watch: Watch, guilds: Sequence[discord.Guild]) -> None:
        """Read what was missed in servers, and what could not be read before; what fails is left to the next round."""
        opened = [(guild, seen) for guild in guilds if (seen := await self._open(watch, guild)) is not None]
        for gap in tuple(self._gaps.values()):
            if await self._close(watch, gap):
                del self._gaps[gap.channel.id]
                watch.progress.end(*_place(gap))
        for guild, seen in opened:
            for stretch in find_stretches(guild, seen):
                await self._look_again(watch, stretch)
            await self._begin(guild)

    async def _open(self, watch: Watch, guild: discord.Guild) -> Mapping[str, str] | None:
        """Find the gaps of a server, which from then on keep the marks where they were; return these marks.

        Where they cannot be asked for, nothing is noted of the server until they can.
        """
        if not self._bot.services.settings.catch_up_messages:
            watch.progress.release_one(str(guild.id))
            return None
        try:
            seen = await self._bot.services.stores.communities.seen(str(guild.id))
        except RefereeError as error:
            _log.error("how far server %d had been read is not known yet: %s", guild.id, error)
            self._to_open.add(guild.id)
            return None
        self._to_open.discard(guild.id)
        for gap in find_gaps(guild, seen, self._since, self._started):
            if gap.channel.id not in self._gaps:
                self._gaps[gap.channel.id] = gap
                watch.progress.begin(*_place(gap))
        watch.progress.release_one(str(guild.id))
        return seen

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Note from where on a new server is watched; some servers call one new that is only back."""
        await self.on_guild_available(guild)
        await self._begin(guild)

    async def _begin(self, guild: discord.Guild) -> None:
        """Note where channels stand that nothing was seen of yet: after the next time away their gap is known too."""
        communities, start = self._bot.services.stores.communities, discord.utils.time_snowflake(self._started)
        if guild.unavailable or not self._bot.services.settings.catch_up_messages:
            return
        try:
            known = await communities.seen(str(guild.id))
            # What came since the start may still be in work, and is not passed.
            stand = {each.id: min(each.last_message_id or each.id, start) for each in readable(guild)}
            new = {str(each): str(mark) for each, mark in stand.items() if str(each) not in known}
            await communities.note_seen(str(guild.id), {name: new[name] for name in new if int(name) not in self._gaps})
        except RefereeError as error:
            _log.error("from where on server %d is watched could not be noted: %s", guild.id, error)

    async def _close(self, watch: Watch, gap: Gap) -> bool:
        """Read a channel from where it was left; return whether it was, or never can be."""
        settings, guild = self._bot.services.settings, gap.channel.guild
        oldest = self._bot.services.clock.now() - timedelta(hours=settings.catch_up_hours)
        after = max(gap.after, discord.utils.time_snowflake(oldest))
        limit = settings.catch_up_messages + _MOST_COUNTED
        newest: list[discord.Message] = []
        missed, done = 0, True
        try:
            await self._title(gap)
            # The newest are what moderators can still do something about, so that the oldest are those left out.
            async for message in past(self._bot, gap.channel, after=after, limit=limit):
                if len(newest) < settings.catch_up_messages:
                    newest.append(message)
                else:
                    missed += 1
        except ERRORS as error:
            _log.warning("channel %d could not be caught up with: %s", gap.channel.id, type(error).__name__)
            done = isinstance(error, (discord.Forbidden, discord.NotFound))
        for message in reversed(newest):
            if self._is_leaving:
                return False
            await _take(watch, message)
        if done:
            self._count(guild, gap.channel.id, missed)
        return done

    async def _look_again(self, watch: Watch, stretch: Stretch) -> None:
        """Judge once more what was changed shortly before Referee left: the change itself may have got lost."""
        channel, before, after = stretch.channel, stretch.last + 1, stretch.first
        changed: list[discord.Message] = []
        try:
            async for message in past(self._bot, channel, after=after, before=before, limit=_MOST_JUDGED_AGAIN):
                if may_have_changed(message):
                    changed.append(message)
        except ERRORS as error:
            _log.warning("channel %d was not looked through for changes: %s", channel.id, type(error).__name__)
        for message in reversed(changed):
            await self._judge_again(watch, message)
        titles = self._bot.get_cog("Titles")
        if isinstance(channel, discord.Thread) and isinstance(titles, Titles):
            await titles.take_again(channel)

    async def _judge_again(self, watch: Watch, message: discord.Message) -> bool:
        kept = await watch.intake.take_message(message)
        if not kept:
            watch.intake.again.add(f"the changed message {message.id}", partial(self._judge_again, watch, message))
        return kept

    async def _title(self, gap: Gap) -> None:
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


async def _take(watch: Watch, message: discord.Message) -> None:
    """Judge a missed message; as with one that comes live, what is wrong with it keeps nobody from the rest."""
    try:
        await watch.take(message)
    except Exception:
        _log.exception("message %d could not be judged", message.id)


def _place(gap: Gap) -> tuple[str, str, int]:
    return str(gap.channel.guild.id), str(gap.channel.id), gap.after + 1


async def setup(bot: "RefereeBot") -> None:
    """Be ready to catch up."""
    await bot.add_cog(CatchUp(bot))

"""Watch what is said in servers: messages, edits, threads, and what AutoMod did before us."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.cogs.watching import shedding
from bot.cogs.watching.intake import Intake
from bot.cogs.watching.names import Names
from bot.cogs.watching.progress import Progress
from bot.cogs.watching.titles import Titles
from bot.errors import StoreError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_NOTED_EVERY_S = 1.0
_TRIED_AGAIN_EVERY_S = 10.0
_LAST_S = 10.0
"""How long a stop waits for what is being handled; service managers commonly kill after more than that."""


class Watch(commands.Cog):
    """Hand every message to the pipeline, and note how far each channel has been read.

    Nothing is noted until `progress` is released, which whoever reads what was missed does
    (`bot.cogs.watching.catch_up`).
    """

    def __init__(self, bot: "RefereeBot", intake: Intake) -> None:
        self._bot = bot
        self.intake = intake
        self.progress = Progress()
        self._telling: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Begin to note what was read, and to try again what was not kept."""
        self._note.start()
        self._try_again.start()

    async def cog_unload(self) -> None:
        """Finish what is being handled, and note what was read at the end."""
        self._note.cancel()
        self._try_again.cancel()
        if self._telling is not None:
            self._telling.cancel()
        await self.intake.finish(_LAST_S)
        await self.note()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Judge a new message."""
        await self.take(message)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Judge what became of a message: an edit, or a link's preview that arrives late, cached or not."""
        await self._take_edited(payload.message)

    @commands.Cog.listener()
    async def on_automod_action(self, execution: discord.AutoModAction) -> None:
        """Remember what AutoMod has acted on; what it kept from being posted has no message."""
        if execution.message_id is not None:
            self._bot.enforcer.automod.note(str(execution.message_id))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget how far a channel was read that is gone."""
        await self._forget(channel.guild.id, channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Forget how far a thread was read that is gone."""
        await self._forget(payload.guild_id, payload.thread_id)

    async def take(self, message: discord.Message) -> bool:
        """Judge a message of a server, and tell whether what came of it was kept; else it is tried again.

        Until that is done, the channel counts as read up to the message before it.
        """
        if message.guild is None:
            return True
        community, channel = str(message.guild.id), str(message.channel.id)
        with self.progress.handling(community, channel, message.id) as handling:
            handling.is_done = await self.intake.take_message(message)
        if not handling.is_done:
            self.intake.again.add(f"message {message.id}", partial(self.take, message))
        return handling.is_done

    async def _take_edited(self, message: discord.Message) -> bool:
        kept = await self.intake.take_message(message)
        if not kept:
            self.intake.again.add(f"the edited message {message.id}", partial(self._take_edited, message))
        return kept

    async def note(self) -> None:
        """Write down how far each channel has been read; what the database does not take is tried again."""
        await self._write(self.progress.marks())

    async def note_and_hold(self, community: str | None = None) -> None:
        """Write down how far everything was read, and hand out no marks from now on, of one server or of all.

        They are held at once: whoever releases them may come before the database has answered.
        """
        marks = self.progress.marks()
        if community is None:
            self.progress.hold()
        else:
            self.progress.hold_one(community)
        await self._write(marks)

    async def _write(self, noted: Mapping[str, Mapping[str, str]]) -> None:
        if not noted:
            return
        try:
            await self._bot.services.stores.communities.note_all_seen(noted)
        except StoreError as error:
            _log.warning("how far %d servers were read could not be noted: %s", len(noted), error)
            return
        for community, marks in noted.items():
            self.progress.written(community, marks)

    @tasks.loop(seconds=_NOTED_EVERY_S)
    async def _note(self) -> None:
        await self.note()
        self._begin_to_tell()

    @tasks.loop(seconds=_TRIED_AGAIN_EVERY_S)
    async def _try_again(self) -> None:
        await self.intake.again.try_all()

    def _begin_to_tell(self) -> None:
        """Tell moderators that messages are passed over, or not any more; the marks do not wait for Discord."""
        if self._telling is not None and not self._telling.done():
            return
        if news := self.intake.shedding.news():
            self._telling = asyncio.create_task(shedding.tell_all(self._bot, news))

    async def _forget(self, guild: int, channel: int) -> None:
        self.progress.forget(str(guild), str(channel))
        try:
            await self._bot.services.stores.communities.forget_channel(str(guild), str(channel))
        except StoreError as error:
            _log.warning("how far channel %d was read could not be forgotten: %s", channel, error)


async def setup(bot: "RefereeBot") -> None:
    """Begin to watch; names only where the operator wants them watched."""
    intake = Intake(bot)
    await bot.add_cog(Watch(bot, intake))
    await bot.add_cog(Titles(bot, intake))
    if bot.services.settings.watch_names:
        await bot.add_cog(Names(bot, intake))

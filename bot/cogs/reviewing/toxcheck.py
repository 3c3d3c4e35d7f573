"""`/toxcheck` and the menus of a message: check it without keeping anything, or report it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app.tree import tell
from bot.cogs.admission import Admitted, admit_moderator
from bot.cogs.reviewing.report_limit import ReportLimit
from bot.cogs.watching.clip_room import ClipRoom
from bot.cogs.watching.surfaces import MessageContent, read_message
from bot.domain import Clip, Excerpt, Platform, SourceKey, Surface
from bot.errors import ClipRejected
from bot.ui.judgement import judgement
from bot.ui.panel import send_panel
from bot.ui.quote import escaped

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_LONGEST_TEXT = 6000
"""The longest that Discord takes as an option."""

_MOST_CLIPS = 3
_ONE_OF_TWO = "Give /toxcheck either a text or a clip: one of them, not both."
_NO_SPEECH = "Speech is switched off here (REFEREE_SPEECH), so that clips cannot be checked."
_BUSY = "Too many clips are being checked; try again in a minute."
_MOST_AT_ONCE = 8
_MOST_OF_ONE = 2
_HEARD_WITHIN_S = 30.0
"""A report is not held back for what is heard in a long clip: it can be listened to."""
_NOTHING_IN_IT = "There is nothing in this message that can be checked: no text, no names, no clip."
_OWN = "This is your own message. You can delete it yourself."
_OURS = "This is a message of Referee itself. Talk to the moderators instead."
_OFTEN = "You reported often in the last 10 minutes. Wait a little; if it is urgent, write to a moderator."
_BEFORE = "You reported this message before; the moderators have it."
_THANKS = "Thank you. The moderators are shown this message; only they see who reported it."
_ONLY_SERVERS = "This works only in a server that Referee was invited to."


class Toxcheck(commands.Cog):
    """Check texts, clips and messages for moderators; take reports from everybody."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._limit = ReportLimit()
        self._room = ClipRoom(_MOST_AT_ONCE, _MOST_OF_ONE)

    @app_commands.command(name="toxcheck", description="Check a text or a clip; nothing of it is stored.")
    @app_commands.describe(text="The text to check.", clip="A voice message or another recording to check.")
    @app_commands.guild_only()
    async def toxcheck(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        text: app_commands.Range[str, 1, _LONGEST_TEXT] | None = None,
        clip: discord.Attachment | None = None,
    ) -> None:
        """Tell a moderator what a text or a clip would come to here."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        if (text is None) == (clip is None):
            await tell(interaction, _ONE_OF_TWO)
        elif clip is not None:
            await self._check_clips(asked, [clip])
        else:
            await self._check(asked, _excerpt(asked, text=text or ""))

    async def check_message(self, interaction: "discord.Interaction[RefereeBot]", message: discord.Message) -> None:
        """Tell a moderator what a message would come to here, its clips included."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        content = read_message(message)
        if not content.is_silent:
            about = f"of [this message]({message.jump_url})"
            await self._check(asked, _excerpt(asked, text=content.text, content=content), about)
        if content.clips:
            await self._check_clips(asked, content.clips)
        elif content.is_silent:
            await tell(interaction, _NOTHING_IN_IT)

    async def report(self, interaction: "discord.Interaction[RefereeBot]", message: discord.Message) -> None:
        """Show a message to the moderators because a member asks for it."""
        guild = interaction.guild
        if guild is None or self._bot.get_guild(guild.id) is None:
            await tell(interaction, _ONLY_SERVERS)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        await tell(interaction, await self._report(str(guild.id), str(interaction.user.id), message))

    async def _report(self, community: str, reporter: str, message: discord.Message) -> str:
        """Keep and show a report; return what its author is told."""
        if message.author.id == self._bot.application_id or message.author == self._bot.user:
            return _OURS
        excerpt = _reported(community, message)
        if excerpt.author == reporter:
            return _OWN
        now = self._bot.services.clock.now()
        if not self._limit.take(community, reporter, now):
            return _OFTEN
        incident = await self._bot.services.desk.report(
            await self._with_transcript(excerpt, message, reporter), reporter
        )
        if incident is None:
            self._limit.give_back(community, reporter, now)
            return _BEFORE
        await self._bot.cards.notify(excerpt, incident)
        return _THANKS

    async def _with_transcript(self, excerpt: Excerpt, message: discord.Message, reporter: str) -> Excerpt:
        """Return what was reported with what is heard in it, where nothing was typed and it is heard soon."""
        clips = read_message(message).clips[:1]
        if not clips or excerpt.text.strip() or not self._bot.services.settings.speech:
            return excerpt
        if not self._room.admit(excerpt.key.community, reporter, clips):
            return excerpt
        try:
            async with asyncio.timeout(_HEARD_WITHIN_S):
                heard = await self._heard(excerpt, clips[0], reporter)
        except (ClipRejected, TimeoutError):
            return excerpt
        return replace(excerpt, text=heard, surface=Surface.CLIP) if heard else excerpt

    async def _heard(self, excerpt: Excerpt, attachment: discord.Attachment, reporter: str) -> str:
        services, key = self._bot.services, replace(excerpt.key, channel="", message="")
        async with self._room.held(excerpt.key.community, reporter, attachment.size):
            clip = await services.fetcher.fetch(attachment.url, attachment.filename)
            preview = await services.pipeline.preview(replace(excerpt, key=key, author="", clip=clip, parts=()))
        return preview.transcript.text if preview.transcript is not None else ""

    async def _check(self, asked: Admitted, excerpt: Excerpt, about: str = "") -> None:
        services = asked.services
        preview = await services.pipeline.preview(excerpt)
        held = services.communities.get(asked.community).held_since is not None
        policy = services.communities.of(asked.community)
        await send_panel(asked.interaction, judgement(preview, policy, held=held, about=about))

    async def _check_clips(self, asked: Admitted, clips: Sequence[discord.Attachment]) -> None:
        if not asked.services.settings.speech:
            await tell(asked.interaction, _NO_SPEECH)
            return
        for attachment in clips[:_MOST_CLIPS]:
            try:
                await self._check_clip(asked, attachment)
            except ClipRejected as error:
                await tell(asked.interaction, f"Not checked: {escaped(str(error))}.")
        if len(clips) > _MOST_CLIPS:
            await tell(asked.interaction, f"Only {_MOST_CLIPS} of the {len(clips)} clips were checked.")

    async def _check_clip(self, asked: Admitted, attachment: discord.Attachment) -> None:
        moderator = str(asked.interaction.user.id)
        if not self._room.admit(asked.community, moderator, [attachment]):
            await tell(asked.interaction, _BUSY)
            return
        async with self._room.held(asked.community, moderator, attachment.size):
            clip = await asked.services.fetcher.fetch(attachment.url, attachment.filename)
            await self._check(asked, _excerpt(asked, clip=clip), f"of the clip {escaped(clip.name, 80)}")


def _excerpt(
    asked: Admitted, *, text: str = "", content: MessageContent | None = None, clip: Clip | None = None
) -> Excerpt:
    """Return what is checked, as of nobody and nowhere: no exemption applies to it."""
    return Excerpt(
        key=SourceKey(Platform.DISCORD, asked.community, "", ""),
        author="",
        at=asked.now,
        text=text,
        clip=clip,
        parts=content.parts if content else (),
    )


def _reported(community: str, message: discord.Message) -> Excerpt:
    """Return a message as what was reported; what an app wrote for somebody is theirs."""
    content = read_message(message)
    used_by = message.interaction_metadata
    author = used_by.user if used_by is not None else message.author
    clip = Clip(content.clips[0].filename, b"") if content.clips else None
    return Excerpt(
        key=SourceKey(Platform.DISCORD, community, str(message.channel.id), str(message.id)),
        author=str(author.id),
        at=message.edited_at or message.created_at,
        text=content.text,
        clip=clip,
        parts=content.parts,
    )


async def setup(bot: "RefereeBot") -> None:
    """Add `/toxcheck` and the menus of messages."""
    cog = Toxcheck(bot)
    await bot.add_cog(cog)
    in_servers = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
    for name, callback in (("Check toxicity", cog.check_message), ("Report to moderators", cog.report)):
        bot.tree.add_command(app_commands.ContextMenu(name=name, callback=callback, allowed_contexts=in_servers))

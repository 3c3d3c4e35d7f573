"""Arriving at a server and leaving it, and `/referee setup`."""

import logging
from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admission import admit_manager
from bot.cogs.governing.referee_group import referee_group
from bot.cogs.governing.setup_plan import Plan
from bot.cogs.governing.setup_save import save
from bot.cogs.governing.setup_view import SetupView
from bot.policy_presets import Preset
from bot.ui.posting import may_write

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_JOINED = "joined"


class SetupGuide(commands.Cog):
    """Greet a server, set Referee up in it, and forget it once Referee was removed."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet a new server, once: some servers announce themselves anew at every connection."""
        services, community, me = self._bot.services, str(guild.id), self._bot.user
        if me is None or await services.stores.communities.changes(community, limit=1):
            return
        known = services.communities.get(community)
        await services.communities.save(known, str(me.id), services.clock.now(), _JOINED)
        await self._greet(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Drop everything about a server that Referee was removed from; an outage is no removal."""
        community = str(guild.id)
        self._bot.services.brake.release(community)
        dropped = await self._bot.services.communities.forget(community)
        _log.info("removed from community %s: %d incidents and its settings were dropped", community, dropped)

    @app_commands.describe(
        review_channel="Where moderators are shown what was flagged; choose a private one.",
        log_channel="Where changes by hand are noted.",
        moderators="The role that works the review channel; several can be chosen in the guide.",
        preset="How far Referee may go; shadow punishes nobody.",
    )
    async def set_up(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        review_channel: discord.TextChannel | None = None,
        log_channel: discord.TextChannel | None = None,
        moderators: discord.Role | None = None,
        preset: Literal["shadow", "relaxed", "standard", "strict"] | None = None,
    ) -> None:
        """Lead through the set-up, or save at once what was given."""
        asked = await admit_manager(interaction)
        if asked is None:
            return
        plan = Plan(
            review_channel=str(review_channel.id) if review_channel else None,
            log_channel=str(log_channel.id) if log_channel else None,
            moderator_roles=frozenset({str(moderators.id)}) if moderators else None,
            preset=Preset(preset) if preset else None,
        )
        if plan == Plan():
            view = SetupView(asked)
            await asked.answer(view.text(), view=view)
            return
        listing = await save(asked, plan)
        await asked.answer(listing.text, files=listing.files)

    async def _greet(self, guild: discord.Guild) -> None:
        """Write to a channel, or to the owner where no channel can be written in, or to nobody."""
        text = self._welcome(guild)
        candidates = [guild.system_channel, *guild.text_channels]
        places = [channel for channel in candidates if channel is not None and may_write(guild, channel.id)]
        try:
            if places:
                await places[0].send(text)
            elif guild.owner_id is not None:
                owner = await self._bot.create_dm(discord.Object(guild.owner_id))
                await owner.send(text)
        except (discord.DiscordException, OSError) as error:
            _log.warning("community %d could not be greeted (%s)", guild.id, type(error).__name__)

    def _welcome(self, guild: discord.Guild) -> str:
        settings = self._bot.services.settings
        return "\n".join(
            [
                "**Hello, I am Referee.** I help moderators find abuse in text and voice messages.",
                "I only watch for now (*shadow*): I flag, and punish nobody until an admin says so.",
                "To begin, whoever manages this server runs `/referee setup`.",
                f"I keep what I flag and nothing else: its text for {settings.content_days} days, encrypted, and what "
                f"was decided for {settings.incident_days} days. Nothing trains a model.",
                "What is stored about you, and how to erase it: `/privacy`.",
            ]
        )


async def setup(bot: "RefereeBot") -> None:
    """Add the welcome and `/referee setup`."""
    guide = SetupGuide(bot)
    await bot.add_cog(guide)
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="setup",
        description="Choose the review channel, who moderates, and how far Referee may go.",
        callback=guide.set_up,
    )
    referee_group(bot).add_command(command)

"""`/referee status` and `/referee resume`: whether all is well, and letting go of the brake."""

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admission import admit_moderator
from bot.cogs.governing.referee_group import referee_group
from bot.cogs.governing.status_page import status_page
from bot.cogs.listing import LONGEST
from bot.ui.log_lines import note
from bot.ui.quote import cut

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_NOT_STOPPED = "Automatic actions are not stopped; there is nothing to resume."
_RESUMED = (
    "Automatic actions are on again, counted from nothing. What was held back meanwhile is not done now: its cards "
    "wait for a verdict."
)


class StatusCommands(commands.Cog):
    """Show how Referee does, and let it act again."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._started = bot.services.clock.now()

    async def status(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Show how the bot does, and what it counted in this server since it started."""
        asked = await admit_moderator(interaction)
        if asked is not None:
            await asked.answer(cut("\n".join(await status_page(asked, self._started)), LONGEST))

    async def resume(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Let go of the brake."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        services, community = asked.services, asked.community
        if not services.brake.is_on(community):
            await asked.answer(_NOT_STOPPED)
            return
        # First what outlives a restart: where it cannot be written, nothing has changed.
        await services.communities.hold(community, None)
        services.brake.release(community)
        await asked.answer(_RESUMED)
        await note(asked.bot, community, f"<@{asked.author}> let automatic actions go on.")


async def setup(bot: "RefereeBot") -> None:
    """Add `/referee status` and `/referee resume`."""
    cog, group = StatusCommands(bot), referee_group(bot)
    await bot.add_cog(cog)
    status: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="status", description="Show how Referee does, and what needs attention.", callback=cog.status
    )
    resume: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="resume", description="Let automatic actions go on after the brake stopped them.", callback=cog.resume
    )
    group.add_command(status)
    group.add_command(resume)

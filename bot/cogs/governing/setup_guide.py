"""`/referee setup`: whoever manages a server says how Referee works there."""

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

if TYPE_CHECKING:
    from bot.app.client import RefereeBot


class SetupGuide(commands.Cog):
    """Set Referee up in a server."""

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


async def setup(bot: "RefereeBot") -> None:
    """Add `/referee setup`."""
    guide = SetupGuide()
    await bot.add_cog(guide)
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="setup",
        description="Choose the review channel, who moderates, and how far Referee may go.",
        callback=guide.set_up,
    )
    referee_group(bot).add_command(command)

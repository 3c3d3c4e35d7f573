"""Who may go on with a command, and what the command then works with.

No command asks for `default_permissions`: Discord would hide it from moderators who are so by a role that was set up,
and have none of the permissions by which it knows moderators. Whoever wants fewer people to see a command says so under
Server Settings, Integrations; who may use it is checked here, at every use.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import discord

from bot.app.tree import tell
from bot.ui.access import manages, moderates

if TYPE_CHECKING:
    from bot.app.client import RefereeBot
    from bot.services import Services

_MANAGERS_ONLY = "Only the owner and members with Manage Server may do this."
_MODERATORS_ONLY = "Only moderators may do this; who they are is set with /referee setup."
_NOT_YOURS = "Somebody else asked for this. Use the command yourself."
_IN_A_SERVER = "This works only in a server that Referee was invited to."


@dataclass(frozen=True, slots=True)
class Admitted:
    """Hold who may go on, and where; what is answered is seen by them alone."""

    interaction: "discord.Interaction[RefereeBot]"
    guild: discord.Guild

    @property
    def bot(self) -> "RefereeBot":
        """Return the bot that was asked."""
        return self.interaction.client

    @property
    def services(self) -> "Services":
        """Return what the bot works with."""
        return self.bot.services

    @property
    def community(self) -> str:
        """Return the server's id as the store knows it."""
        return str(self.guild.id)

    @property
    def author(self) -> str:
        """Return the id of who asked, as the store knows it."""
        return str(self.interaction.user.id)

    @property
    def now(self) -> datetime:
        """Return the present moment."""
        return self.services.clock.now()

    async def answer(
        self,
        text: str,
        *,
        files: tuple[discord.File, ...] = (),
        view: discord.ui.View | None = None,
    ) -> None:
        """Answer, in place of what was answered before."""
        await self.interaction.edit_original_response(
            content=text, attachments=files, view=view, allowed_mentions=discord.AllowedMentions.none()
        )


async def admit_manager(interaction: "discord.Interaction[RefereeBot]") -> Admitted | None:
    """Return what a command works with where its user manages the server; else tell them that they may not."""
    return await _admitted(interaction, _MANAGERS_ONLY, allowed=manages(interaction.user))


async def admit_moderator(interaction: "discord.Interaction[RefereeBot]") -> Admitted | None:
    """Return what a command works with where its user moderates the server; else tell them that they may not."""
    community = interaction.client.services.communities.get(str(interaction.guild_id))
    return await _admitted(interaction, _MODERATORS_ONLY, allowed=moderates(interaction.user, community))


async def is_asker(interaction: "discord.Interaction[RefereeBot]", asked: Admitted) -> bool:
    """Tell whether somebody uses an answer that they asked for, where they asked for it; else tell them how it goes."""
    if (interaction.user.id, interaction.guild_id) == (asked.interaction.user.id, asked.guild.id):
        return True
    await tell(interaction, _NOT_YOURS)
    return False


async def _admitted(interaction: "discord.Interaction[RefereeBot]", refusal: str, *, allowed: bool) -> Admitted | None:
    guild = interaction.guild
    if guild is None or interaction.client.get_guild(guild.id) is None:
        await tell(interaction, _IN_A_SERVER)
        return None
    if not allowed:
        await tell(interaction, refusal)
        return None
    # A button changes the message that it is on; a command has none yet.
    is_command = interaction.type is discord.InteractionType.application_command
    await interaction.response.defer(ephemeral=True, thinking=is_command)
    return Admitted(interaction, guild)

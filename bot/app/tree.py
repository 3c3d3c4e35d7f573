"""The command tree: what somebody is told when a command fails."""

import logging

import discord
from discord import app_commands

from bot.errors import RefereeError
from classifier import ClassifierError

_log = logging.getLogger(__name__)


class RefereeTree(app_commands.CommandTree[discord.Client]):
    """Answer every failed command in one short line that only its user sees."""

    async def on_error(
        self, interaction: discord.Interaction[discord.Client], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell what went wrong; what nobody expected is logged with a number that the answer names."""
        await tell(interaction, line_of(interaction, error))


def line_of(interaction: discord.Interaction[discord.Client], error: BaseException) -> str:
    """Return an error as one line for whoever ran into it; one that nobody expected is logged."""
    cause = error.__cause__ if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, RefereeError | ClassifierError):
        return str(cause)
    if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return "This command has changed. Reload Discord and try again in a minute."
    if isinstance(cause, app_commands.TransformerError):
        return f"{cause.value!r:.100} cannot be used here. Choose one of what is offered."
    if isinstance(cause, app_commands.CheckFailure):
        return "You may not use this here."
    _log.error("interaction %d failed", interaction.id, exc_info=cause)
    return f"Something went wrong, and nothing was changed that is not shown. The log names it: {interaction.id}."


async def tell(interaction: discord.Interaction[discord.Client], text: str) -> None:
    """Send somebody a line that only they see, whether or not they were answered before; never raise."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text[:2000], ephemeral=True)
        else:
            await interaction.response.send_message(text[:2000], ephemeral=True)
    except discord.HTTPException as error:
        _log.warning("interaction %d could not be answered (%s)", interaction.id, error.status)

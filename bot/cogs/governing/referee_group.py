"""The command `/referee`, whose parts several modules add."""

from typing import TYPE_CHECKING

from discord import app_commands

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_NAME = "referee"


def referee_group(bot: "RefereeBot") -> app_commands.Group:
    """Return the group `/referee` of a bot, made at the first call."""
    known = bot.tree.get_command(_NAME)
    if isinstance(known, app_commands.Group):
        return known
    group = app_commands.Group(name=_NAME, description="Set Referee up and see how it does.", guild_only=True)
    bot.tree.add_command(group)
    return group

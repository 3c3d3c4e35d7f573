"""Where the bot may write, found out without asking Discord."""

from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

NO_CHANNEL = "There is no review channel: run /referee setup."
NO_PERMISSION = "Referee may not write in the review channel: give it View Channel and Send Messages there."
GONE = "The review channel is gone: run /referee setup."
FAILED = "Discord did not take it ({why}). It is tried again every minute."


def place_of(bot: "RefereeBot", community: str, channel: str | None) -> discord.PartialMessageable | None:
    """Return a channel to write in, None where none is named or the bot is known not to be allowed to."""
    guild = bot.get_guild(int(community)) if community.isdigit() else None
    if guild is None or channel is None or not channel.isdigit() or not may_write(guild, int(channel)):
        return None
    return bot.get_partial_messageable(int(channel), guild_id=guild.id)


def may_write(guild: discord.Guild, channel: int) -> bool:
    """Tell whether the bot may write in a channel, as far as is known; what is unknown is left to the server."""
    known, me = guild.get_channel_or_thread(channel), _me(guild)
    if known is None or me is None:
        return True
    if isinstance(known, discord.Thread):
        if known.parent is None:
            return True
        rights = known.permissions_for(me)
        return rights.view_channel and rights.send_messages_in_threads
    rights = known.permissions_for(me)
    return rights.view_channel and rights.send_messages


def _me(guild: discord.Guild) -> discord.Member | None:
    """Return the bot's own member; a server that is not Discord may leave it out."""
    return guild.me


def why_not(error: Exception) -> str:
    """Return in words for the moderators why a message was not taken."""
    if isinstance(error, discord.Forbidden):
        return NO_PERMISSION
    if isinstance(error, discord.NotFound):
        return GONE
    return FAILED.format(why=error.status if isinstance(error, discord.HTTPException) else type(error).__name__)

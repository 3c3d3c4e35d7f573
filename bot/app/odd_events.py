"""Events that the library cannot read, or reads and does not tell of.

The first are left out instead of ending the connection, and messages are asked for anew.

discord.py 2.7 reads events inside its websocket loop without a guard, so that a single one with a field missing, as a
server that is not Discord may send, would end the process.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.enforce.calls import ERRORS

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
_MEMBER = "GUILD_MEMBER_UPDATE"
_MESSAGES = ("MESSAGE_CREATE", "MESSAGE_UPDATE")

Reader = Callable[[Any], Any]


class OddEvents(commands.Cog):
    """Ask for a message whole of which an event told only a part."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_odd_message(self, channel_id: int, message_id: int) -> None:
        """Fetch the message and pass it on as if it had just come; where it cannot be had, it is logged."""
        channel = self._bot.get_channel(channel_id)
        if not isinstance(channel, discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread):
            return
        try:
            message = await channel.fetch_message(message_id)
        except (*ERRORS, *_UNREADABLE) as error:
            _log.warning("message %d could not be read: %s", message_id, type(error).__name__)
            return
        self._bot.dispatch("message", message)


def guarded(bot: "RefereeBot", event: str, read: Reader) -> Reader:
    """Return a reader that leaves out what it cannot read."""

    def guard(data: Any) -> Any:  # noqa: ANN401 - whatever a server sends
        try:
            return read(data)
        except _UNREADABLE as error:
            _log.warning("an event %s could not be read and was left out: %s", event, type(error).__name__)
            if event in _MESSAGES and (ids := _ids(data)):
                bot.dispatch("odd_message", *ids)
            return None

    return guard


def telling(bot: "RefereeBot", read: Reader) -> Reader:
    """Return a reader of changed members that also tells of those who were not in memory before.

    The library then only remembers them; `on_uncached_member_update` gets them as they are now.
    """

    def tell(data: Any) -> Any:  # noqa: ANN401 - whatever a server sends
        guild, user = bot.get_guild(int(data["guild_id"])), int(data["user"]["id"])
        was_known = guild is None or guild.get_member(user) is not None
        answer = read(data)
        if guild is not None and not was_known and (member := guild.get_member(user)) is not None:
            bot.dispatch("uncached_member_update", member)
        return answer

    return tell


def _ids(data: object) -> tuple[int, int] | None:
    """Return the ids of the channel and the message that an event is about, None where it does not say."""
    if not isinstance(data, Mapping):
        return None
    channel, message = str(data.get("channel_id", "")), str(data.get("id", ""))
    return (int(channel), int(message)) if channel.isdecimal() and message.isdecimal() else None


async def setup(bot: "RefereeBot") -> None:
    """Put the guard around every reader of events; the library offers no seam for it but this table."""
    readers: dict[str, Reader] | None = getattr(getattr(bot, "_connection", None), "parsers", None)
    if readers is None:
        _log.warning("this discord.py cannot be guarded against events that it cannot read")
        return
    for event, read in readers.items():
        readers[event] = guarded(bot, event, telling(bot, read) if event == _MEMBER else read)
    await bot.add_cog(OddEvents(bot))

"""What was said in a channel before, newest first; a message that cannot be read hides none of the others."""

import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import discord

from bot.cogs.watching.gaps import Readable

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What the library raises at a message with a field missing or in another form, as a server not Discord may send."""


async def past(
    bot: "RefereeBot", channel: Readable, *, after: int, before: int | None = None, limit: int
) -> AsyncIterator[discord.Message]:
    """Yield so many messages between two ids at most; what cannot be read is left out, which is logged.

    Raise one of `bot.enforce.calls.ERRORS` where the channel cannot be read at all.
    """
    left, upto = limit, before
    while left > 0:
        end = discord.Object(upto) if upto is not None else None
        try:
            async for message in channel.history(
                before=end, after=discord.Object(after), limit=left, oldest_first=False
            ):
                upto, left = message.id, left - 1
                yield message
        except _UNREADABLE as error:
            upto, left = await _next(bot, channel.id, upto), left - 1
            _log.error("message %s in channel %d could not be read: %s", upto, channel.id, type(error).__name__)
            if upto is None or upto <= after:
                return
        else:
            return


async def _next(bot: "RefereeBot", channel: int, before: int | None) -> int | None:
    """Return the id of the newest message before another, None where the server does not tell it."""
    raw = await bot.http.logs_from(channel, 1, before=before)
    told = str(raw[0].get("id", "")) if raw else ""
    return int(told) if told.isascii() and told.isdigit() else None

"""Who somebody is in a server: asked of Discord where an event did not say, and remembered for a while."""

import logging
import time
from collections import OrderedDict

import discord

from bot.enforce.calls import ERRORS

_log = logging.getLogger(__name__)
_REMEMBERED_S = 300.0
_MOST = 1000


class Members:
    """Find members, with as few requests as can be."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[int, int], tuple[float, discord.Member | None]] = OrderedDict()

    async def find(self, guild: discord.Guild, user: int) -> discord.Member | None:
        """Return a member, None for somebody who is none, or of whom Discord does not tell."""
        known = guild.get_member(user)
        if known is not None:
            return known
        at, found = self._found.get((guild.id, user), (-_REMEMBERED_S, None))
        if time.monotonic() - at < _REMEMBERED_S:
            return found
        found = await _fetch(guild, user)
        self._found[guild.id, user] = (time.monotonic(), found)
        self._found.move_to_end((guild.id, user))
        if len(self._found) > _MOST:
            self._found.popitem(last=False)
        return found


async def _fetch(guild: discord.Guild, user: int) -> discord.Member | None:
    try:
        return await guild.fetch_member(user)
    except discord.NotFound:
        return None
    except ERRORS as error:
        _log.warning("member %d of server %d could not be looked up: %s", user, guild.id, type(error).__name__)
        return None

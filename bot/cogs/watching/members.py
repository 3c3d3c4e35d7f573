"""Who somebody is in a server: asked of Discord where an event did not say, and remembered for a while."""

import time
from collections import OrderedDict

import discord

from bot.enforce.calls import ERRORS
from bot.errors import DiscordUnreachable

_REMEMBERED_S = 300.0
_MOST = 1000


class Members:
    """Find members, with as few requests as can be."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[int, int], tuple[float, discord.Member | None]] = OrderedDict()

    async def find(self, guild: discord.Guild, user: int) -> discord.Member | None:
        """Return a member, None for somebody who is none; raise DiscordUnreachable where Discord does not tell."""
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
        kind = type(error).__name__
        raise DiscordUnreachable(f"member {user} of server {guild.id} could not be looked up: {kind}") from error

"""Who somebody is in a server: asked of Discord where an event did not say, and remembered for a while."""

import asyncio
import time
from collections import Counter, OrderedDict

import discord

from bot.enforce.calls import ERRORS
from bot.errors import DiscordUnreachable

_REMEMBERED_S = 300.0
_MOST = 1000
_MOST_AT_ONCE = 20
"""Look-ups of one server at once; a flood of strangers must not keep its messages waiting for thousands of answers."""


class Members:
    """Find members, with as few requests as can be: many questions about one of them are one request."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[int, int], tuple[float, discord.Member | None]] = OrderedDict()
        self._asked: dict[tuple[int, int], asyncio.Task[discord.Member | None]] = {}
        self._of_guilds: Counter[int] = Counter()

    async def find(self, guild: discord.Guild, user: int) -> discord.Member | None:
        """Return a member, None for somebody who is none; raise DiscordUnreachable where Discord does not tell.

        So it does where too many are being looked up in that server.
        """
        known = guild.get_member(user)
        if known is not None:
            return known
        at, found = self._found.get((guild.id, user), (-_REMEMBERED_S, None))
        if time.monotonic() - at < _REMEMBERED_S:
            return found
        asked = self._asked.get((guild.id, user)) or self._ask(guild, user)
        # One who gives up leaves the answer to the others.
        return await asyncio.shield(asked)

    def _ask(self, guild: discord.Guild, user: int) -> "asyncio.Task[discord.Member | None]":
        if self._of_guilds[guild.id] >= _MOST_AT_ONCE:
            raise DiscordUnreachable(
                f"member {user} of server {guild.id} was not looked up: {_MOST_AT_ONCE} look-ups are under way there"
            )
        self._of_guilds[guild.id] += 1
        asked = self._asked[guild.id, user] = asyncio.create_task(self._look_up(guild, user))
        return asked

    async def _look_up(self, guild: discord.Guild, user: int) -> discord.Member | None:
        try:
            found = await _fetch(guild, user)
            self._remember(guild, user, found)
            return found
        finally:
            del self._asked[guild.id, user]
            self._of_guilds[guild.id] -= 1
            if not self._of_guilds[guild.id]:
                del self._of_guilds[guild.id]

    def _remember(self, guild: discord.Guild, user: int, found: discord.Member | None) -> None:
        self._found[guild.id, user] = (time.monotonic(), found)
        self._found.move_to_end((guild.id, user))
        if len(self._found) > _MOST:
            self._found.popitem(last=False)


async def _fetch(guild: discord.Guild, user: int) -> discord.Member | None:
    try:
        return await guild.fetch_member(user)
    except discord.NotFound:
        return None
    except ERRORS as error:
        kind = type(error).__name__
        raise DiscordUnreachable(f"member {user} of server {guild.id} could not be looked up: {kind}") from error

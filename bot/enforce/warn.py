"""Warnings: by direct message, or in the channel where a member takes none; each once."""

import discord

from bot.domain import Outcome
from bot.enforce.calls import Answer, Calls
from bot.enforce.checks import rights_in
from bot.enforce.notice import SEEN_S, Notices, told_in_channel
from bot.enforce.order import Order
from bot.enforce.permissions import LABELS
from bot.enforce.target import Target
from bot.enforce.telling import Search, earlier, earlier_directly, nonce_of

_CLOSED = 50007
_TAKES_NONE = "the member takes no direct messages"
_DIRECTLY = "warned by direct message"
NOT_KNOWN = (
    "whether the member was warned just before Referee stopped cannot be known, so that the warning is not repeated"
)
"""Why a warning is refused that an earlier process may have given."""


class Warnings:
    """Warn members."""

    def __init__(self, calls: Calls, notices: Notices) -> None:
        self._calls = calls
        self._notices = notices

    async def warn(self, target: Target, order: Order, member: discord.Member) -> Answer:
        """Warn a member, unless an earlier process has, or may have; raise one of ERRORS."""
        if order.again:
            given = await self._given(target, order, member)
            if given is not None:
                return given
        nonce = nonce_of("w" if order.by is None else "h", order.incident)
        try:
            await member.send(self._notices.warning(target, order.incident), nonce=nonce, suppress_embeds=True)
        except discord.Forbidden as error:
            if error.code != _CLOSED:
                raise
            return await self._in_channel(target, order, nonce)
        return Outcome.DONE, _DIRECTLY

    async def _given(self, target: Target, order: Order, member: discord.Member) -> Answer | None:
        """Return what became of an earlier process's warning, None where there was none."""
        directly = await earlier_directly(member, order.incident)
        if directly.found is not None:
            return Outcome.DONE, _DIRECTLY
        publicly = await self._earlier_in_channel(target, order)
        if publicly.found is not None:
            # Whoever would have taken it away after a while was killed.
            await publicly.found.delete(delay=SEEN_S)
            return Outcome.DONE, f"warned in the channel: {_TAKES_NONE}"
        return None if directly.excludes and publicly.excludes else (Outcome.REFUSED, NOT_KNOWN)

    async def _earlier_in_channel(self, target: Target, order: Order) -> Search:
        if not isinstance(target.channel, discord.abc.Messageable):
            return Search()
        rights = rights_in(target.channel, target.guild.me)
        if not rights.view_channel or not rights.read_message_history:
            return Search(complete=_lacking(target.channel, target.guild.me) is not None)
        return await earlier(target.channel, target.guild.me.id, order.incident)

    async def _in_channel(self, target: Target, order: Order, nonce: str) -> Answer:
        if not isinstance(target.channel, discord.abc.Messageable):
            return Outcome.REFUSED, f"{_TAKES_NONE}, and there is no channel to warn in"
        lacking = _lacking(target.channel, target.guild.me)
        if lacking is not None:
            return Outcome.REFUSED, f"{_TAKES_NONE}, and Referee lacks the permission {LABELS[lacking]} in the channel"
        text = self._notices.public_warning(target, order.incident)
        await self._calls.make(target.community, told_in_channel(target, text, nonce))
        return Outcome.DONE, f"warned in the channel: {_TAKES_NONE}"


def _lacking(channel: discord.abc.GuildChannel | discord.Thread, me: discord.Member) -> str | None:
    """Return the permission without which nobody can be warned in a channel, None where it is there."""
    rights = rights_in(channel, me)
    right = "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"
    return None if rights.view_channel and getattr(rights, right) else right

"""The actions themselves, once it is known that they may be done."""

from dataclasses import dataclass
from datetime import timedelta

import discord

from bot.domain import Action, Incident, Outcome
from bot.enforce.calls import Answer, Calls, attempted
from bot.enforce.checks import RIGHTS, obstacle, removal_obstacle, removes, rights_in
from bot.enforce.deletes import Deletes
from bot.enforce.notice import Notices, spelled, told, told_in_channel
from bot.enforce.permissions import LABELS
from bot.enforce.target import Kind, Target
from bot.ports import Clock

_LONGEST = timedelta(days=28) - timedelta(minutes=1)
"""Discord takes 28 days by its own clock."""

_SHORTEST = timedelta(minutes=1)
_UNSAID = timedelta(minutes=10)
_AS_LONG = timedelta(minutes=1)
"""Two timeouts of one outburst end about the same moment: the second is not worth a call, nor another notice."""

TIMED_OUT_ALREADY = "is timed out as long or longer already"
BANNED_ALREADY = "is banned already"
"""What the detail of an incident begins with whose timeout was not set, because a longer one ran."""

_CLOSED = 50007
_LEFT = "the member has left the server"


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what shall be done about an incident, and how the audit log explains it; `by` is whose hand does it."""

    incident: Incident
    action: Action
    duration: timedelta | None
    reason: str
    by: discord.Member | None = None


class Deeds:
    """Do what is ordered, as far as it can be done."""

    def __init__(self, calls: Calls, deletes: Deletes, notices: Notices, clock: Clock) -> None:
        self._calls = calls
        self._deletes = deletes
        self._notices = notices
        self._clock = clock

    async def carry_out(self, target: Target, order: Order) -> Answer:
        """Do it; return the outcome of the action itself and a detail on every part.

        A timeout, a kick and a ban also take away what they are for: what got somebody removed should not stay
        readable.
        """
        if order.action is Action.DELETE:
            return await self._remove(target, order)
        removed = (await self._remove(target, order))[1] if removes(target, order.action) else ""
        outcome, detail = await self._punish(target, order)
        return outcome, "; ".join(part for part in (detail, removed) if part)

    async def _remove(self, target: Target, order: Order) -> Answer:
        why = removal_obstacle(target, order.by)
        if why:
            return Outcome.REFUSED, f"{_remains(target)}: {why}"
        if target.kind is Kind.NAME:
            return await attempted(self._reset_name(target, order), _needs("manage_nicknames"), _LEFT)
        try_it = self._delete(target, order.reason)
        return await attempted(try_it, _needs("manage_messages"), "the message was gone already")

    async def _delete(self, target: Target, reason: str) -> Answer:
        if target.channel is None:
            return Outcome.REFUSED, _remains(target)
        try:
            await self._deletes.delete(target.community, target.channel.id, target.message, reason)
        except discord.NotFound:
            return Outcome.DONE, "the message was gone already"
        return Outcome.DONE, "the message was deleted"

    async def _reset_name(self, target: Target, order: Order) -> Answer:
        if target.member is None:
            return Outcome.REFUSED, _LEFT
        await self._calls.make(target.community, target.member.edit(nick=None, reason=order.reason))
        return Outcome.DONE, "the nickname was reset"

    async def _punish(self, target: Target, order: Order) -> Answer:
        why = obstacle(target, order.action, order.by)
        if why:
            return Outcome.REFUSED, why
        needs = _needs(RIGHTS.get(order.action, "send_messages"))
        if order.action is Action.BAN:
            return await attempted(self._ban(target, order), needs, "nobody has this id any more")
        if target.member is None:
            return Outcome.REFUSED, _LEFT
        deed = {Action.WARN: self._warn, Action.TIMEOUT: self._time_out, Action.KICK: self._kick}[order.action]
        return await attempted(deed(target, order, target.member), needs, _LEFT)

    async def _warn(self, target: Target, order: Order, member: discord.Member) -> Answer:
        try:
            await member.send(self._notices.warning(target, order.incident), suppress_embeds=True)
        except discord.Forbidden as error:
            if error.code != _CLOSED:
                raise
            return await self._warn_in_channel(target, order)
        return Outcome.DONE, "warned by direct message"

    async def _warn_in_channel(self, target: Target, order: Order) -> Answer:
        closed = "the member takes no direct messages"
        if not isinstance(target.channel, discord.abc.Messageable):
            return Outcome.REFUSED, f"{closed}, and there is no channel to warn in"
        rights = rights_in(target.channel, target.guild.me)
        right = "send_messages_in_threads" if isinstance(target.channel, discord.Thread) else "send_messages"
        if not (rights.view_channel and getattr(rights, right)):
            return Outcome.REFUSED, f"{closed}, and Referee lacks the permission {LABELS[right]} in the channel"
        text = self._notices.public_warning(target, order.incident)
        await self._calls.make(target.community, told_in_channel(target, text))
        return Outcome.DONE, f"warned in the channel: {closed}"

    async def _time_out(self, target: Target, order: Order, member: discord.Member) -> Answer:
        length = timeout_length(order.duration)
        until = self._clock.now() + length
        if member.timed_out_until is not None and member.timed_out_until > until - _AS_LONG:
            return Outcome.DONE, TIMED_OUT_ALREADY
        await self._calls.make(target.community, member.timeout(until, reason=order.reason))
        await told(member, self._notices.punishment(target, order.incident, order.action, length))
        return Outcome.DONE, f"timed out for {spelled(length)}"

    async def _kick(self, target: Target, order: Order, member: discord.Member) -> Answer:
        # Once out, nobody can be told any more: they share no server with Referee.
        await told(member, self._notices.punishment(target, order.incident, order.action, None))
        await self._calls.make(target.community, member.kick(reason=order.reason))
        return Outcome.DONE, "kicked"

    async def _ban(self, target: Target, order: Order) -> Answer:
        if target.member is not None:
            await told(target.member, self._notices.punishment(target, order.incident, order.action, None))
        somebody = discord.Object(target.author)
        if target.member is None and await self._is_banned(target, somebody):
            return Outcome.DONE, BANNED_ALREADY
        call = target.guild.ban(somebody, reason=order.reason, delete_message_seconds=0)
        await self._calls.make(target.community, call)
        return Outcome.DONE, "banned"

    async def _is_banned(self, target: Target, somebody: discord.Object) -> bool:
        """Tell whether somebody who is not in the server is banned from it: a human's ban is not ours to take back."""
        try:
            await self._calls.make(target.community, target.guild.fetch_ban(somebody), proves=False)
        except discord.NotFound:
            return False
        return True


def timeout_length(asked: timedelta | None) -> timedelta:
    """Return how long a timeout lasts of which a rule, or a moderator, says this."""
    return min(max(asked or _UNSAID, _SHORTEST), _LONGEST)


def _needs(right: str) -> str:
    return f"{LABELS[right]} is missing, or the role of Referee is too low"


def _remains(target: Target) -> str:
    return {Kind.NAME: "the name stays", Kind.TITLE: "the title stays"}.get(target.kind, "the message stays")

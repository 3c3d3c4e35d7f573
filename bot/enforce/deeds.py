"""The actions themselves, once it is known that they may be done."""

from datetime import datetime, timedelta

import discord

from bot.domain import Action, Outcome
from bot.enforce.calls import Answer, Calls, attempted
from bot.enforce.checks import RIGHTS, obstacle, removal_obstacle, removes, renamed
from bot.enforce.deletes import Deletes
from bot.enforce.notice import Notices, spelled
from bot.enforce.order import SHORTEST, Order, timeout_length
from bot.enforce.permissions import LABELS
from bot.enforce.target import Kind, Target
from bot.enforce.telling import earlier_directly, nonce_of, told
from bot.enforce.warn import Warnings
from bot.ports import Clock

_AS_LONG = timedelta(minutes=1)
"""Two timeouts of one outburst end about the same moment: the second is not worth a call, nor another notice."""

TIMED_OUT_ALREADY = "is timed out as long or longer already"
BANNED_ALREADY = "is banned already"
"""What the detail of an incident begins with whose timeout was not set, because a longer one ran."""

_SAME_MOMENT = timedelta(milliseconds=1)
"""Messages tell their time in milliseconds, members and ends of timeouts in smaller parts."""

_LEFT = "the member has left the server"
_GONE = "the member left the server, or was kicked just before Referee stopped"
_CAME_BACK = "the member has joined again since"


class Deeds:
    """Do what is ordered, as far as it can be done."""

    def __init__(self, calls: Calls, deletes: Deletes, notices: Notices, clock: Clock) -> None:
        self._calls = calls
        self._deletes = deletes
        self._notices = notices
        self._clock = clock
        self._warnings = Warnings(calls, notices)

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
        if order.again and renamed(target, order.incident):
            return Outcome.DONE, "the nickname was reset or changed already"
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
            is_gone = order.again and order.action is Action.KICK and target.member is None and not target.webhook
            return Outcome.REFUSED, _GONE if is_gone else why
        needs = _needs(RIGHTS.get(order.action, "send_messages"))
        if order.action is Action.BAN:
            return await attempted(self._ban(target, order), needs, "nobody has this id any more")
        if target.member is None:
            return Outcome.REFUSED, _LEFT
        deed = {Action.WARN: self._warnings.warn, Action.TIMEOUT: self._time_out, Action.KICK: self._kick}[order.action]
        return await attempted(deed(target, order, target.member), needs, _LEFT)

    async def _time_out(self, target: Target, order: Order, member: discord.Member) -> Answer:
        now, until = self._clock.now(), member.timed_out_until
        end = order.end(now)
        length = spelled(timeout_length(order.duration))
        if order.again:
            known = await self._timed_out_before(target, order, member, end)
            if known is not None:
                return known
        if until is not None and until > end - _AS_LONG:
            return Outcome.DONE, TIMED_OUT_ALREADY
        await self._calls.make(target.community, member.timeout(end, reason=order.reason))
        await self._tell(target, order, member, end - now)
        return Outcome.DONE, f"timed out for {length}"

    async def _timed_out_before(
        self, target: Target, order: Order, member: discord.Member, end: datetime
    ) -> Answer | None:
        """Return what an earlier process made of a timeout, None where it is still to be set."""
        now, until = self._clock.now(), member.timed_out_until
        done = f"timed out for {spelled(timeout_length(order.duration))}"
        if until is not None and until > now and abs(until - end) <= _SAME_MOMENT:
            await self._tell(target, order, member, end - now)
            return Outcome.DONE, done
        if end - now < SHORTEST:
            return Outcome.REFUSED, "the timeout would have ended by now"
        if (until is None or until <= now) and (await earlier_directly(member, order.incident)).found is not None:
            # The member is told only once it is set.
            return Outcome.DONE, f"{done}, which was lifted since"
        return None

    async def _kick(self, target: Target, order: Order, member: discord.Member) -> Answer:
        if order.again and _came_back(order, member):
            return Outcome.REFUSED, f"{_CAME_BACK}: not kicked"
        # Once out, nobody can be told any more: they share no server with Referee.
        await self._tell(target, order, member, None)
        await self._calls.make(target.community, member.kick(reason=order.reason))
        return Outcome.DONE, "kicked"

    async def _ban(self, target: Target, order: Order) -> Answer:
        somebody = discord.Object(target.author)
        if order.again:
            known = await self._banned_before(target, order, somebody)
            if known is not None:
                return known
        elif target.member is None and await self._ban_of(target, somebody) is not None:
            return Outcome.DONE, BANNED_ALREADY
        if target.member is not None:
            await self._tell(target, order, target.member, None)
        call = target.guild.ban(somebody, reason=order.reason, delete_message_seconds=0)
        await self._calls.make(target.community, call)
        return Outcome.DONE, "banned"

    async def _banned_before(self, target: Target, order: Order, somebody: discord.Object) -> Answer | None:
        """Return what an earlier process made of a ban, None where it is still to be set."""
        ban = await self._ban_of(target, somebody)
        if ban is not None:
            return Outcome.DONE, "banned" if ban.reason == order.reason else BANNED_ALREADY
        if target.member is None:
            return Outcome.REFUSED, f"{_LEFT}, or was banned and let in again: not banned"
        return (Outcome.REFUSED, f"{_CAME_BACK}: not banned") if _came_back(order, target.member) else None

    async def _tell(self, target: Target, order: Order, member: discord.Member, length: timedelta | None) -> None:
        """Tell a member what happens to them, unless an earlier process has or may have."""
        if order.again and not (await earlier_directly(member, order.incident)).excludes:
            return
        # By hand a second, longer timeout is another notice.
        kind = "p" if order.by is None else f"{order.action[0]}{order.duration or ''}-"
        text = self._notices.punishment(target, order.incident, order.action, length)
        await told(member, text, nonce_of(kind, order.incident))

    async def _ban_of(self, target: Target, somebody: discord.Object) -> discord.BanEntry | None:
        """Return the ban of somebody, None where there is none: a human's is not ours to take back."""
        try:
            return await self._calls.make(target.community, target.guild.fetch_ban(somebody), proves=False)
        except discord.NotFound:
            return None


def _came_back(order: Order, member: discord.Member) -> bool:
    """Tell whether a member joined after what they said: they were removed for it, or left, and may be here again."""
    return member.joined_at is not None and member.joined_at > order.incident.at + _SAME_MOMENT


def _needs(right: str) -> str:
    return f"{LABELS[right]} is missing, or the role of Referee is too low"


def _remains(target: Target) -> str:
    return {Kind.NAME: "the name stays", Kind.TITLE: "the title stays"}.get(target.kind, "the message stays")

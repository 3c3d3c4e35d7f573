"""What can be taken back of an action, and what cannot."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import discord

from bot.domain import Action, Incident, IncidentQuery, Outcome, ReviewState, Surface
from bot.enforce.calls import Answer, Calls, attempted
from bot.enforce.deeds import BANNED_ALREADY, TIMED_OUT_ALREADY
from bot.enforce.notice import Notices
from bot.enforce.order import end_of
from bot.enforce.permissions import LABELS
from bot.enforce.reasons import undo_reason
from bot.enforce.target import Target, find, guild_of, number
from bot.enforce.telling import earlier_directly, nonce_of, told
from bot.ports import Clock

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_SLACK = timedelta(minutes=5)
"""How much later than said a timeout may end: versions before 0.6 counted from when it was set."""

_LONGEST = timedelta(days=30)
"""Longer ago than any timeout lasts that is counted here."""

_MOST_LOOKED_AT = 500

_LEFT = "the member has left the server: nothing to take back there"


class Undoing:
    """Take back what was done about an incident."""

    def __init__(self, client: "RefereeBot", calls: Calls, notices: Notices, clock: Clock) -> None:
        self._client = client
        self._calls = calls
        self._notices = notices
        self._clock = clock

    async def take_back(self, incident: Incident, *, again: bool = False) -> Answer:
        """Return the outcome of the action from now on, and what remains of it; raise one of ERRORS, or StoreError.

        A deletion and a kick stay done, and so does a timeout that something else has set. `again` says that an
        earlier process may have begun it: nobody is told twice.
        """
        action = incident.decision.action
        if action is Action.DELETE:
            return Outcome.DONE, _remains(incident)
        if action is Action.KICK:
            return Outcome.DONE, _with_rest(incident, "was kicked, and has to be invited again")
        if action is Action.BAN:
            return await attempted(self._unban(incident), _needs("ban_members"), "is not banned any more")
        target = await find(self._client, self._calls, incident, action, afresh=again)
        if isinstance(target, tuple):
            return target
        if target.member is None:
            return Outcome.REFUSED, _LEFT
        if action is Action.TIMEOUT:
            lifting = self._lift(target, incident, target.member, again=again)
            return await attempted(lifting, _needs("moderate_members"), _LEFT)
        if action is Action.WARN:
            return await self._unwarn(target, incident, target.member, again=again)
        return Outcome.NOT_NEEDED, ""

    async def _unban(self, incident: Incident) -> Answer:
        guild, author = guild_of(self._client, incident), number(incident.author)
        if isinstance(guild, tuple):
            return guild
        if BANNED_ALREADY in incident.outcome_detail:
            return Outcome.UNDONE, _with_rest(incident, "the ban that was there before stays")
        if author is None:
            return Outcome.REFUSED, "nothing is known any more of who was banned"
        if not guild.me.guild_permissions.ban_members:
            return Outcome.REFUSED, f"Referee lacks the permission {LABELS['ban_members']}"
        call = guild.unban(discord.Object(author), reason=undo_reason(incident))
        try:
            await self._calls.make(incident.key.community, call)
        except discord.NotFound:
            return Outcome.UNDONE, _with_rest(incident, "is not banned any more")
        return Outcome.UNDONE, _with_rest(incident, "unbanned, and has to be invited again")

    async def _lift(self, target: Target, incident: Incident, member: discord.Member, *, again: bool) -> Answer:
        if TIMED_OUT_ALREADY in incident.outcome_detail:
            return Outcome.UNDONE, _with_rest(incident, "the timeout that ran before stays")
        until = member.timed_out_until
        if until is None or until <= self._clock.now():
            if again:
                await self._apologise(target, incident, member, again=True)
            return Outcome.UNDONE, _with_rest(incident, "the timeout was over already")
        if not target.guild.me.guild_permissions.moderate_members:
            return Outcome.REFUSED, f"Referee lacks the permission {LABELS['moderate_members']}"
        if until > _latest_end(incident):
            return Outcome.UNDONE, _with_rest(incident, "a longer timeout than Referee's was set since, and stays")
        other = await self._other_timeout(incident)
        if other is not None and until <= end_of(other) + _SLACK:
            return Outcome.UNDONE, _with_rest(incident, f"the timeout stays, for incident {other.id}")
        end, what = (None, "lifted") if other is None else (end_of(other), f"cut back to that of incident {other.id}")
        await self._calls.make(target.community, member.timeout(end, reason=undo_reason(incident)))
        await self._apologise(target, incident, member, again=again)
        return Outcome.UNDONE, _with_rest(incident, f"the timeout was {what}")

    async def _other_timeout(self, incident: Incident) -> Incident | None:
        """Return the incident of the member whose timeout still runs longest, those left out that were dismissed."""
        now = self._clock.now()
        query = IncidentQuery(
            author=incident.author, community=incident.key.community, since=now - _LONGEST, limit=_MOST_LOOKED_AT
        )
        found = await self._client.services.stores.incidents.find(query)
        running = [each for each in found if each.id != incident.id and _has_timed_out(each) and end_of(each) > now]
        return max(running, key=end_of, default=None)

    async def _apologise(self, target: Target, incident: Incident, member: discord.Member, *, again: bool) -> bool:
        """Tell a member of a false alarm, once; return whether they were told."""
        if again:
            before = await earlier_directly(member, incident, apology=True)
            if not before.excludes:
                return before.found is not None
        return await told(member, self._notices.apology(target.guild, incident), nonce_of("a", incident))

    async def _unwarn(self, target: Target, incident: Incident, member: discord.Member, *, again: bool) -> Answer:
        if await self._apologise(target, incident, member, again=again):
            return Outcome.UNDONE, "the member was told that it was a false alarm"
        return Outcome.UNDONE, "the member takes no direct messages, and could not be told that it was a false alarm"


def _latest_end(incident: Incident) -> datetime:
    return end_of(incident) + _SLACK


def _has_timed_out(incident: Incident) -> bool:
    """Tell whether an incident set a timeout, and nobody called it a false alarm."""
    done = incident.decision.action is Action.TIMEOUT and incident.outcome is Outcome.DONE
    held = incident.state is not ReviewState.DISMISSED
    return done and held and TIMED_OUT_ALREADY not in incident.outcome_detail


def _with_rest(incident: Incident, what: str) -> str:
    remains = _remains(incident)
    return f"{what}; {remains}" if remains else what


def _remains(incident: Incident) -> str:
    """Return what stays of an action, whatever is taken back."""
    if incident.surface is Surface.NAME:
        return "a nickname that was reset has to be set again"
    stayed = "the message stays" in incident.outcome_detail
    return "" if stayed or incident.surface is Surface.TITLE else "the deleted message cannot be restored"


def _needs(right: str) -> str:
    return f"{LABELS[right]} is missing, or the role of Referee is too low"

"""Carry out in Discord what was decided."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import discord

from bot.brake import Brake
from bot.communities import Communities
from bot.domain import Action, Incident, Outcome
from bot.enforce.automod import AutoModLog
from bot.enforce.calls import ERRORS, Answer, Calls, explained
from bot.enforce.checks import nothing_possible, renamed
from bot.enforce.deeds import Deeds
from bot.enforce.deletes import Deletes
from bot.enforce.notice import Notices
from bot.enforce.order import Order
from bot.enforce.protect import protection
from bot.enforce.reasons import audit_reason
from bot.enforce.target import Target, find
from bot.enforce.undoing import Undoing
from bot.errors import RefereeError, StoreError
from bot.ports import Clock
from bot.ui.access import moderates

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)

_ALARM = (
    "Referee has stopped acting: too many automatic actions within a minute, which may be a raid or a mistake. "
    "It keeps flagging. Look at what happened, and release automatic actions when you want them again."
)


class DiscordEnforcer:
    """Act on members and messages; nothing is done that permissions, hierarchy or the brake forbid.

    `alarm` is told the community and what to tell its moderators. `automod` is to be told what AutoMod handled.
    """

    def __init__(
        self,
        client: "RefereeBot",
        communities: Communities,
        brake: Brake,
        clock: Clock,
        alarm: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._client = client
        self._communities = communities
        self._brake = brake
        self._clock = clock
        self._alarm = alarm
        self.automod = AutoModLog()
        self._calls = Calls(clock)
        notices = Notices(communities.basis.labels)
        deletes = Deletes(client, self._calls, clock)
        self._deeds = Deeds(self._calls, deletes, notices, clock)
        self._undoing = Undoing(client, self._calls, notices, clock)

    async def enforce(self, incident: Incident, *, again: bool = False) -> Answer:
        """Carry out the incident's action; return what became of it and a detail for the moderators.

        `again` says that an earlier process may have done it, or part of it: then nothing is done twice, and what
        cannot be known is refused.
        """
        community = incident.key.community
        if not incident.decision.action.punishes:
            return Outcome.NOT_NEEDED, ""
        if self.automod.handled(incident.key.message):
            return Outcome.REFUSED, "AutoMod handled it already"
        if self._brake.is_on(community):
            return self._held(community)
        until = self._calls.stopped_until(community)
        if until is not None:
            wait = f"nothing is tried until {_shown(until)}, or until an action by hand succeeds"
            return Outcome.REFUSED, f"Discord refused the last actions here: {wait}"
        return await _answered(self._automatically(incident, again=again))

    async def undo(self, incident: Incident, *, again: bool = False) -> Answer:
        """Take back what can be taken back; return the outcome then, and what remains; `again` as for `enforce`."""
        return await _answered(self._undoing.take_back(incident, again=again))

    async def act(
        self, incident: Incident, action: Action, duration: timedelta | None, moderator: discord.Member
    ) -> Answer:
        """Do by a moderator's hand what the policy left to humans; they need the permission for it themselves."""
        if not action.punishes:
            return Outcome.NOT_NEEDED, ""
        community = self._communities.get(incident.key.community)
        if str(moderator.guild.id) != community.id or not moderates(moderator, community):
            return Outcome.REFUSED, "only the moderators of the server may do this"
        order = Order(incident, action, duration, audit_reason(incident, moderator), moderator)
        return await _answered(self._by_hand(order))

    async def _automatically(self, incident: Incident, *, again: bool) -> Answer:
        decision = incident.decision
        order = Order(incident, decision.action, decision.duration, audit_reason(incident), again=again)
        target = await self._allowed(order)
        if isinstance(target, tuple):
            return target
        if not await self._released(target.community):
            return self._held(target.community)
        return await self._deeds.carry_out(target, order)

    async def _by_hand(self, order: Order) -> Answer:
        target = await self._allowed(order)
        return target if isinstance(target, tuple) else await self._deeds.carry_out(target, order)

    async def _allowed(self, order: Order) -> Target | Answer:
        """Return what may be acted on, or why it may not."""
        target = await find(self._client, self._calls, order.incident, order.action, afresh=order.again)
        if isinstance(target, tuple):
            return target
        if target.author == target.guild.me.id:
            return Outcome.REFUSED, "not done: Referee does not act on itself"
        why = self._protected(target)
        if not why and not (order.again and order.action is Action.DELETE and renamed(target, order.incident)):
            why = nothing_possible(target, order.action, order.by)
        return (Outcome.REFUSED, why) if why else target

    def _protected(self, target: Target) -> str:
        # What other bots wrote may be deleted, whatever rights they were given.
        if target.member is None or target.member.bot:
            return ""
        why = protection(target.member, self._communities.get(target.community))
        return f"not done: {why}" if why else ""

    async def _released(self, community: str) -> bool:
        """Tell whether the brake lets an action pass; where this is one too many, call a human, once."""
        now = self._clock.now()
        was_on = self._brake.is_on(community)
        if self._brake.take(community, now):
            return True
        if not was_on:
            await self._call_a_human(community, now)
        return False

    async def _call_a_human(self, community: str, now: datetime) -> None:
        _log.warning("automatic actions are stopped in community %s", community)
        try:
            await self._communities.hold(community, now)
        except StoreError:
            # They stay stopped in memory; the moderators have to be called all the same.
            _log.exception("that actions are stopped in community %s could not be written down", community)
        try:
            await self._alarm(community, _ALARM)
        except (*ERRORS, RefereeError):
            _log.exception("the moderators of community %s could not be called", community)

    def _held(self, community: str) -> Answer:
        since = self._brake.tripped_at(community)
        when = f" since {_shown(since)}" if since is not None else ""
        return Outcome.HELD, f"automatic actions are stopped{when}: a moderator has to release them"


async def _answered(deed: Coroutine[object, object, Answer]) -> Answer:
    """Await a deed; where Discord cannot be asked, answer so."""
    try:
        return await deed
    except ERRORS as error:
        return explained(error, "a permission is missing", "it is not there any more")


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M} UTC"

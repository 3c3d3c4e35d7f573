"""Calls to Discord: what their failures mean in words, and an end to calling where every call is refused."""

from collections import deque
from collections.abc import Awaitable, Coroutine
from datetime import datetime, timedelta
from typing import TypeVar

import aiohttp
import discord

from bot.domain import Outcome
from bot.ports import Clock

Answer = tuple[Outcome, str]
"""What became of an action, and a detail for the moderators."""

ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError)
"""What a call to Discord may raise; discord.py has by then tried again what is worth it."""

_Result = TypeVar("_Result")
_MOST_REFUSALS = 5
_SPAN = timedelta(minutes=10)
_NEEDS_TWO_FACTORS = 60003
_NO_ACCESS = 50001


class Calls:
    """Count refusals in a row, for each community.

    Discord bans the address of a bot that is refused 10,000 times in ten minutes, so that five in a row stop the
    automatic calls in a community for as long, or until one succeeds by hand.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[str, deque[datetime]] = {}

    async def make(self, community: str, call: Awaitable[_Result], *, proves: bool = True) -> _Result:
        """Await one call and count how it ends; a call that `proves` nothing does not end a row of refusals."""
        try:
            result = await call
        except discord.Forbidden:
            self._refused.setdefault(community, deque(maxlen=_MOST_REFUSALS)).append(self._clock.now())
            raise
        if proves:
            self._refused.pop(community, None)
        return result

    def stopped_until(self, community: str) -> datetime | None:
        """Return until when nothing is tried there, None where it is."""
        refused = self._refused.get(community)
        if refused is None or len(refused) < _MOST_REFUSALS or refused[-1] - refused[0] > _SPAN:
            return None
        until = refused[-1] + _SPAN
        return until if self._clock.now() < until else None


async def attempted(deed: Coroutine[object, object, Answer], needs: str, gone: str) -> Answer:
    """Await a deed; where Discord does not do it, return why.

    `needs` names what a refusal points at, `gone` what it means that nothing was found.
    """
    try:
        return await deed
    except ERRORS as error:
        return explained(error, needs, gone)


def explained(error: BaseException, needs: str, gone: str) -> Answer:
    """Return what an error of a call means; nothing that Discord wrote is quoted."""
    if isinstance(error, discord.Forbidden):
        return Outcome.REFUSED, _refusal(error, needs)
    if isinstance(error, discord.NotFound):
        return Outcome.REFUSED, gone
    if isinstance(error, discord.RateLimited):
        return Outcome.FAILED, f"Discord asks to wait {error.retry_after:.0f} s; do it by hand"
    if isinstance(error, discord.HTTPException):
        fault = "is in trouble" if error.status >= 500 else "did not take it"
        return Outcome.FAILED, f"Discord {fault} (status {error.status}, code {error.code}); do it by hand"
    if isinstance(error, TimeoutError):
        return Outcome.FAILED, "Discord did not answer in time; do it by hand"
    return Outcome.FAILED, f"Discord cannot be reached ({type(error).__name__}); do it by hand"


def _refusal(error: discord.Forbidden, needs: str) -> str:
    if error.code == _NEEDS_TWO_FACTORS:
        return "the server asks for two-factor authentication, which the owner of the bot has not switched on"
    if error.code == _NO_ACCESS:
        return "Referee has no access to the channel"
    return f"Discord refused it: {needs}"

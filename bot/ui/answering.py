"""How every button answers: at once, in private, and never with silence."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import discord

from bot.app.tree import line_of, tell
from bot.case import Case
from bot.errors import UnknownIncident
from bot.ui.access import LARGEST_ID, moderates

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

Press = discord.Interaction[Any]
"""Somebody's click; its client is the `RefereeBot`."""

_MODERATORS_ONLY = "Only this server's moderators can use this."


async def answer(press: Press, work: Callable[[], Awaitable[None]]) -> None:
    """Acknowledge a click, then work; whatever goes wrong is told to whoever clicked, in a line of their own."""
    try:
        await press.response.defer(ephemeral=True)
        await work()
    except Exception as error:  # discord.py would only log it, and the button would look dead.
        await tell(press, line_of(press, error))


async def moderator_of(press: Press) -> discord.Member | None:
    """Return the moderator who clicked; tell anybody else that they may not, and return None."""
    bot: RefereeBot = press.client
    person, community = press.user, bot.services.communities.get(str(press.guild_id))
    is_here = press.guild_id is not None and bot.get_guild(press.guild_id) is not None
    if is_here and isinstance(person, discord.Member) and moderates(person, community):
        return person
    await tell(press, _MODERATORS_ONLY)
    return None


async def begin(press: Press, card_id: int) -> tuple[discord.Member, Case] | None:
    """Return the moderator who clicked on a card, and what it is about; None where they were told why not.

    A card whose incidents are gone says so from then on, and another server's is as unknown as none. Raise
    UnknownIncident.
    """
    moderator = await moderator_of(press)
    if moderator is None:
        return None
    bot: RefereeBot = press.client
    case = await _own(bot, card_id, str(press.guild_id))
    if case is None:
        # The same words, whichever it is: that another server has a card of this number is nobody's business.
        gone = f"There is no card {card_id} in this server: what it was about has expired or was erased."
        # What was clicked may be gone as well, and the answer is the same.
        with suppress(discord.HTTPException):
            await bot.cards.say_gone(press, gone)
        raise UnknownIncident(gone)
    return moderator, case


async def _own(bot: "RefereeBot", card_id: int, community: str) -> Case | None:
    """Return what a card of a community is about; None where there is no such card, or it is another community's."""
    if not 0 < card_id <= LARGEST_ID:
        return None
    with suppress(UnknownIncident):
        case = await bot.services.desk.case(card_id)
        return case if case.card.community == community else None
    return None

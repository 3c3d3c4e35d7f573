"""How every button answers: at once, in private, and never with silence."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.app.tree import line_of, tell
from bot.case import Case
from bot.errors import UnknownIncident
from bot.ui.access import moderates

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
    person = press.user
    if isinstance(person, discord.Member) and moderates(person, bot.services.communities.get(str(press.guild_id))):
        return person
    await tell(press, _MODERATORS_ONLY)
    return None


async def begin(press: Press, card_id: int) -> tuple[discord.Member, Case] | None:
    """Return the moderator who clicked on a card, and what it is about; None where they were told why not.

    A card whose incidents are gone says so from then on. Raise UnknownIncident.
    """
    moderator = await moderator_of(press)
    if moderator is None:
        return None
    bot: RefereeBot = press.client
    try:
        case = await bot.services.desk.case(card_id)
    except UnknownIncident as error:
        await bot.cards.say_gone(press, str(error))
        raise
    if case.card.community != str(press.guild_id):
        raise UnknownIncident(f"There is no card {card_id} in this server.")
    return moderator, case

"""Cards on their way to Discord: in the form that the server takes, with a note of what hindered them."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import discord

from bot.community import Card
from bot.enforce.calls import ERRORS
from bot.ui.card_view import layout_of, plain_of
from bot.ui.face import Sight
from bot.ui.finding import card_message
from bot.ui.posting import GONE, NO_CHANNEL, NO_PERMISSION, may_write, why_not

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_REFUSED = 400
_UNKNOWN_CHANNEL = 10003
_LONGEST_NONCE = 25
_Way = Callable[[Sight], Awaitable[discord.Message]]


class CardDelivery:
    """Send cards, and bring those that were sent up to date."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._plain: set[str] = set()
        """The communities whose server does not know the newer layout."""
        self._started = discord.utils.utcnow()

    async def deliver(self, sight: Sight) -> bool:
        """Send a card, or edit the message that shows it; tell whether it now shows what it should.

        What could not be sent is noted with the reason. A card that a moderator deleted is left deleted.
        """
        card = sight.case.card
        if card.message is None:
            return await self._send(sight)
        return await self._edit(sight, card, card.message)

    def still_hindered(self, card: Card) -> bool:
        """Tell whether what is known to hinder a card still does, so that trying it again would change nothing."""
        return card.message is None and card.trouble != "" and card.trouble == self._place(card.community)[1]

    def _place(self, community: str) -> tuple[discord.PartialMessageable | None, str]:
        """Return where cards of a community are shown, or why nowhere."""
        channel = self._bot.services.communities.get(community).review_channel
        guild = self._bot.get_guild(int(community)) if community.isdigit() else None
        if guild is None or channel is None or not channel.isdigit():
            return None, NO_CHANNEL
        if not may_write(guild, int(channel)):
            return None, NO_PERMISSION
        return self._bot.get_partial_messageable(int(channel), guild_id=guild.id), ""

    async def _send(self, sight: Sight) -> bool:
        card = sight.case.card
        place, hindrance = self._place(card.community)
        if place is None:
            return await self._not_sent(card, hindrance)
        channel = str(place.id)
        earlier = await self._sent_before(sight, place, channel) if self._may_be_there(sight) else None
        if earlier is not None:
            return earlier
        # Discord takes a message with the same nonce once: a card is not doubled by a crash just after it was sent.
        nonce = f"c{card.id}:{sight.case.incidents[0].key.message}"[:_LONGEST_NONCE]

        async def layout(seen: Sight) -> discord.Message:
            return await place.send(view=layout_of(seen), nonce=nonce, allowed_mentions=_nobody())

        async def plain(seen: Sight) -> discord.Message:
            content, view = plain_of(seen)
            return await place.send(content, view=view, nonce=nonce, suppress_embeds=True, allowed_mentions=_nobody())

        try:
            message = await self._by_either(sight, layout, plain)
        except ERRORS as error:
            _log.warning("card %d was not taken (%s)", card.id, type(error).__name__)
            return await self._not_sent(card, why_not(error))
        await self._bot.services.stores.cards.sent(card.id, channel, str(message.id))
        return True

    async def _sent_before(self, sight: Sight, place: discord.PartialMessageable, channel: str) -> bool | None:
        """Bring the message up to date that shows a card without a note of it; return None where there is none."""
        card = sight.case.card
        try:
            there = await card_message(place, self._own_id, card.id, _made_at(sight))
        except discord.Forbidden:
            # It cannot be looked for; a card twice is better than none.
            return None
        except ERRORS as error:
            return await self._not_sent(card, why_not(error))
        if there is None:
            return None
        await self._bot.services.stores.cards.sent(card.id, channel, str(there.id))
        return await self._edit(sight, replace(card, channel=channel), str(there.id))

    @property
    def _own_id(self) -> int:
        return self._bot.user.id if self._bot.user is not None else 0

    def _may_be_there(self, sight: Sight) -> bool:
        """Tell whether a card may have been sent without a note of it: by an earlier process, or with an error.

        Discord remembers a nonce for minutes only.
        """
        if sight.case.card.trouble in (NO_CHANNEL, NO_PERMISSION, GONE):
            return False
        return bool(sight.case.card.trouble) or _made_at(sight) < self._started

    async def _edit(self, sight: Sight, card: Card, number: str) -> bool:
        guild = self._bot.get_guild(int(card.community)) if card.community.isdigit() else None
        if guild is None or card.channel is None or not may_write(guild, int(card.channel)):
            return False
        place = self._bot.get_partial_messageable(int(card.channel), guild_id=guild.id)
        message = place.get_partial_message(int(number))

        async def layout(seen: Sight) -> discord.Message:
            return await message.edit(view=layout_of(seen), allowed_mentions=_nobody())

        async def plain(seen: Sight) -> discord.Message:
            content, view = plain_of(seen)
            return await message.edit(content=content, view=view, allowed_mentions=_nobody())

        try:
            await self._by_either(sight, layout, plain)
        except discord.NotFound as error:
            # The channel is gone with everything in it: what still waits is shown in the next one.
            if error.code == _UNKNOWN_CHANNEL and sight.case.waits:
                return await self._not_sent(card, GONE)
        except discord.Forbidden:
            _log.warning("card %d could not be brought up to date: it is forbidden", card.id)
        except ERRORS as error:
            _log.warning("card %d could not be brought up to date (%s)", card.id, type(error).__name__)
            return False
        return True

    async def _by_either(self, sight: Sight, layout: _Way, plain: _Way) -> discord.Message:
        """Use the newer layout, or plain text where the server refuses that, and remember which it takes."""
        community = sight.case.card.community
        first, second = (plain, layout) if community in self._plain else (layout, plain)
        try:
            return await first(sight)
        except discord.HTTPException as error:
            if error.status != _REFUSED:
                raise
            _log.info("card %d was refused in one form (%d); trying the other", sight.case.card.id, error.code)
        message = await second(sight)
        if second is plain:
            self._plain.add(community)
        return message

    async def _not_sent(self, card: Card, trouble: str) -> bool:
        if card.trouble != trouble or card.message is not None:
            await self._bot.services.stores.cards.not_sent(card.id, trouble)
        return False


def _made_at(sight: Sight) -> datetime:
    first = sight.case.incidents[0]
    return first.created_at or first.at


def _nobody() -> discord.AllowedMentions:
    return discord.AllowedMentions.none()

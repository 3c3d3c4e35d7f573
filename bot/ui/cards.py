"""The review cards: sent, kept up to date, sent later where they could not be sent."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot.case import Case
from bot.community import Card
from bot.domain import Excerpt, Incident, Platform, ReviewState
from bot.enforce.calls import ERRORS
from bot.errors import StoreError, UnknownIncident
from bot.ui import help_call
from bot.ui.action_log import ActionLog
from bot.ui.answering import Press
from bot.ui.card_view import note_layout
from bot.ui.delivery import CardDelivery
from bot.ui.face import Sight, mention
from bot.ui.posting import place_of

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 20
"""Cards that one round of catching up sends, so that a long list of them leaves room for what happens meanwhile."""

_MOST_OF_ONE = 10
"""Of these, the cards of one community, so that the long list of another does not hold them up."""

_MOST_PAST = 200


class Cards:
    """Show moderators what happened, one card for an author's outburst."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._delivery = CardDelivery(bot)
        self._showing: set[int] = set()
        self._again: set[int] = set()
        self._actions = ActionLog(bot)
        self._restoring = False

    async def notify(self, excerpt: Excerpt, incident: Incident) -> None:
        """Show one incident, on its author's card where there is one; what cannot be shown now is shown later."""
        if incident.key.platform is not Platform.DISCORD:
            return
        await self.follow(incident)
        await self._actions.add(incident)

    async def follow(self, incident: Incident) -> None:
        """Bring the card of an incident up to date, a new one where there is none; what fails is done later."""
        try:
            card = await self._attach(incident)
            await self.show(card.id)
        except StoreError:
            _log.exception("the card of incident %d could not be kept; it is made later", incident.id)

    async def show(self, card_id: int) -> bool:
        """Bring a card up to date in Discord; tell whether it is, or will be by whoever is at it already.

        While one call is at it, any number of others become one more round of it.
        """
        if card_id in self._showing:
            self._again.add(card_id)
            return True
        self._showing.add(card_id)
        try:
            shown = await self._show(card_id)
            while card_id in self._again:
                self._again.discard(card_id)
                shown = await self._show(card_id)
            return shown
        finally:
            self._showing.discard(card_id)
            self._again.discard(card_id)

    async def restore(self) -> None:
        """Show what is still to be shown: incidents without a card, cards not sent, cards not brought up to date."""
        if self._restoring:
            return
        self._restoring = True
        try:
            await self._attach_rest()
            await self._show_rest(await self._bot.services.stores.cards.unsent())
            await self._show_rest(await self._bot.services.stores.cards.behind())
        finally:
            self._restoring = False

    async def say_gone(self, press: Press, text: str) -> None:
        """Say on a card that what it was about is gone."""
        if press.message is not None and press.message.flags.components_v2:
            await press.edit_original_response(view=note_layout(text))
        else:
            await press.edit_original_response(content=text, view=None)

    async def close(self) -> None:
        """Write down what is still to be written, before the connection ends."""
        await self._actions.close()

    async def call_for_help(self, community: str, text: str) -> None:
        """Tell the moderators of a community that a human is needed."""
        await help_call.call(self._bot, community, text)

    async def call_for_opinion(self, case: Case, moderator: str) -> None:
        """Ask the moderators, in an answer to a card, for a second opinion on it."""
        card, settings = case.card, self._bot.services.communities.get(case.card.community)
        place = place_of(self._bot, card.community, card.channel)
        if place is None or card.message is None:
            return
        mentions, allowed = help_call.pings(settings.moderator_roles)
        text = f"Escalated by {mention(moderator)}: this needs a second opinion. {mentions}".strip()
        to = discord.MessageReference(
            message_id=int(card.message), channel_id=place.id, guild_id=int(card.community), fail_if_not_exists=False
        )
        try:
            await place.send(text, reference=to, allowed_mentions=allowed)
        except ERRORS as error:
            _log.warning("card %d: the call for a second opinion was not taken (%s)", card.id, type(error).__name__)

    async def _attach(self, incident: Incident) -> Card:
        burst = self._bot.services.communities.of(incident.key.community).burst
        return await self._bot.services.stores.cards.attach(incident, burst)

    async def _attach_rest(self) -> None:
        for incident in await self._bot.services.stores.cards.without_card(Platform.DISCORD):
            if self._knows(incident.key.community):
                await self._attach(incident)

    async def _show_rest(self, waiting: Sequence[Card]) -> None:
        """Show these, oldest first; where one card of a community fails, its others wait as well.

        Where there is no place for them yet nothing is tried: thousands of servers may never have named one.
        """
        failed: set[str] = set()
        shown: Counter[str] = Counter()
        for card in waiting:
            if shown.total() >= _MOST_AT_ONCE:
                return
            if card.community in failed or shown[card.community] >= _MOST_OF_ONE or not self._knows(card.community):
                continue
            if not self._delivery.still_hindered(card) and await self.show(card.id):
                shown[card.community] += 1
            else:
                failed.add(card.community)

    def _knows(self, community: str) -> bool:
        return community.isdigit() and self._bot.get_guild(int(community)) is not None

    async def _show(self, card_id: int) -> bool:
        """Show a card as it is now; it is noted beforehand, so that one that a crash interrupts is shown again."""
        kept = self._bot.services.stores.cards
        state = await kept.outdate(card_id)
        try:
            case = await self._bot.services.desk.case(card_id)
        except UnknownIncident:
            return False
        shown = await self._delivery.deliver(await self._sight(case))
        if shown:
            await kept.caught_up(card_id, state)
        return shown

    async def _sight(self, case: Case) -> Sight:
        card, policy = case.card, self._bot.services.communities.of(case.card.community)
        since = self._bot.services.clock.now() - policy.history_window
        here = {incident.id for incident in case.incidents}
        found = await self._bot.services.stores.incidents.past(card.community, card.author, since, _MOST_PAST)
        past = [each for each in found if each.id not in here and each.state is not ReviewState.DISMISSED]
        counted = Counter(each.category for each in past)
        return Sight(case, self._name(card), counted, policy.history_window, policy.severity)

    def _name(self, card: Card) -> str:
        guild = self._bot.get_guild(int(card.community)) if card.community.isdigit() else None
        if guild is None or not card.author.isdigit():
            return ""
        member = guild.get_member(int(card.author)) or self._bot.get_user(int(card.author))
        return member.display_name if member is not None else ""

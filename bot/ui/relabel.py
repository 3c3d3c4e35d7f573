"""The choice of a category for a card that was labelled wrongly."""

from functools import partial
from re import Match
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.app.tree import tell
from bot.domain import ReviewVerdict
from bot.errors import InputError
from bot.ui import verdicts
from bot.ui.answering import Press, answer, begin
from bot.ui.face import first_words
from bot.ui.quote import cut
from bot.ui.words import category_words
from classifier import Label

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_MOST_OPTIONS, _MOST_LISTS = 25, 5
_MOST_TEXT = 100


class RelabelSelect(
    ui.DynamicItem[ui.Select[Any]], template=r"referee:relabel:(?P<card>[0-9]{1,18}):(?P<list>[0-9]{1,2})"
):
    """A list of categories to choose from for one card."""

    def __init__(self, card_id: int, number: int, labels: tuple[Label, ...] = ()) -> None:
        options = [
            discord.SelectOption(
                label=category_words(label.name),
                value=label.name,
                description=cut(label.description, _MOST_TEXT) or None,
            )
            for label in labels
        ]
        custom_id = f"referee:relabel:{card_id}:{number}"
        super().__init__(ui.Select(placeholder="Choose a category", options=options, custom_id=custom_id))
        self.card_id = card_id

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: ui.Item[Any], match: Match[str], /) -> Self:
        """Return the list that an id stands for."""
        return cls(int(match["card"]), int(match["list"]))

    async def callback(self, interaction: Press) -> None:
        """Give the card the category that was chosen."""
        await answer(interaction, partial(_relabel, interaction, self.card_id, self.item.values))


async def ask(press: Press, card_id: int) -> None:
    """Show a moderator the categories to choose from."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    _, case = begun
    if case.decided is not None:
        await tell(press, first_words(case.decided))
        return
    bot: RefereeBot = press.client
    labels = bot.services.communities.basis.labels.labels
    view = ui.View(timeout=None)
    for number, start in enumerate(range(0, len(labels), _MOST_OPTIONS)[:_MOST_LISTS]):
        view.add_item(RelabelSelect(card_id, number, labels[start : start + _MOST_OPTIONS]))
    await press.followup.send("What is it really? If it is nothing bad, use *False alarm*.", view=view, ephemeral=True)


async def _relabel(press: Press, card_id: int, chosen: list[str]) -> None:
    # Before anything that was chosen is looked at: nobody else learns whether it makes sense.
    if await begin(press, card_id) is None:
        return
    bot: RefereeBot = press.client
    category = next((name for name in chosen if name in bot.services.communities.basis.labels.names), None)
    if category is None:
        raise InputError("This category is not there any more. Press Relabel again.")
    await verdicts.decide(press, card_id, ReviewVerdict.RELABEL, category)

"""The buttons of a card, which work for as long as the card is there, whatever restarts in between."""

from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from re import Match
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.case import Case
from bot.domain import ReviewState
from bot.ui import acting, relabel, verdicts
from bot.ui.acting import ActButton, TimeoutSelect
from bot.ui.answering import Press, answer
from bot.ui.help_call import ReleaseButton
from bot.ui.keeping import CardKeeper
from bot.ui.relabel import RelabelSelect

if TYPE_CHECKING:
    from bot.app.client import RefereeBot


class Verb(StrEnum):
    """What a button of a card does."""

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    RELABEL = "relabel"
    ESCALATE = "escalate"
    TAKE_OVER = "take"
    REOPEN = "reopen"
    ACT = "act"


_LOOKS = {
    Verb.CONFIRM: ("Confirm", discord.ButtonStyle.success),
    Verb.DISMISS: ("False alarm", discord.ButtonStyle.secondary),
    Verb.RELABEL: ("Relabel", discord.ButtonStyle.secondary),
    Verb.ESCALATE: ("Escalate", discord.ButtonStyle.secondary),
    Verb.TAKE_OVER: ("Take over", discord.ButtonStyle.secondary),
    Verb.REOPEN: ("Reopen", discord.ButtonStyle.secondary),
    Verb.ACT: ("Act", discord.ButtonStyle.primary),
}
_WORK = {
    Verb.CONFIRM: verdicts.confirm,
    Verb.DISMISS: verdicts.dismiss,
    Verb.RELABEL: relabel.ask,
    Verb.ESCALATE: verdicts.escalate,
    Verb.TAKE_OVER: verdicts.take_over,
    Verb.REOPEN: verdicts.reopen,
    Verb.ACT: acting.ask_again,
}


class CardButton(
    ui.DynamicItem[ui.Button[Any]],
    template=r"referee:card:(?P<verb>confirm|dismiss|relabel|escalate|take|reopen|act):(?P<card>[0-9]{1,18})",
):
    """One button of one card; all it knows is in its id."""

    def __init__(self, verb: Verb, card_id: int) -> None:
        label, style = _LOOKS[verb]
        super().__init__(ui.Button(label=label, style=style, custom_id=f"referee:card:{verb}:{card_id}"))
        self.verb, self.card_id = verb, card_id

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: ui.Item[Any], match: Match[str], /) -> Self:
        """Return the button that an id stands for."""
        return cls(Verb(match["verb"]), int(match["card"]))

    async def callback(self, interaction: Press) -> None:
        """Do what the button says."""
        await answer(interaction, partial(_WORK[self.verb], interaction, self.card_id))


def buttons_of(case: Case) -> list[CardButton]:
    """Return the buttons that make sense on a card as it stands."""
    return [CardButton(verb, case.card.id) for verb in _verbs(case)]


def _verbs(case: Case) -> Iterator[Verb]:
    if case.waits:
        yield from (Verb.CONFIRM, Verb.DISMISS, Verb.RELABEL)
        if any(incident.state is ReviewState.OPEN for incident in case.incidents):
            yield Verb.ESCALATE
        yield Verb.TAKE_OVER
        return
    yield Verb.REOPEN
    if any(incident.state is ReviewState.CONFIRMED for incident in case.incidents):
        yield Verb.ACT


async def setup(bot: "RefereeBot") -> None:
    """Make the buttons of all cards work, and send from then on what could not be sent."""
    bot.add_dynamic_items(CardButton, RelabelSelect, ActButton, TimeoutSelect, ReleaseButton)
    await bot.add_cog(CardKeeper(bot))

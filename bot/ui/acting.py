"""What a moderator can do by hand about something that they confirmed."""

from datetime import timedelta
from functools import partial
from re import Match
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.app.tree import tell
from bot.case import Case
from bot.community import ERASED
from bot.domain import Action, Incident, Outcome
from bot.errors import InputError
from bot.ui import log_lines
from bot.ui.answering import Press, answer, begin
from bot.ui.face import gravest
from bot.ui.quote import escaped
from bot.ui.words import action_words, asked_words

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_QUESTION = "What should happen?"
_LABELS = {
    Action.DELETE: "Delete message",
    Action.WARN: "Warn",
    Action.KICK: "Kick",
    Action.BAN: "Ban",
    Action.NONE: "Nothing",
}
_TIMEOUTS = {"600": "10 minutes", "3600": "1 hour", "86400": "1 day"}


class ActButton(
    ui.DynamicItem[ui.Button[Any]], template=r"referee:act:(?P<card>[0-9]{1,18}):(?P<action>delete|warn|kick|ban|none)"
):
    """One thing to do about one card."""

    def __init__(self, card_id: int, action: Action) -> None:
        grave = action in (Action.KICK, Action.BAN)
        style = discord.ButtonStyle.danger if grave else discord.ButtonStyle.secondary
        super().__init__(ui.Button(label=_LABELS[action], style=style, custom_id=f"referee:act:{card_id}:{action}"))
        self.card_id, self.action = card_id, action

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: ui.Item[Any], match: Match[str], /) -> Self:
        """Return the button that an id stands for."""
        return cls(int(match["card"]), Action(match["action"]))

    async def callback(self, interaction: Press) -> None:
        """Do it."""
        await answer(interaction, partial(_act, interaction, self.card_id, self.action))


class TimeoutSelect(ui.DynamicItem[ui.Select[Any]], template=r"referee:timeout:(?P<card>[0-9]{1,18})"):
    """How long a member is to be timed out."""

    def __init__(self, card_id: int) -> None:
        options = [discord.SelectOption(label=f"Time out for {words}", value=s) for s, words in _TIMEOUTS.items()]
        custom_id = f"referee:timeout:{card_id}"
        super().__init__(ui.Select(placeholder="Time out", options=options, custom_id=custom_id))
        self.card_id = card_id

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: ui.Item[Any], match: Match[str], /) -> Self:
        """Return the list that an id stands for."""
        return cls(int(match["card"]))

    async def callback(self, interaction: Press) -> None:
        """Do it for as long as was chosen."""
        await answer(interaction, partial(_time_out, interaction, self.card_id, self.item.values))


def allowed_actions(member: discord.Member) -> tuple[Action, ...]:
    """Return what a moderator's own permissions in the server allow them to do about a member, mildest first."""
    rights = member.guild_permissions
    allowed = {
        Action.DELETE: rights.manage_messages,
        # Referee speaks for them, so that whoever may review may warn.
        Action.WARN: True,
        Action.TIMEOUT: rights.moderate_members,
        Action.KICK: rights.kick_members,
        Action.BAN: rights.ban_members,
    }
    return tuple(action for action, may in allowed.items() if may)


async def ask(press: Press, case: Case, moderator: discord.Member) -> bool:
    """Ask a moderator what should happen, offering what they may do; return whether there was anything to offer."""
    offered = [action for action in allowed_actions(moderator) if _targets(press.client, case, action)]
    if not offered:
        return False
    view = ui.View(timeout=None)
    for action in (*offered, Action.NONE):
        item = TimeoutSelect(case.card.id) if action is Action.TIMEOUT else ActButton(case.card.id, action)
        view.add_item(item)
    await press.followup.send(_QUESTION, view=view, ephemeral=True)
    return True


async def ask_again(press: Press, card_id: int) -> None:
    """Show a moderator what they can do about a card that was confirmed before."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, case = begun
    if case.waits:
        await tell(press, "This card is open again: confirm it first.")
    elif not await ask(press, case, moderator):
        await tell(press, "Nothing can be done about this any more.")


async def _time_out(press: Press, card_id: int, chosen: list[str]) -> None:
    if await begin(press, card_id) is None:
        return
    length = next((timedelta(seconds=int(value)) for value in chosen if value in _TIMEOUTS), None)
    if length is None:
        raise InputError("This length is not offered any more. Press Act again.")
    await _act(press, card_id, Action.TIMEOUT, length)


async def _act(press: Press, card_id: int, action: Action, length: timedelta | None = None) -> None:
    """Do something about a card for a moderator who may; tell what came of it, keep it, and show it on the card."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, case = begun
    if action is Action.NONE:
        await press.edit_original_response(content="Nothing was done.", view=None)
        return
    if action not in allowed_actions(moderator):
        await tell(press, f"Your permissions in this server do not allow {asked_words(action)}.")
        return
    bot: RefereeBot = press.client
    told = dict.fromkeys(
        [await _do(bot, incident, action, length, moderator) for incident in _targets(bot, case, action)]
    )
    await tell(press, "\n".join(told) or "Nothing is left to act on.")
    await bot.cards.show(card_id)


async def _do(
    bot: "RefereeBot", incident: Incident, action: Action, length: timedelta | None, moderator: discord.Member
) -> str:
    outcome, detail = await bot.enforcer.act(incident, action, length, moderator)
    words = _came_of(outcome, detail, action, length)
    await bot.services.desk.note_act(incident, str(moderator.id), words)
    await log_lines.by_hand(bot, incident, words, str(moderator.id))
    return escaped(words)


def _came_of(outcome: Outcome, detail: str, action: Action, length: timedelta | None) -> str:
    if outcome is Outcome.DONE:
        return detail or action_words(action, length)
    words = f"{asked_words(action, length)} did not work"
    return f"{words}: {detail}" if detail else words


def _targets(bot: "RefereeBot", case: Case, action: Action) -> list[Incident]:
    """Return what an action is about: every message for a deletion, else the gravest incident, which stands for all."""
    if action is Action.DELETE:
        return list({i.key.message: i for i in case.incidents if i.key.message.isdigit()}.values())
    severity = bot.services.communities.of(case.card.community).severity
    return [] if case.card.author == ERASED else [gravest(case, severity)]

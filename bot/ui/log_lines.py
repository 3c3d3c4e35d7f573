"""The log channel: a plain line for each automatic action and each verdict; it quotes nobody."""

import logging
from typing import TYPE_CHECKING

import discord

from bot.case import Case
from bot.domain import Incident, Outcome, ReviewVerdict
from bot.enforce.calls import ERRORS
from bot.ui.face import mention
from bot.ui.posting import place_of
from bot.ui.quote import cut, escaped
from bot.ui.words import category_words, done_words, verdict_words

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_MOST_NAMED = 5


def automatic(incident: Incident) -> str:
    """Return the line for what was done without a human; what could not be done is on the card, and has no line."""
    if not incident.decision.action.punishes or incident.outcome is not Outcome.DONE:
        return ""
    about = f"Incident {incident.id}, {mention(incident.author)}, {_category(incident)}"
    return f"{about}: {escaped(done_words(incident))}"


async def verdict(bot: "RefereeBot", case: Case) -> None:
    """Write down what a moderator said of a card."""
    if (given := case.decided) is not None:
        dismissed = given.verdict is ReviewVerdict.DISMISS
        undone = {done_words(each) for each in case.incidents if dismissed and each.outcome is Outcome.UNDONE}
        rest = "".join(f"; {escaped(words)}" for words in sorted(undone))
        words = f"{escaped(verdict_words(given), 80)}, says {mention(given.moderator)}{rest}"
        await note(bot, case.card.community, f"{_about(case)}: {words}")


async def reopened(bot: "RefereeBot", case: Case, moderator: str) -> None:
    """Write down that a card was reopened."""
    await note(bot, case.card.community, f"{_about(case)}: reopened by {mention(moderator)}")


async def by_hand(bot: "RefereeBot", incident: Incident, words: str, moderator: str) -> None:
    """Write down what a moderator did by hand."""
    about = f"Incident {incident.id}, {mention(incident.author)}, {_category(incident)}"
    await note(bot, incident.key.community, f"{about}: {escaped(words)}, by {mention(moderator)}")


async def note(bot: "RefereeBot", community: str, line: str) -> None:
    """Write a line, or several, into the log channel, if there is one and the bot may; a failure is only logged."""
    place = place_of(bot, community, bot.services.communities.get(community).log_channel)
    if place is None:
        return
    try:
        await place.send(cut(line, 1900), allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True)
    except ERRORS as error:
        _log.warning("a line for the log channel of community %s was not taken (%s)", community, type(error).__name__)


def _about(case: Case) -> str:
    numbers = [incident.id for incident in case.incidents]
    listed = f"Incident {numbers[0]}" if len(numbers) == 1 else f"Incidents {numbers[0]} to {numbers[-1]}"
    categories = dict.fromkeys(_category(incident) for incident in case.incidents)
    return f"{listed}, {mention(case.card.author)}, {', '.join(list(categories)[:_MOST_NAMED])}"


def _category(incident: Incident) -> str:
    return escaped(category_words(incident.category), 40)

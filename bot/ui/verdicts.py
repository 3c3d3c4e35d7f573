"""What the buttons of a card do."""

from typing import TYPE_CHECKING

from bot.app.tree import tell
from bot.case import Answer
from bot.domain import Incident, Outcome, ReviewVerdict
from bot.ui import acting, log_lines
from bot.ui.answering import Press, begin
from bot.ui.face import first_words, mention
from bot.ui.quote import escaped

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_NOT_SHOWN = "Your verdict is kept, but the card could not be brought up to date yet."


async def confirm(press: Press, card_id: int) -> None:
    """Confirm a card, and ask what should happen where nothing was done by itself."""
    await decide(press, card_id, ReviewVerdict.CONFIRM)


async def dismiss(press: Press, card_id: int) -> None:
    """Call a card a false alarm, and take back what can be taken back."""
    await decide(press, card_id, ReviewVerdict.DISMISS)


async def decide(press: Press, card_id: int, verdict: ReviewVerdict, category: str | None = None) -> None:
    """Give a verdict on a card for a moderator, and tell them where somebody else was first."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, _ = begun
    bot: RefereeBot = press.client
    given = await bot.services.desk.decide(card_id, verdict, str(moderator.id), category=category)
    await _finish(press, given)
    if not given.done:
        return
    await log_lines.verdict(bot, given.case)
    if given.notes:
        await tell(press, f"False alarm: {escaped('; '.join(given.notes), 600)}")
    if verdict is not ReviewVerdict.DISMISS and not any(_acted(incident) for incident in given.case.incidents):
        await acting.ask(press, given.case, moderator)


async def escalate(press: Press, card_id: int) -> None:
    """Ask the other moderators for a second opinion."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, _ = begun
    bot: RefereeBot = press.client
    given = await bot.services.desk.escalate(card_id, str(moderator.id))
    await _finish(press, given)
    if given.done:
        await bot.cards.call_for_opinion(given.case, str(moderator.id))


async def take_over(press: Press, card_id: int) -> None:
    """Make a card one moderator's own."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, _ = begun
    bot: RefereeBot = press.client
    given = await bot.services.desk.take_over(card_id, str(moderator.id))
    if not given.done and given.first is not None and given.first.moderator == str(moderator.id) and given.case.waits:
        await tell(press, "You have taken this over already.")
        return
    await _finish(press, given)
    if given.done and given.first is not None:
        await tell(press, f"This was {mention(given.first.moderator)}'s before; now it is yours.")


async def reopen(press: Press, card_id: int) -> None:
    """Take back the verdict on a card."""
    begun = await begin(press, card_id)
    if begun is None:
        return
    moderator, _ = begun
    bot: RefereeBot = press.client
    given = await bot.services.desk.reopen_card(card_id, str(moderator.id))
    if not given.done:
        await bot.cards.show(card_id)
        await tell(press, "This card is open already.")
        return
    await _finish(press, given)
    await log_lines.reopened(bot, given.case, str(moderator.id))


async def _finish(press: Press, given: Answer) -> None:
    """Bring the card up to date, and tell the moderator where somebody else was first."""
    bot: RefereeBot = press.client
    shown = await bot.cards.show(given.case.card.id)
    if not given.done and given.first is not None:
        take = " Take it over to decide it yourself." if given.first.verdict is ReviewVerdict.TAKE_OVER else ""
        await tell(press, first_words(given.first) + take)
    elif given.done and not shown:
        await tell(press, _NOT_SHOWN)


def _acted(incident: Incident) -> bool:
    return incident.decision.action.punishes and incident.outcome is Outcome.DONE

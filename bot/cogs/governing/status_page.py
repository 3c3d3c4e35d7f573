"""The page that `/referee status` shows: what needs attention first, then how the bot does, then its counts."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import discord

from bot import __version__
from bot.app.client import RefereeBot
from bot.cogs.admission import Admitted
from bot.cogs.listing import plain
from bot.cogs.watching.watch import Watch
from bot.community import Card
from bot.domain import IncidentQuery
from bot.enforce.permissions import missing_permissions
from bot.services import Services
from bot.speech.line import SpeechLoad
from bot.ui.quote import escaped

_MOST_COUNTED = 500
_TROUBLES_SHOWN = 3
_LONGEST_TROUBLE = 200
_WHY = {
    "failed": "the model failed, see the log",
    "late": "they had waited too long",
    "missed": "said while Referee was away, too many to be read",
    "overloaded": "too many at once",
    "superseded": "edited again before their turn",
}
"""What the reasons mean under which messages are counted as not scored."""


async def status_page(asked: Admitted, started: datetime) -> list[str]:
    """Return the page, line by line; `started` is when the bot did. Raise StoreError."""
    wrong = await _attention(asked)
    head = ["**Needs attention**", *(f"- {line}" for line in wrong)] if wrong else ["**All is well.**"]
    return [*head, *_bot(asked.bot, asked.now - started), *await _server(asked)]


async def _attention(asked: Admitted) -> list[str]:
    """Return what a human has to see to, gravest first."""
    services, community = asked.services, asked.community
    known, found = services.communities.get(community), []
    stopped = services.brake.tripped_at(community)
    if stopped is not None:
        found.append(
            f"Automatic actions are stopped since {_moment(stopped)}: there were more than "
            f"{services.settings.actions_per_minute} in a minute. Look at the cards, then `/referee resume`."
        )
    if not known.is_set_up or known.review_channel is None:
        found.append("There is no review channel: run `/referee setup`.")
    trouble = services.communities.trouble(community)
    if trouble:
        found.append(f"The policy of this server makes no sense, so that nothing is done: {_short(trouble)}")
    found += [f"Permissions: {_short(line)}" for line in missing_permissions(asked.guild, known)]
    if not reads_content(asked.bot):
        found.append("The Message Content Intent is off: Referee sees messages without their text.")
    return [*found, *_passed_over(asked), *_unsent(await services.stores.cards.unsent(community)), *_not_kept(asked)]


def _passed_over(asked: Admitted) -> list[str]:
    watch = asked.bot.get_cog("Watch")
    spell = watch.intake.shedding.spells.get(asked.community) if isinstance(watch, Watch) else None
    if spell is None:
        return []
    last = f"<t:{int(spell.last)}:R>"
    return [f"More is written than can be judged in time: {spell.count} messages passed over, the last {last}."]


def _not_kept(asked: Admitted) -> list[str]:
    lost = asked.services.pipeline.tally_of(asked.community).not_kept
    return [f"Incidents not kept: {lost}. The database did not take them; the log says why."] if lost else []


def _unsent(cards: Sequence[Card]) -> list[str]:
    if not cards:
        return []
    # Many cards mostly have one trouble.
    troubles = dict.fromkeys(_short(card.trouble or "not tried yet") for card in cards)
    shown = "; ".join(list(troubles)[:_TROUBLES_SHOWN])
    return [f"Cards not shown yet: {len(cards)}. {shown}"]


def reads_content(bot: RefereeBot) -> bool:
    """Tell whether the bot asked for the text of messages."""
    return bot.intents.message_content


def _bot(bot: RefereeBot, uptime: timedelta) -> list[str]:
    services = bot.services
    return [
        f"**Referee {__version__}**, model `{plain(services.model_version)}`, up for {_span(uptime)}",
        f"Decided within {_seconds(services, 0.5)} (median) and {_seconds(services, 0.95)} (95 %); "
        f"{services.room.waiting} messages and {services.waiting()} texts waiting; gateway {_gateway(bot)}",
        f"Text of messages is {'on' if reads_content(bot) else 'off'}; names are "
        f"{'' if services.settings.watch_names else 'not '}watched; {_speech(services.speech())}",
    ]


def _speech(load: SpeechLoad | None) -> str:
    """Return how much there is to be heard, and how fast that goes."""
    if load is None:
        return "speech is off"
    if not load.waiting:
        line = "no clip waits to be heard"
    else:
        oldest = _length(load.oldest_s)
        line = f"{load.waiting} {'clip waits' if load.waiting == 1 else 'clips wait'} to be heard, the oldest {oldest}"
    if not load.clips or not load.sound_s:
        return f"speech is on: {line}"
    heard = f"{load.clips} heard, {load.work_s / load.sound_s * 60:.1f} s of work for a minute of sound"
    return f"speech is on: {line}; {heard}"


async def _server(asked: Admitted) -> list[str]:
    services, community = asked.services, asked.community
    tally, preset = services.pipeline.tally_of(community), services.communities.rules(community).preset
    waiting = await services.stores.incidents.find(
        IncidentQuery(community=community, waiting=True, limit=_MOST_COUNTED)
    )
    more = "+" if len(waiting) == _MOST_COUNTED else ""
    return [
        f"**This server**, preset *{preset}*, {len(waiting)}{more} incidents wait for a verdict",
        f"Since the start: {tally.seen} seen, {tally.scored} scored, {tally.exempt} exempt, "
        f"{tally.incidents} incidents",
        f"Flagged: {_counts(tally.flagged)}",
        f"NOT SCORED: {_reasons(tally.not_scored)}; could not be checked: {tally.unchecked}",
        f"Clips: {tally.clips}, of which {tally.clips_unchecked} not or not wholly checked",
        f"Done: {_counts(tally.outcomes)}",
    ]


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}` {number}" for name, number in sorted(counted.items()) if number) or "none"


def _reasons(counted: Mapping[str, int]) -> str:
    """Return how many were not scored for which reason, and what those words mean."""
    named = [reason for reason in _WHY if counted.get(reason)]
    meaning = "; ".join(f"{reason}: {_WHY[reason]}" for reason in named)
    return f"{_counts(counted)} ({meaning})" if meaning else _counts(counted)


def _seconds(services: Services, part: float) -> str:
    value = services.latency.percentile(part)
    return "–" if value is None else f"{value * 1000:.0f} ms"


def _gateway(bot: RefereeBot) -> str:
    # Without a connection, or before its first heartbeat, it is no number.
    return f"{bot.latency * 1000:.0f} ms" if math.isfinite(bot.latency) else "–"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours = minutes // (24 * 60), minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else _span(timedelta(seconds=seconds))


def _moment(at: datetime) -> str:
    return discord.utils.format_dt(at, "R")


def _short(text: str) -> str:
    return escaped(text, _LONGEST_TROUBLE)

"""Whether more is said in a server than can be judged: told to its moderators when it begins and when it is over."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.enforce.calls import ERRORS
from bot.ui.posting import place_of

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_OVER_AFTER_S = 30.0
"""So long nothing is passed over before it counts as over."""
_TOLD_EVERY_S = 600.0
"""So long nobody is told of the next beginning; how it ended is told whenever its beginning was."""
_BEGINS = (
    "More is being written here, or in other servers, than can be judged in time: since {since} some messages are "
    "passed over **unjudged**, the oldest of whoever writes most first. Keep an eye on the channels. `/referee status` "
    "counts them, and you are told when it is over."
)
_OVER = "Messages are judged in time again. Passed over unjudged between {since} and {last}: {count}."


@dataclass(slots=True)
class Spell:
    """Hold a time in which messages of a server were passed over; moments are UNIX times."""

    since: float
    last: float
    count: int = 0
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Hold what is to be told to a server's moderators."""

    server: str
    text: str


class Shedding:
    """Keep count of what is passed over, server by server, and tell what moderators should hear of it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._spells: dict[str, Spell] = {}
        self._told: dict[str, float] = {}

    @property
    def spells(self) -> Mapping[str, Spell]:
        """Return the servers in which messages are being passed over."""
        return self._spells

    def note(self, server: str) -> None:
        """Count a message that was passed over."""
        now = self._clock()
        spell = self._spells.setdefault(server, Spell(now, now))
        spell.last = now
        spell.count += 1

    def news(self) -> list[News]:
        """Return what is to be told now; each is returned once."""
        now = self._clock()
        self._told = {server: at for server, at in self._told.items() if now - at < _TOLD_EVERY_S}
        return [each for server in tuple(self._spells) if (each := self._news_of(server, now)) is not None]

    def _news_of(self, server: str, now: float) -> News | None:
        spell = self._spells[server]
        if now - spell.last >= _OVER_AFTER_S:
            del self._spells[server]
            _log.warning("server %s: %d messages were not judged in time; that is over", server, spell.count)
            text = _OVER.format(since=_moment(spell.since), last=_moment(spell.last), count=spell.count)
            return News(server, text) if spell.is_told else None
        if spell.is_told or server in self._told:
            return None
        _log.warning("server %s: messages are not judged in time, and passed over", server)
        spell.is_told, self._told[server] = True, now
        return News(server, _BEGINS.format(since=_moment(spell.since)))


async def tell_all(bot: "RefereeBot", news: Sequence[News]) -> None:
    """Write to the moderators, where the cards are or else where the log is; nobody is pinged."""
    for each in news:
        await _tell(bot, each)


async def _tell(bot: "RefereeBot", news: News) -> None:
    settings = bot.services.communities.get(news.server)
    for channel in dict.fromkeys((settings.review_channel, settings.log_channel)):
        place = place_of(bot, news.server, channel)
        if place is None:
            continue
        try:
            await place.send(news.text, allowed_mentions=discord.AllowedMentions.none())
        except ERRORS as error:
            _log.warning("the moderators of server %s were not told (%s)", news.server, type(error).__name__)
        else:
            return


def _moment(at: float) -> str:
    return f"<t:{int(at)}:T>"

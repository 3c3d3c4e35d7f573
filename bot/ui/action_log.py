"""Automatic actions on their way to the log channel: one alone at once, those of a raid together."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from discord.ext import tasks

from bot.domain import Incident
from bot.ui.log_lines import automatic, note

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_EVERY_S = 5.0
_ROOM = 1800
"""Characters of one message; what does not fit is counted, so that nothing piles up."""

_LONGEST_END_S = 5.0


@dataclass(slots=True)
class _Gathered:
    """Hold lines that wait to be written together."""

    lines: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, line: str) -> None:
        if sum(len(each) + 1 for each in self.lines) + len(line) > _ROOM:
            self.left_out += 1
        else:
            self.lines.append(line)

    def text(self) -> str:
        more = [f"and {self.left_out} more: see `/incidents list`"] if self.left_out else []
        return "\n".join([*self.lines, *more])


class ActionLog:
    """Write down what was done without a human, no more than one message in five seconds for each community."""

    def __init__(self, bot: "RefereeBot") -> None:
        self._bot = bot
        self._gathered: dict[str, _Gathered] = {}
        self._written: OrderedDict[str, datetime] = OrderedDict()
        """When something was written lately, the community that was written to last at the end."""

    async def add(self, incident: Incident) -> None:
        """Write it down, now or with what comes in the next seconds; nothing where nothing was done."""
        line, community = automatic(incident), incident.key.community
        if not line:
            return
        if not self._is_quiet(community):
            self._gathered.setdefault(community, _Gathered()).add(line)
            if not self._write.is_running():
                self._write.start()
            return
        await self._note(community, line)

    async def close(self) -> None:
        """Write what was gathered, as far as that is quickly done."""
        self._write.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_END_S):
                await self._flush()

    def _is_quiet(self, community: str) -> bool:
        """Tell whether nothing was written there lately, nor waits to be."""
        now = self._bot.services.clock.now()
        while self._written and not _is_lately(next(iter(self._written.values())), now):
            self._written.popitem(last=False)
        at = self._written.get(community)
        return community not in self._gathered and (at is None or not _is_lately(at, now))

    async def _note(self, community: str, text: str) -> None:
        self._written[community] = self._bot.services.clock.now()
        self._written.move_to_end(community)
        await note(self._bot, community, text)

    @tasks.loop(seconds=_EVERY_S)
    async def _write(self) -> None:
        """Write every few seconds, for as long as there is something; the first round only begins to wait."""
        if self._write.current_loop:
            await self._flush()
        if not self._gathered:
            self._write.stop()

    async def _flush(self) -> None:
        for community in list(self._gathered):
            await self._note(community, self._gathered.pop(community).text())


def _is_lately(at: datetime, now: datetime) -> bool:
    # A clock that was set back must not keep a line waiting.
    return timedelta() <= now - at < timedelta(seconds=_EVERY_S)

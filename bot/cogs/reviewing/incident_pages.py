"""A list of incidents that is read page by page, newest first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.app.tree import line_of, tell
from bot.cogs.admission import Admitted, admit_moderator, is_asker
from bot.domain import Incident, IncidentQuery
from bot.ui.incident_view import incident_line
from bot.ui.panel import units

if TYPE_CHECKING:
    from bot.app.client import RefereeBot
    from bot.ports import IncidentStore

Source = Callable[[int | None, int], Awaitable[Sequence[Incident]]]
"""Return at most so many incidents with a number below the one given, newest first."""

LIFETIME_S = 600.0
"""How long the buttons of a list work after the last click: shorter than Discord lets an answer be changed."""

_MOST_LINES = 10
_ROOM = 1850
_READ_AT_ONCE = 200
_EXPIRED = "-# The buttons of this list have expired; ask for it again."


@dataclass(frozen=True, slots=True)
class Page:
    """Hold the lines of one page; `older` is the number below which the next one begins, None on the last."""

    text: str
    older: int | None


def page_of(head: str, incidents: Sequence[Incident], most: int = _MOST_LINES) -> Page:
    """Return as many of the incidents as a message holds."""
    lines, room = [head], _ROOM - units(head)
    for incident in incidents[:most]:
        line = incident_line(incident)
        room -= units(line) + 1
        if len(lines) > 1 and room < 0:
            break
        lines.append(line)
    shown = len(lines) - 1
    return Page("\n".join(lines), incidents[shown - 1].id if shown < len(incidents) else None)


async def newest(store: "IncidentStore", query: IncidentQuery, most: int) -> AsyncIterator[Incident]:
    """Yield at most so many of what the query names, newest first, in bounded memory."""
    before, left = query.before_id, most
    while left > 0:
        size = min(left, _READ_AT_ONCE)
        found = await store.find(replace(query, before_id=before, limit=size))
        for incident in found:
            yield incident
        if len(found) < size:
            return
        before, left = found[-1].id, left - size


class IncidentPages(ui.View):
    """Turn the pages of a list; what is on them is read anew each time."""

    def __init__(self, head: str, source: Source) -> None:
        super().__init__(timeout=LIFETIME_S)
        self._head, self._source = head, source
        self._starts: list[int | None] = [None]
        self._page = Page("", None)
        self._asked: Admitted | None = None
        self._turn = asyncio.Lock()

    async def show(self, asked: Admitted) -> None:
        """Answer with the page that it is turned to."""
        found = await self._source(self._starts[-1], _MOST_LINES + 1)
        self._asked, self._page = asked, page_of(self._head, found)
        if not found:
            self._page = Page(f"{self._head}\nThere are none.", None)
        self.newer.disabled, self.older.disabled = len(self._starts) == 1, self._page.older is None
        if self.newer.disabled and self.older.disabled:
            self.stop()
            await asked.answer(self._page.text)
        else:
            await asked.answer(self._page.text, view=self)

    @ui.button(label="Newer", style=discord.ButtonStyle.secondary)
    async def newer(self, interaction: "discord.Interaction[RefereeBot]", button: ui.Button[Self]) -> None:
        """Turn back one page."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        async with self._turn:
            if len(self._starts) > 1:
                self._starts.pop()
            await self.show(asked)

    @ui.button(label="Older", style=discord.ButtonStyle.secondary)
    async def older(self, interaction: "discord.Interaction[RefereeBot]", button: ui.Button[Self]) -> None:
        """Turn one page on."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        async with self._turn:
            if self._page.older is not None:
                self._starts.append(self._page.older)
            await self.show(asked)

    async def interaction_check(self, interaction: "discord.Interaction[Any]", /) -> bool:
        """Let nobody but who asked use the buttons."""
        return self._asked is not None and await is_asker(interaction, self._asked)

    async def on_timeout(self) -> None:
        """Say that the buttons no longer work."""
        if self._asked is not None:
            # The answer may have been dismissed, and then there is nobody to tell.
            with suppress(discord.HTTPException):
                await self._asked.answer(f"{self._page.text}\n{_EXPIRED}")

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, item: ui.Item[Any], /) -> None:
        """Tell who clicked what went wrong."""
        await tell(interaction, line_of(interaction, error))

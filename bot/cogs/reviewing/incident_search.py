"""Looking through what was said: contents are encrypted, so each is opened and read."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cogs.reviewing.incident_pages import Source, newest
from bot.domain import Incident, IncidentQuery
from bot.errors import UnknownIncident

if TYPE_CHECKING:
    from bot.ports import IncidentStore

MOST_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the numbers of what was found, newest first, and how far was looked; no content stays in memory."""

    numbers: tuple[int, ...]
    looked_at: int
    without_text: int
    more: bool

    def source(self, store: "IncidentStore") -> Source:
        """Return what reads the found incidents page by page; what is gone meanwhile is left out."""

        async def below(before: int | None, most: int) -> Sequence[Incident]:
            incidents: list[Incident] = []
            for number in self.numbers:
                if len(incidents) == most:
                    break
                if before is None or number < before:
                    with suppress(UnknownIncident):
                        incidents.append(await store.get(number))
            return incidents

        return below


async def search(store: "IncidentStore", query: IncidentQuery, text: str, most: int = MOST_LOOKED_AT) -> Found:
    """Return which of the newest incidents that the query names contain the text, whatever its case."""
    wanted = " ".join(text.split()).casefold()
    numbers: list[int] = []
    looked_at = without_text = 0
    async for incident in newest(store, query, most + 1):
        if looked_at == most:
            return Found(tuple(numbers), looked_at, without_text, more=True)
        looked_at += 1
        if incident.text is None:
            without_text += 1
        elif wanted in " ".join(incident.text.split()).casefold():
            numbers.append(incident.id)
    return Found(tuple(numbers), looked_at, without_text, more=False)


def looked_words(found: Found) -> str:
    """Return how much was found, and how far was looked."""
    gone = f", {found.without_text} of them without a text any more" if found.without_text else ""
    older = "; older ones were not looked at" if found.more else ", which is all there are"
    return f"found {len(found.numbers)}; looked at the newest {found.looked_at}{gone}{older}"

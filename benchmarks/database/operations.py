"""What is measured: everything that a bot, a moderator or an operator asks of a large database."""

import gc
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.database.filling import (
    BIG,
    CATEGORIES,
    DAYS,
    MODERATOR,
    NOW,
    RARE_MODERATOR,
    SMALL,
    sample,
)
from bot.domain import IncidentQuery, Outcome, Platform, Review, ReviewState, ReviewVerdict
from bot.store import Stores, open_stores
from bot.store.backup import back_up
from bot.store.transfer import Keys, export_to, import_from

Ask = Callable[[], Awaitable[object]]

_TIMES = 7
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """Hold how long an operation took, in milliseconds: the middle and the longest of several times."""

    group: str
    name: str
    times: int
    median_ms: float
    longest_ms: float


async def timed(group: str, name: str, ask: Ask, times: int = _TIMES) -> Timing:
    """Measure an operation some times."""
    taken = []
    for _ in range(times):
        gc.collect()
        started = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - started) * 1000)
    return Timing(group, name, times, statistics.median(taken), max(taken))


def queries() -> Mapping[str, IncidentQuery]:
    """Return the lists that are asked for, by name."""
    live = IncidentQuery(platform=Platform.DISCORD, limit=50)
    big, small = replace(live, community=BIG), replace(live, community=SMALL)
    author = str(2 * 10**17 + 5)
    return {
        "newest": IncidentQuery(),
        "newest, deep page": IncidentQuery(before_id=1000),
        "large community": big,
        "small community": small,
        "unknown community": replace(live, community="1"),
        "waiting, large community": replace(big, waiting=True),
        "waiting, small community": replace(small, waiting=True),
        "dismissed, small community": replace(small, state=ReviewState.DISMISSED),
        "open, all": IncidentQuery(state=ReviewState.OPEN),
        "category": IncidentQuery(category=CATEGORIES[0]),
        "rare category": IncidentQuery(category=CATEGORIES[-1]),
        "unknown category": IncidentQuery(category="none"),
        "author": IncidentQuery(author=author),
        "author, last day": IncidentQuery(author=author, since=NOW - 24 * _HOUR),
        "unknown author": IncidentQuery(author="1"),
        "last hour": IncidentQuery(since=NOW - _HOUR),
        "the whole time, newest 50": IncidentQuery(since=NOW - timedelta(days=DAYS + 1)),
        "first day": IncidentQuery(until=NOW - timedelta(days=DAYS - 1)),
        "last hour, large community": replace(big, since=NOW - _HOUR),
        "last week, small community": replace(small, since=NOW - timedelta(days=7)),
        "reviewed by a busy moderator": IncidentQuery(reviewed_by=MODERATOR),
        "reviewed by a rare moderator": IncidentQuery(reviewed_by=RARE_MODERATOR),
    }


def asked(stores: Stores) -> Iterator[tuple[str, str, Ask]]:
    """Yield group, name and operation of what only reads."""
    incidents, cards = stores.incidents, stores.cards
    for name, query in queries().items():
        yield "list", name, lambda query=query: incidents.find(query)  # type: ignore[misc]
    author = str(2 * 10**17 + 5)
    yield "bot", "history of an author", lambda: incidents.history(BIG, author, NOW - timedelta(days=DAYS))
    yield "bot", "pending actions", lambda: incidents.pending(Platform.DISCORD, NOW + timedelta(days=1))
    yield "bot", "cards not sent", cards.unsent
    yield "bot", "cards behind", cards.behind
    yield "bot", "incidents without a card", lambda: cards.without_card(Platform.DISCORD)
    yield "bot", "one incident", lambda: incidents.get(5)
    yield "bot", "its verdicts", lambda: incidents.reviews(5)
    yield "operator", "counts by state", incidents.counts


async def changed(stores: Stores, times: int = 200) -> AsyncIterator[Timing]:
    """Yield what is measured of what writes."""
    numbers = iter(range(10**9))
    incidents = stores.incidents

    async def record() -> None:
        await incidents.record(replace(sample(), key=replace(sample().key, message=f"new {next(numbers)}")))

    async def settle() -> None:
        number = 10 + next(numbers)
        await incidents.finish(number, Outcome.DONE)
        await incidents.review(Review(number, ReviewVerdict.CONFIRM, MODERATOR, NOW))

    async def attach() -> None:
        kept = await incidents.record(replace(sample(), key=replace(sample().key, message=f"card {next(numbers)}")))
        await stores.cards.attach(kept.incident, _HOUR)

    yield await timed("bot", "record an incident", record, times)
    yield await timed("bot", "record one and put it on a card", attach, times)
    yield await timed("bot", "write an outcome and a verdict", settle, times)
    yield await timed("operator", "erase a member", lambda: incidents.erase(SMALL, str(2 * 10**17)), 1)


async def dropped(stores: Stores, days: float) -> AsyncIterator[Timing]:
    """Yield how long it takes to purge so many days, and how long a new incident waits meanwhile at most."""
    content, whole = NOW - timedelta(days=30 - days), NOW - timedelta(days=DAYS - days)
    yield await timed(
        "operator", f"purge {days:g} days of incidents and texts", lambda: stores.incidents.purge(content, whole), 1
    )
    yield await timed("bot", "purge with nothing to do, bounded", lambda: _bounded(stores), 3)


async def _bounded(stores: Stores) -> object:
    return await stores.incidents.purge(NOW - timedelta(days=9999), NOW - timedelta(days=9999), within_s=0.5)


async def opened(url: str, key_file: Path) -> Timing:
    """Return how long it takes to open the database and close it again."""

    async def ask() -> None:
        await (await open_stores(url, key_file=key_file)).close()

    return await timed("operator", "open and close", ask, 3)


async def carried(url: str, key_file: Path, folder: Path) -> AsyncIterator[Timing]:
    """Yield how long a backup, an export and an import take."""

    def silent(_done: int, _total: int) -> None:
        return None

    backup, export, new = folder / "backup.db", folder / "export.jsonl.gz", folder / "new.db"
    yield await timed("operator", "db backup", lambda: back_up(url, backup, silent), 1)
    backup.unlink()
    yield await timed("operator", "db export, packed", lambda: export_to(url, export, silent), 1)
    into = f"sqlite+aiosqlite:///{new}"
    yield await timed("operator", "db import", lambda: import_from(export, into, Keys(None, key_file), silent), 1)

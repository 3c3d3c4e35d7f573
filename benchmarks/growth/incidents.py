"""What incidents in the database cost: to write the next, to find one, and to drop the oldest."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.database.filling import BIG, DAYS, NOW, Filling, fill, sample
from benchmarks.database.operations import asked
from benchmarks.growth.costs import cost_of_asking
from benchmarks.growth.laws import Growth, Ledger
from bot.domain import Outcome, Review, ReviewVerdict
from bot.store import Stores, open_stores
from bot.store.cipher import ContentCipher
from bot.store.keys import load_keys

SECTION = "incidents"
NOTE = (
    "incidents: a SQLite file that is filled as `benchmarks.database` does it, 3,000 authors in 200 servers; time in "
    "which the disk is waited for is no processor time. More incidents of one author are more work."
)
_ASKED = {
    ("list", "newest"): 0.0,
    ("list", "waiting, large community"): 0.0,
    ("list", "author, last day"): 1.0,
    ("list", "last hour"): 1.0,
    ("list", "category"): 0.0,
    ("list", "unknown community"): 0.0,
    ("bot", "history of an author"): 1.0,
    ("bot", "pending actions"): 1.0,
    ("bot", "cards not sent"): 0.0,
    ("bot", "incidents without a card"): 0.0,
    ("operator", "counts by state"): 1.0,
}
"""What is taken from `benchmarks.database`, and how the work of it grows."""

_PURGE_TIMES = 3
_Ask = Callable[[], Awaitable[object]]


async def measure(sizes: Sequence[int], folder: Path, say: Callable[[str], None]) -> AsyncGenerator[list[Growth], None]:
    """Yield what was measured so far, after each size."""
    found = Ledger(SECTION)
    for size in sizes:
        say(f"{size:,} incidents")
        place = folder / f"incidents-{size}"
        place.mkdir()
        stores = await open_filled(place, size)
        try:
            for operation, work, ask in (*written(stores), *read(stores)):
                found.add(operation, size, await cost_of_asking(ask), work=work)
            cost = await cost_of_asking(partial(purged, stores), _PURGE_TIMES)
            # A step is bounded, but where little has expired it is not full.
            found.add("purge: one step of each kind", size, cost, work=1.0)
        finally:
            await stores.close()
        for each in place.iterdir():
            each.unlink()
        yield found.growths()


async def open_filled(folder: Path, incidents: int) -> Stores:
    """Return the stores of a new database with so many incidents in it."""
    url, key_file = f"sqlite+aiosqlite:///{folder / 'filled.db'}", folder / "referee.key"
    stores = await open_stores(url, key_file=key_file)
    cipher = ContentCipher(load_keys(None, key_file, may_create=False))
    await fill(url, stores.incidents, cipher, Filling(incidents))
    return stores


def written(stores: Stores) -> Iterator[tuple[str, float, _Ask]]:
    """Yield name, work and operation of what writes."""
    incidents, numbers = stores.incidents, count()

    async def record() -> None:
        key = replace(sample().key, message=f"new {next(numbers)}")
        await incidents.record(replace(sample(), key=key))

    async def again() -> None:
        await incidents.record(replace(sample(), key=replace(sample().key, message="new 0")))

    async def show() -> None:
        number = next(numbers)
        incident = replace(sample(), key=replace(sample().key, message=f"card {number}"), author=f"author {number}")
        await stores.cards.attach((await incidents.record(incident)).incident, timedelta(hours=1))

    async def settle() -> None:
        number = 10 + next(numbers) % 80
        await incidents.finish(number, Outcome.DONE)
        await incidents.review(Review(number, ReviewVerdict.CONFIRM, "a moderator", NOW))

    async def mark() -> None:
        await stores.communities.note_seen(BIG, {"a channel": str(next(numbers))})

    yield "record an incident", 0.0, record
    yield "record one that is known", 0.0, again
    yield "record one and put it on a card", 0.0, show
    yield "write an outcome and a verdict", 0.0, settle
    yield "marks of a second", 0.0, mark


def read(stores: Stores) -> Iterator[tuple[str, float, _Ask]]:
    """Yield name, work and operation of what only reads."""
    for group, name, ask in asked(stores):
        if (group, name) in _ASKED:
            yield (f"list: {name}" if group == "list" else name), _ASKED[group, name], ask


async def purged(stores: Stores) -> object:
    """Drop what expired first, as far as one step of each kind goes."""
    return await stores.incidents.purge(NOW - timedelta(days=15), NOW - timedelta(days=DAYS / 2), within_s=0)

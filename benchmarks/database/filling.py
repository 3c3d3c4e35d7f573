"""A database with as many incidents as a measurement needs, of the mix that communities make.

A few thousand incidents are recorded the ordinary way, so that their rows are what the store writes; the rest are
copies of these rows under other messages, moments and states, inserted in bulk.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.domain import (
    Action,
    Decision,
    Incident,
    Mode,
    Outcome,
    Platform,
    Review,
    ReviewState,
    ReviewVerdict,
    SourceKey,
    Surface,
)
from bot.store import SqlIncidentStore
from bot.store.cipher import ContentCipher
from bot.store.raw import go_on_from
from bot.store.schema import cards, incidents, reviews
from bot.store.sealed import CARD_AUTHOR, INCIDENT_AUTHOR
from bot.store.sealed import MODERATOR as MODERATOR_PLACE

NOW = datetime(2026, 5, 1, tzinfo=UTC)
"""The moment of the newest incident: fixed, so that two fillings are the same."""

DAYS = 90
CATEGORIES = ("insult", "threat", "hate", "sexual", "spam", "self_harm")
BIG, SMALL = "100000000000000000", "100000000000000199"
"""The community with the most incidents, and the one with the fewest."""

MODERATOR, RARE_MODERATOR = "800000000000000000", "800000000000000999"

_COMMUNITIES = 200
_AUTHORS = 3000
_CONTENT_DAYS = 30
_BATCH = 5000
_A_CARD_EVERY = 2
_SMALL_EVERY = 50_000
_UNSENT_EVERY, _BEHIND_EVERY = 100_000, 99_999
_RARE_EVERY = 100_003
_MODERATORS = 40
_PENDING = 5
_WORDS = (
    "you",
    "idiot",
    "clown",
    "stop",
    "feeding",
    "the",
    "mid",
    "lane",
    "go",
    "back",
    "to",
    "menu",
    "report",
    "team",
)
_STATES = tuple(ReviewState)
_VERDICTS = {"confirmed": ReviewVerdict.CONFIRM, "dismissed": ReviewVerdict.DISMISS}

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Filling:
    """Say how much a database is filled with."""

    incidents: int
    seed: int = 7


async def fill(
    url: str, store: SqlIncidentStore, cipher: ContentCipher, filling: Filling, advance: Advance = lambda _done: None
) -> None:
    """Fill the new database of a store, telling how many incidents are in it."""
    draw = random.Random(filling.seed)  # noqa: S311
    for incident in _samples(draw, min(_AUTHORS, filling.incidents)):
        await store.record(incident)
    await store.review(Review(1, ReviewVerdict.CONFIRM, MODERATOR, NOW, note="said it twice"))
    engine = create_async_engine(url)
    try:
        await _multiply(engine, _Copies(draw, cipher, filling), advance)
    finally:
        await engine.dispose()


async def _multiply(engine: AsyncEngine, copies: "_Copies", advance: Advance) -> None:
    async with engine.begin() as connection:
        await connection.execute(update(incidents).values(card=(incidents.c.id + 1) // _A_CARD_EVERY))
        samples = await _rows(connection, incidents)
        copies.take(samples, (await _rows(connection, reviews))[0]["note"])
        await connection.execute(insert(cards), list(copies.cards([dict(row) for row in samples])))
    total = copies.filling.incidents
    for start in range(len(samples), total, _BATCH):
        made = [copies.row(number) for number in range(start + 1, min(start + _BATCH, total) + 1)]
        async with engine.begin() as connection:
            await connection.execute(insert(incidents), made)
            await connection.execute(insert(cards), list(copies.cards(made)))
            await connection.execute(insert(reviews), list(copies.reviews(made)))
        advance(start + len(made))
    async with engine.begin() as connection:
        # The rows came with their numbers, which PostgreSQL does not count.
        await go_on_from(connection, {"incidents": total, "cards": total // _A_CARD_EVERY + 1, "reviews": 2 * total})


async def _rows(connection: AsyncConnection, table: Table) -> Sequence[RowMapping]:
    return (await connection.execute(select(table).order_by(table.c.id))).mappings().all()


def sample(number: int = 0, community: str = SMALL, category: str = CATEGORIES[0], text: str = "you idiot") -> Incident:
    """Return an incident as the bot records it."""
    return Incident(
        key=SourceKey(Platform.DISCORD, community, str(10**17 + number % 900), f"sample {number}"),
        author=str(2 * 10**17 + number),
        at=NOW - timedelta(days=DAYS),
        created_at=NOW - timedelta(days=DAYS),
        text=text,
        words=("idiot",),
        decision=Decision(
            Action.DELETE, Action.DELETE, Mode.LIVE, category, 0.91, (f"{category} 0.91 is above 0.80",), True
        ),
        toxic=0.93,
        categories={name: 0.91 if name == category else 0.01 for name in CATEGORIES},
        model_version="shipped-1",
        outcome=Outcome.DONE,
        surface=Surface.TEXT,
    )


def _samples(draw: random.Random, count: int) -> Iterator[Incident]:
    for number in range(count):
        category = draw.choices(CATEGORIES, (60, 10, 12, 6, 11, 1))[0]
        text = " ".join(draw.choices(_WORDS, k=draw.randint(3, 30)))
        yield sample(number, _community(draw, number), category, text)


def _community(draw: random.Random, number: int) -> str:
    if number == 0:
        return SMALL
    # The cubed draw makes a few communities large and many small.
    return str(int(BIG) + int(draw.random() ** 3 * (_COMMUNITIES - 1)))


class _Copies:
    """Make rows out of the samples."""

    def __init__(self, draw: random.Random, cipher: ContentCipher, filling: Filling) -> None:
        self.filling = filling
        self._samples: Sequence[RowMapping] = ()
        self._card_authors: dict[str, str] = {}
        self._note: bytes | None = None
        self._draw = draw
        self._cipher = cipher
        self._step = timedelta(days=DAYS) / filling.incidents
        self._moderators = [cipher.seal_name(str(int(MODERATOR) + n), MODERATOR_PLACE) for n in range(_MODERATORS)]
        self._rare = cipher.seal_name(RARE_MODERATOR, MODERATOR_PLACE)

    def take(self, samples: Sequence[RowMapping], note: bytes | None) -> None:
        """Take the rows that the others are copies of."""
        self._samples, self._note = samples, note
        for stored in {row["author"] for row in samples}:
            name = self._cipher.open_name(stored, INCIDENT_AUTHOR, "an author")
            self._card_authors[stored] = self._cipher.seal_name(name, CARD_AUTHOR)

    def row(self, number: int) -> dict[str, Any]:
        """Return the row of an incident of that number."""
        draw, back = self._draw, (self.filling.incidents - number) * self._step
        sample = self._samples[draw.randrange(1, len(self._samples))] if number % _SMALL_EVERY else self._samples[0]
        at = int((NOW - back - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        return {
            **sample,
            "id": number,
            "message": str(3 * 10**17 + number),
            "at": at,
            "created_at": at,
            "content": sample["content"] if back <= timedelta(days=_CONTENT_DAYS) else None,
            "state": draw.choices(_STATES, (4, 1, 57, 38))[0].value,
            "outcome": (Outcome.PENDING if self.filling.incidents - number < _PENDING else Outcome.DONE).value,
            "final_category": draw.choice(CATEGORIES) if draw.random() < 0.03 else None,
            "card": (number + 1) // _A_CARD_EVERY,
        }

    def reviews(self, made: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield a verdict on each of the incidents that is decided."""
        for row in made:
            if row["state"] in _VERDICTS:
                yield {
                    "incident_id": row["id"],
                    "verdict": _VERDICTS[row["state"]].value,
                    "moderator": self._draw.choice(self._moderators) if row["id"] % _RARE_EVERY else self._rare,
                    "at": row["at"],
                    "category": None,
                    "note": self._note if row["content"] is not None and self._draw.random() < 0.1 else None,
                }

    def cards(self, made: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the cards that the incidents are on."""
        for row in made:
            if row["id"] % _A_CARD_EVERY == 1:
                yield {
                    "id": row["card"],
                    "community": row["community"],
                    "author": self._card_authors[row["author"]],
                    "last_at": row["at"],
                    "channel": "900",
                    "message": str(4 * 10**17 + row["card"]) if row["card"] % _UNSENT_EVERY else None,
                    "trouble": "",
                    "behind": 0 if row["card"] % _BEHIND_EVERY else 1,
                }

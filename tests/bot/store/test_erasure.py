"""Who asks for it is nobody afterwards: in the rows, in what was still under way, and in the bytes of the files."""

import asyncio
import base64
import json
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import insert, update

from bot.community import ERASED
from bot.domain import Incident, IncidentQuery, Outcome, Review, ReviewVerdict
from bot.errors import StoreError, UnknownIncident
from bot.store import Stores, open_stores
from bot.store.cipher import ContentKey
from bot.store.rows import incident_values
from bot.store.schema import incidents
from bot.store.sealed import CARD_AUTHOR, INCIDENT_AUTHOR, MODERATOR, REVISION
from tests.bot.store.sealing import a_flag, after, raw_rows

KEY = Fernet.generate_key().decode()
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
BURST = timedelta(minutes=1)


@pytest.fixture
async def stores(url: str):
    opened = await open_stores(url, keys=KEY)
    yield opened
    await opened.close()


async def flag(stores: Stores, message: str, **changes: Any) -> Incident:
    return (await stores.incidents.record(a_flag(message, **changes))).incident


async def test_of_an_incident_stays_what_was_done_and_what_moderators_said_but_nobody(stores: Stores):
    mine = await flag(stores, "m1", author="xann", clip_name="rude.ogg", words=("sock",))
    reasons = replace(mine.decision, reasons=("xann was muted before",))
    other = await flag(stores, "m2", author="xann", decision=reasons, outcome_detail="xann left")
    await stores.incidents.review(Review(1, ReviewVerdict.ESCALATE, "mia", AT, note="xann again"))
    await stores.incidents.review(Review(1, ReviewVerdict.RELABEL, "bo", AT + BURST, "threat", note="see xann"))

    assert await stores.incidents.erase("arena", "xann") == 2

    gone = await stores.incidents.get(1)
    assert (gone.author, gone.text, gone.words, gone.clip_name, gone.key.revision) == (ERASED, None, (), None, "")
    assert (gone.decision, gone.category) == (replace(mine.decision, reasons=()), "threat")
    assert (gone.at, gone.categories, gone.state) == (mine.at, mine.categories, gone.state.CONFIRMED)
    left = await stores.incidents.get(2)
    assert (left.decision.reasons, left.outcome_detail, left.key.message) == ((), "", f"{ERASED}:{other.id}")
    assert [(r.verdict, r.moderator, r.at, r.category) for r in await stores.incidents.reviews(1)] == [
        (ReviewVerdict.ESCALATE, "mia", AT, None),
        (ReviewVerdict.RELABEL, "bo", AT + BURST, "threat"),
    ]
    assert {r.note for r in await stores.incidents.reviews(1)} == {""}
    assert [i.id for i in await stores.incidents.find(IncidentQuery(reviewed_by="bo"))] == [1]


async def test_a_member_with_many_incidents_is_erased_and_others_write_between(stores: Stores):
    for n in range(250):
        await flag(stores, f"m{n}")

    erased, recorded = await asyncio.gather(
        stores.incidents.erase("arena", "ann"), flag(stores, "meanwhile", author="ben")
    )

    assert erased == 250
    assert await stores.incidents.find(IncidentQuery(author="ann")) == []
    assert (await stores.incidents.get(recorded.id)).author == "ben"
    assert await stores.incidents.erase("arena", "ann") == 0


async def test_an_erasure_that_was_cut_short_is_whole_per_incident_and_goes_on_when_asked_again(stores: Stores):
    for n in range(250):
        await flag(stores, f"m{n}")
        await stores.incidents.review(Review(n + 1, ReviewVerdict.CONFIRM, "mia", AT, note="ann"))
    with after("UPDATE incidents", 1), pytest.raises(StoreError):
        await stores.incidents.erase("arena", "ann")
    left = await stores.incidents.find(IncidentQuery(author="ann", limit=None))
    assert 0 < len(left) < 250
    erased = await stores.incidents.find(IncidentQuery(author=ERASED, limit=None))
    assert {i.text for i in erased} == {None}
    assert {r.note for i in erased for r in await stores.incidents.reviews(i.id)} == {""}

    assert await stores.incidents.erase("arena", "ann") == len(left)

    assert len(await stores.incidents.find(IncidentQuery(author=ERASED, limit=None))) == 250


async def test_what_was_still_under_way_does_not_bring_a_member_back(stores: Stores):
    mine = await flag(stores, "m1", outcome=Outcome.PENDING)
    await stores.incidents.erase("arena", "ann")

    await stores.incidents.set_words(mine.id, ("sock",))
    await stores.incidents.finish(mine.id, Outcome.REFUSED, "ann is an admin")
    card = await stores.cards.attach(mine, BURST)

    left = await stores.incidents.get(mine.id)
    assert (left.words, left.outcome, left.outcome_detail) == ((), Outcome.REFUSED, "")
    assert card.author == ERASED
    assert [i.author for i in await stores.cards.incidents(card.id)] == [ERASED]


async def test_an_incident_that_is_gone_gets_no_card(stores: Stores):
    mine = await flag(stores, "m1")
    await stores.incidents.purge(AT + BURST, AT + timedelta(days=9999))
    with pytest.raises(UnknownIncident, match="Incident 1 is gone"):
        await stores.cards.attach(mine, BURST)
    assert await raw_rows(stores.incidents, "cards") == []


async def test_a_report_of_a_member_loses_its_name_even_when_its_incident_is_gone(stores: Stores):
    await flag(stores, "m1", author="ben", created_at=AT - timedelta(days=100))
    await flag(stores, "m2", author="ben")
    for n in (1, 2):
        await stores.incidents.review(Review(n, ReviewVerdict.REPORT, "ann", AT, note="look"))
        await stores.incidents.review(Review(n, ReviewVerdict.CONFIRM, "ann", AT))
    await stores.incidents.purge(AT - timedelta(days=100), AT - timedelta(days=90))
    assert [r.moderator for r in await stores.incidents.reviews(1)] == [ERASED, "ann"], "a verdict stays, a report not"

    await stores.incidents.erase("arena", "ann")

    reports = [r for n in (1, 2) for r in await stores.incidents.reviews(n) if r.verdict is ReviewVerdict.REPORT]
    assert [(r.moderator, r.note) for r in reports] == [(ERASED, "")] * 2
    verdicts = [r for n in (1, 2) for r in await stores.incidents.reviews(n) if r.verdict is ReviewVerdict.CONFIRM]
    assert [r.moderator for r in verdicts] == ["ann"] * 2


@pytest.fixture
async def in_file(tmp_path: Path):
    opened = await open_stores(f"sqlite+aiosqlite:///{tmp_path}/data/referee.db", keys=KEY)
    yield opened
    await opened.close()


async def shuffled(stores: Stores) -> None:
    """Fill a file so that rows are moved between its pages, which leaves copies of them behind."""
    chosen, cipher = random.Random(7), stores.incidents._cipher  # noqa: S311
    async with stores.database.writing() as connection:
        for n in range(600):
            person = f"person-{n % 10:02}"
            made = a_flag(f"m{n}", author=person, text=f"{person} " * chosen.randint(1, 20))
            await connection.execute(insert(incidents).values(incident_values(made, cipher)))
            early = chosen.randint(max(0, n - 30), n)
            grown = f"person-{early % 10:02} " * chosen.randint(20, 60)
            row = update(incidents).where(incidents.c.id == early + 1)
            content = cipher.encrypt(json.dumps({"text": grown, "words": [], "clip_name": None}))
            await connection.execute(row.values(content=content, outcome_detail=cipher.seal_text(grown)))
    for n in range(10):
        await stores.cards.attach(await stores.incidents.get(n + 1), BURST)
        await stores.incidents.review(Review(n + 1, ReviewVerdict.REPORT, f"person-{(n + 1) % 10:02}", AT))


async def test_nothing_of_erased_members_is_left_in_the_files_that_the_key_opens(in_file: Stores, tmp_path: Path):
    await shuffled(in_file)
    folder = tmp_path / "data"
    assert people_in(folder) == {f"person-{n:02}" for n in range(10)}

    for n in (*range(8), 9):
        assert await in_file.incidents.erase("arena", f"person-{n:02}") == 60

    assert people_in(folder) == {"person-08"}
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "copy.db"
    with closing(sqlite3.connect(folder / "referee.db")) as origin, closing(sqlite3.connect(copy)) as into:
        origin.backup(into)
    assert people_in(copy.parent) == {"person-08"}


async def test_a_file_that_another_holds_is_written_anew_later(in_file: Stores, tmp_path: Path, caplog):
    await shuffled(in_file)
    with closing(sqlite3.connect(tmp_path / "data" / "referee.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM incidents").fetchall()
        await in_file.incidents.erase("arena", "person-07")
        reader.execute("ROLLBACK")
    assert "overwritten later" in caplog.text
    assert await in_file.incidents.scrub()
    assert "person-07" not in people_in(tmp_path / "data")


def people_in(folder: Path) -> set[str]:
    """Return whom the key still finds in the files."""
    return {person for opened in opened_in(folder) for person in re.findall(r"person-\d\d", opened)}


def opened_in(folder: Path) -> Iterator[str]:
    """Yield what the key opens of all that looks like a token or a sealed name, anywhere in the files."""
    content, key = b"".join(file.read_bytes() for file in sorted(folder.iterdir())), ContentKey.parse(KEY)

    def name(sealed: bytes) -> str:
        for place in (INCIDENT_AUTHOR, CARD_AUTHOR, MODERATOR, REVISION):
            try:
                return key.names.decrypt(base64.urlsafe_b64decode(sealed), [place.encode()])[1:].decode()
            except InvalidTag:
                continue
        raise ValueError("not a name")

    # A token is 57 bytes and a whole number of blocks, a sealed name 17 bytes and the name; both are in base64.
    tokens, names = ([-(-size // 3) * 4 for size in range(least, 9000, step)] for least, step in ((73, 16), (17, 3)))
    yield from _openable(rb"gAAAAA[\w-]+={0,2}", content, tokens, lambda found: key.fernet.decrypt(found).decode())
    yield from _openable(rb"(?<=\\s)[\w-]+={0,2}", content, names[:20], name)


def _openable(pattern: bytes, content: bytes, sizes: list[int], opened: Callable[[bytes], str]) -> Iterator[str]:
    for found in re.finditer(pattern, content):
        # What comes after it in the row may look as if it belonged to it.
        for end in reversed([size for size in sizes if size <= len(found[0])]):
            try:
                yield opened(found[0][:end])
            except (InvalidToken, ValueError):
                continue
            break

import asyncio
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from bot.domain import IncidentQuery, Purged, Review, ReviewVerdict
from bot.errors import UnknownIncident
from bot.store import open_stores
from bot.store.schema import cards
from tests.bot.store.sealing import a_flag, raw_rows

NOW = datetime(2024, 6, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1000)


async def test_content_goes_and_the_incident_stays(store, an_incident):
    old = (await store.record(an_incident("old", created_at=NOW - timedelta(days=31), clip_name="rude.ogg"))).incident
    new = (await store.record(an_incident("new", created_at=NOW - timedelta(days=30)))).incident
    assert await store.purge(NOW - timedelta(days=30), LONG_AGO) == Purged(contents=1, incidents=0)
    left = await store.get(old.id)
    assert (left.text, left.words, left.clip_name) == (None, (), None)
    assert (left.decision, left.categories, left.author) == (old.decision, old.categories, old.author)
    assert await store.get(new.id) == new
    assert await store.purge(NOW - timedelta(days=30), LONG_AGO) == Purged(0, 0)


async def test_old_incidents_go_and_the_verdicts_on_them_stay(store, an_incident):
    await store.record(an_incident("old", created_at=NOW - timedelta(days=400)))
    await store.record(an_incident("new", created_at=NOW))
    verdict = Review(1, ReviewVerdict.DISMISS, "mod", NOW, note="friends")
    await store.review(verdict)
    assert await store.purge(LONG_AGO, NOW - timedelta(days=365)) == Purged(contents=0, incidents=1)
    with pytest.raises(UnknownIncident):
        await store.get(1)
    assert list(await store.reviews(1)) == [verdict]
    assert (await store.get(2)).key.message == "new"


async def test_the_number_of_a_purged_incident_is_never_given_again(opened, an_incident):
    store = await opened()
    await store.record(an_incident("old", created_at=LONG_AGO))
    await store.purge(NOW, NOW)
    await store.close()
    assert (await (await opened()).record(an_incident("new"))).incident.id == 2


async def test_a_purge_works_in_small_transactions_and_lets_others_write_between(
    store, an_incident, copies, statements
):
    await store.record(an_incident(created_at=LONG_AGO))
    copies(1200)
    statements.clear()
    purged, recorded = await asyncio.gather(
        store.purge(NOW, NOW), store.record(an_incident("meanwhile", created_at=NOW))
    )
    assert (purged.incidents, recorded.created) == (1201, True)
    written = [" ".join(sql.split()[:3]) for sql, _ in statements]
    writes = [what for what in written if what in ("DELETE FROM incidents", "INSERT INTO incidents")]
    assert writes == ["DELETE FROM incidents", "INSERT INTO incidents", *["DELETE FROM incidents"] * 2]
    assert (await store.counts())["open"] == 1


async def test_purged_content_is_gone_from_the_file_even_as_ciphertext(opened, an_incident, path, every_connection):
    every_connection("PRAGMA secure_delete=OFF")  # Some builds of SQLite have it on anyway.
    store = await opened()
    await store.record(an_incident(created_at=LONG_AGO, text="x" * 20_000))
    connection = sqlite3.connect(path)
    (token,) = connection.execute("SELECT content FROM incidents").fetchone()
    connection.close()
    await store.close()
    # A stretch that lies within one page of the file.
    assert token[9000:9100] in path.read_bytes()
    store = await opened()
    await store.purge(NOW, LONG_AGO)
    await store.close()
    assert token[9000:9100] not in path.read_bytes()


async def test_a_round_ends_when_its_time_is_up_and_the_next_ones_do_the_rest(store, an_incident, copies):
    await store.record(an_incident(created_at=LONG_AGO))
    copies(1200)
    rounds = [await store.purge(NOW, NOW, within_s=0)]
    assert 0 < rounds[0].incidents <= 500
    while not rounds[-1].complete:
        rounds.append(await store.purge(NOW, NOW, within_s=0))
    assert sum(each.incidents for each in rounds) == 1201
    assert len(rounds) > 2
    assert (await store.counts())["open"] == 0


async def test_a_mountain_of_old_incidents_does_not_keep_expired_texts(store, an_incident, copies):
    await store.record(an_incident(created_at=LONG_AGO))
    copies(1600)
    recent = (await store.record(an_incident("recent", created_at=NOW - timedelta(days=40)))).incident
    purged = await store.purge(NOW - timedelta(days=30), NOW - timedelta(days=90), within_s=0)
    while (await store.get(recent.id)).text is not None:
        assert not purged.complete
        purged = await store.purge(NOW - timedelta(days=30), NOW - timedelta(days=90), within_s=0)
    assert (await store.counts())["open"] > 100, "many of the old ones are still there"


async def test_cards_that_show_nothing_any_more_go_and_others_stay(url, an_incident):
    stores = await open_stores(url)
    try:
        for message, days, author in (("old", 100, "ann"), ("new", 1, "ann"), ("other", 1, "ben")):
            at = NOW - timedelta(days=days)
            stored = await stores.incidents.record(an_incident(message, author=author, at=at, created_at=at))
            await stores.cards.attach(stored.incident, timedelta(minutes=1))
        async with stores.database.writing() as connection:
            left = {"community": "arena", "author": "an earlier version left this", "behind": 0}
            await connection.execute(insert(cards).values(**left, last_at=0))
            await connection.execute(insert(cards).values(**left, last_at=10**18))

        await stores.incidents.purge(LONG_AGO, NOW - timedelta(days=90))

        assert [row["id"] for row in await raw_rows(stores.incidents, "cards")] == [2, 3, 5]
        assert (await stores.cards.of_incident(2)).author == "ann"
    finally:
        await stores.close()


AGES = st.integers(0, 10)


@settings(max_examples=25, deadline=None)
@given(st.lists(AGES, max_size=8), AGES, AGES, st.sampled_from([None, 0.0]))
def test_nothing_younger_is_touched_and_content_and_incidents_have_their_own_clocks(
    ages: list, content_days: int, incident_days: int, within_s: float | None
):
    """An age of N days is exactly N days: what is as old as the limit stays."""
    content, whole = NOW - timedelta(days=content_days), NOW - timedelta(days=incident_days)
    gone = {n for n, age in enumerate(ages, 1) if age > incident_days}
    cleared = {n for n, age in enumerate(ages, 1) if age > content_days} - gone

    async def check(folder: str) -> None:
        stores = await open_stores(f"sqlite+aiosqlite:///{Path(folder)}/referee.db")
        try:
            for n, age in enumerate(ages, 1):
                await stores.incidents.record(a_flag(str(n), created_at=NOW - timedelta(days=age)))
                note = Review(n, ReviewVerdict.CONFIRM, "mia", NOW - timedelta(days=age), note="quoted")
                await stores.incidents.review(note)
            before = {i.id: i for i in await stores.incidents.find(IncidentQuery())}
            rounds = [await stores.incidents.purge(content, whole, within_s=within_s)]
            while not rounds[-1].complete:
                rounds.append(await stores.incidents.purge(content, whole, within_s=within_s))
            assert sum(each.incidents for each in rounds) == len(gone)
            assert sum(each.contents for each in rounds) == len(cleared)
            after = {i.id: i for i in await stores.incidents.find(IncidentQuery())}
            assert set(after) == set(before) - gone
            assert {n for n, i in after.items() if i.text is None} == cleared
            assert all(after[n] == before[n] for n in set(after) - cleared)
            for n, age in enumerate(ages, 1):
                (verdict,) = await stores.incidents.reviews(n)
                assert (verdict.moderator, verdict.note) == ("mia", "" if age > content_days else "quoted")
        finally:
            await stores.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(folder))

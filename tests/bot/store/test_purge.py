import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Purged, Review, ReviewVerdict
from bot.errors import UnknownIncident

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
    writes = [word for sql, _ in statements if (word := sql.split()[0]) in ("DELETE", "INSERT")]
    assert writes == ["DELETE", "INSERT", "DELETE", "DELETE"]
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

"""Nothing that somebody wrote, and no name, can be read in any file of a database; what a search would find is told."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.community import Change, Community
from bot.domain import Incident, Outcome, Platform, Review, ReviewVerdict, SourceKey
from bot.store import Stores, open_stores
from bot.store.schema import metadata
from bot.store.sealed import SEALED
from tests.bot.store.sealing import a_flag, everything_readable, put_back

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)

SEALED_COLUMNS = {f"{sealed.table.name}.{column}" for sealed in SEALED for column in sealed.columns}
READABLE = {
    "a number that means something to its platform alone": {
        *("incidents.community", "incidents.channel", "incidents.message"),
        *("cards.community", "cards.channel", "cards.message"),
        *("communities.id", "communities.review_channel", "communities.log_channel", "communities.moderator_roles"),
        *("changes.community", "seen.community", "seen.channel", "seen.message"),
    },
    "a number of ours, a moment, a measure or a yes": {
        *("incidents.id", "incidents.at", "incidents.created_at", "incidents.confidence", "incidents.strike"),
        *("incidents.duration", "incidents.toxic", "incidents.transcript_doubt", "incidents.card", "incidents.clip_at"),
        *("reviews.id", "reviews.incident_id", "reviews.at", "cards.id", "cards.last_at", "cards.behind"),
        *("communities.is_set_up", "communities.held_since", "changes.id", "changes.at"),
    },
    "one of a few words of ours": {
        *("incidents.platform", "incidents.action", "incidents.would", "incidents.mode", "incidents.outcome"),
        *("incidents.state", "incidents.surface", "reviews.verdict"),
    },
    "a name of a category or a model, which the operator gave": {
        *("incidents.category", "incidents.final_category", "reviews.category"),
        *("incidents.categories", "incidents.model_version"),
    },
    "a sentence of ours about Discord": {"cards.trouble"},
    "what the store or the program notes about itself": {"meta.name", "meta.value"},
}


def test_of_every_column_it_is_decided_whether_it_is_sealed():
    decided = [*SEALED_COLUMNS, *(column for columns in READABLE.values() for column in columns)]
    assert sorted(decided) == sorted(f"{table}.{column.name}" for table, t in metadata.tables.items() for column in t.c)


WORDS = {
    name: f"xyzzy{name}"
    for name in (
        *(
            "author",
            "text",
            "word",
            "clip",
            "reason",
            "detail",
            "revision",
            "moderator",
            "note",
            "reporter",
            "reported",
        ),
        *("policy", "admin", "what", "line"),
    )
}


async def fill(stores: Stores, message: str = "m1", created_at: datetime = AT) -> Incident:
    """Store one of everything, a word of its own in every field that somebody may fill."""
    flag = a_flag(
        message,
        key=SourceKey(Platform.DISCORD, "77", "88", message, WORDS["revision"]),
        author=WORDS["author"],
        text=WORDS["text"],
        words=(WORDS["word"],),
        clip_name=f"{WORDS['clip']}.ogg",
        created_at=created_at,
    )
    flag = replace(flag, decision=replace(flag.decision, reasons=(WORDS["reason"],)))
    stored = (await stores.incidents.record(flag)).incident
    await stores.incidents.set_words(stored.id, (WORDS["word"], "more"))
    await stores.incidents.finish(stored.id, Outcome.DONE, WORDS["detail"])
    await stores.cards.attach(stored, timedelta(minutes=1))
    await stores.incidents.review(Review(stored.id, ReviewVerdict.CONFIRM, WORDS["moderator"], AT, note=WORDS["note"]))
    report = Review(stored.id, ReviewVerdict.REPORT, WORDS["reporter"], AT, note=WORDS["reported"])
    await stores.incidents.review(report)
    change = Change("77", WORDS["admin"], AT, WORDS["what"], (WORDS["line"],))
    await stores.communities.save(Community("77", "88", "88", frozenset({"99"}), WORDS["policy"], True, AT), change)
    await stores.communities.note_seen("77", {"88": message})
    return stored


def found_in(folder: Path, words: dict[str, str] | None = None) -> list[str]:
    """Return which of the words can be read in the files, in the ways that text may be written."""
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    return [
        name
        for name, word in (words or WORDS).items()
        if any(word.encode(coding) in content for coding in ("utf-8", "utf-16-le", "utf-16-be"))
    ]


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    opened = await open_stores(f"sqlite+aiosqlite:///{tmp_path}/data/referee.db", keys=OLD)
    yield opened
    await opened.close()


async def test_no_word_of_anybody_is_readable_in_any_file_while_open_or_closed(stores: Stores, tmp_path: Path):
    await fill(stores)
    folder = tmp_path / "data"
    assert {file.name for file in folder.iterdir()} >= {"referee.db", "referee.db-wal", "referee.db-shm"}
    assert found_in(folder) == []
    await stores.close()
    assert found_in(folder) == []
    assert found_in(folder, {"what is not sealed would be found": "uq_incidents_source"})


async def test_the_search_would_find_every_word_that_is_not_sealed(stores: Stores, tmp_path: Path):
    await fill(stores)
    await put_back(stores, OLD)
    in_tokens = {"text", "word", "clip", "note", "reported"}
    assert set(found_in(tmp_path / "data")) == set(WORDS) - in_tokens


async def test_what_was_readable_is_gone_from_every_file_once_all_is_sealed(stores: Stores, tmp_path: Path):
    await fill(stores)
    await put_back(stores, OLD)
    await stores.close()
    stores = await open_stores(f"sqlite+aiosqlite:///{tmp_path}/data/referee.db", keys=f"{NEW},{OLD}")
    await stores.reseal()
    assert found_in(tmp_path / "data") == []
    await stores.close()
    assert found_in(tmp_path / "data") == []


async def test_nothing_is_readable_after_a_purge_an_erasure_and_in_a_backup(stores: Stores, tmp_path: Path):
    for n in range(3):
        await fill(stores, f"m{n}", AT - timedelta(days=40 * n))
    await stores.incidents.purge(AT - timedelta(days=30), AT - timedelta(days=60))
    assert found_in(tmp_path / "data") == []
    await stores.incidents.erase("77", WORDS["author"])
    assert found_in(tmp_path / "data") == []
    copies = tmp_path / "copies"
    copies.mkdir()
    original = tmp_path / "data" / "referee.db"
    with closing(sqlite3.connect(original)) as origin, closing(sqlite3.connect(copies / "copy.db")) as copy:
        origin.backup(copy)
    assert found_in(copies) == []


async def test_no_column_shows_a_word_of_anybody_on_either_kind_of_database(url: str):
    stores = await open_stores(url, keys=OLD)
    await fill(stores)
    readable = await everything_readable(stores.incidents)
    await stores.close()
    assert "'community': '77'" in readable
    assert [name for name, word in WORDS.items() if word in readable] == []

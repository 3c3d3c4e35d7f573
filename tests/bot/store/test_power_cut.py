"""What a power cut leaves of a SQLite database: everything up to the first byte that the disk did not take."""

import random
import shutil
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from bot.domain import IncidentQuery
from bot.store import open_store, open_stores

INCIDENTS = 40
CUTS = 20


def cut_off(tail, chance):
    return b""


def never_written(tail, chance):
    return bytes(len(tail))


def garbage(tail, chance):
    return chance.randbytes(len(tail))


def one_sector(tail, chance):
    # What was written later reached the disk, and this did not.
    lost = chance.randbytes(min(512, len(tail)))
    return lost + tail[len(lost) :]


def one_bit(tail, chance):
    return bytes([tail[0] ^ (1 << chance.randrange(8))]) + tail[1:]


@pytest.fixture
async def written(opened, an_incident, path):
    """Return the folder of a store in use, and how long its log was when each incident counted as recorded."""
    store = await opened()
    await store.record(an_incident("in the file already"))
    await store.close()
    store = await opened()
    log = path.with_name("referee.db-wal")
    lengths = []
    for number in range(INCIDENTS):
        assert (await store.record(an_incident(f"m{number}", text="x" * (number * 97)))).created
        lengths.append(log.stat().st_size)
    return path.parent, lengths


@pytest.mark.parametrize("torn", [cut_off, never_written, garbage, one_sector, one_bit])
async def test_a_power_cut_leaves_everything_up_to_the_first_byte_that_was_lost(written, tmp_path, torn):
    folder, lengths = written
    log = (folder / "referee.db-wal").read_bytes()
    chance = random.Random(41)  # noqa: S311
    for number in range(CUTS):
        place = chance.randrange(len(log))
        after = tmp_path / f"after {number}"
        shutil.copytree(folder, after)
        # The index of the log is in memory that a power cut takes.
        (after / "referee.db-shm").unlink()
        (after / "referee.db-wal").write_bytes(log[:place] + torn(log[place:], chance))
        async with reopened(after) as store:
            assert await store.check() == "ok"
            held = [incident.key.message for incident in await store.find(IncidentQuery(limit=None))][::-1]
            kept = sum(length <= place for length in lengths)
            assert held[: kept + 1] == ["in the file already", *(f"m{n}" for n in range(kept))]
            # What was torn is gone whole.
            assert len(held) == kept + 1
            assert (await store.record(await store.get(1))).created is False
        shutil.rmtree(after)


@asynccontextmanager
async def reopened(folder):
    store = await open_store(f"sqlite+aiosqlite:///{folder / 'referee.db'}")
    try:
        yield store
    finally:
        await store.close()


async def test_evidence_waits_for_the_disk_and_marks_do_not(url, kind):
    question = "PRAGMA synchronous" if kind == "sqlite" else "SHOW synchronous_commit"
    waits, hastens = (2, 1) if kind == "sqlite" else ("on", "off")
    stores = await open_stores(url)
    async with stores.database.writing() as connection:
        assert await connection.scalar(text(question)) == waits
    async with stores.database.writing(lasting=False) as connection:
        assert await connection.scalar(text(question)) == hastens
    async with stores.database.writing() as connection:
        assert await connection.scalar(text(question)) == waits
    await stores.close()

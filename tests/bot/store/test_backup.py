import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta

import pytest

from bot.domain import IncidentQuery, Review, ReviewVerdict
from bot.errors import InputError, StoreDamaged, StoreFull, StoreTooNew
from bot.store.backup import back_up
from bot.store.new_file import whole_file


@pytest.fixture
def key_file(kind, tmp_path):
    return tmp_path / "data" / "referee.key" if kind == "sqlite" else tmp_path / "referee.key"


def silent(_done, _total):
    """Show no progress."""


async def saved(url, to, **options):
    return await back_up(url, to, options.pop("progress", silent), **options)


async def found_in(opened, file, key_file):
    copy = await opened(url=f"sqlite+aiosqlite:///{file}", key_file=key_file)
    return await copy.find(IncidentQuery(limit=None)), [await copy.reviews(n) for n in (1, 2)]


async def test_a_backup_of_an_open_database_holds_what_it_held(store, opened, an_incident, tmp_path, url, key_file):
    for n in range(3):
        await store.record(an_incident(f"m{n} \ud800 \\ \0 ☃", text=f"idiot {n}"))
    await store.review(Review(2, ReviewVerdict.RELABEL, "mod", an_incident().at, "threat", "no joke"))
    to = tmp_path / "copy.db"

    made = await saved(url, to)

    assert (made.incidents, made.path, made.size) == (3, to, to.stat().st_size)
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert await found_in(opened, to, key_file) == (
        await store.find(IncidentQuery(limit=None)),
        [await store.reviews(n) for n in (1, 2)],
    )


async def test_no_number_is_given_twice_after_going_back_to_a_backup(
    store, opened, an_incident, tmp_path, url, key_file
):
    for n in range(3):
        await store.record(an_incident(f"m{n}"))
    await store.purge(an_incident().at, an_incident().at + timedelta(days=99_999))
    await saved(url, tmp_path / "copy.db")
    copy = await opened(url=f"sqlite+aiosqlite:///{tmp_path / 'copy.db'}", key_file=key_file)
    assert (await copy.record(an_incident("new"))).incident.id == 4


async def test_what_was_erased_is_in_no_later_backup(store, an_incident, tmp_path, url, path, every_connection):
    every_connection("PRAGMA secure_delete=OFF")
    await store.record(an_incident(text="x" * 20_000))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        (token,) = connection.execute("SELECT content FROM incidents").fetchone()
        # As an older version or another program may have left it: in free pages.
        connection.execute("UPDATE incidents SET content = NULL")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert token[9000:9100] in path.read_bytes()
    await saved(url, tmp_path / "copy.db")
    assert token[9000:9100] not in (tmp_path / "copy.db").read_bytes()


async def test_incidents_are_recorded_while_a_file_is_backed_up(store, an_incident, copies, tmp_path, url, path):
    await store.record(an_incident(text="x" * 2000))
    copies(2000)
    loop = asyncio.get_running_loop()
    meanwhile = []

    def told(_done, _total):
        # From the thread of the backup, which waits until the loop has recorded one.
        if not meanwhile:
            recorded = asyncio.run_coroutine_threadsafe(store.record(an_incident("meanwhile")), loop)
            meanwhile.append(recorded.result(timeout=30).incident.id)

    made = await saved(url, tmp_path / "copy.db", progress=told)

    assert meanwhile == [2002]
    assert made.incidents == 2001
    assert (await store.get(2002)).key.message == "meanwhile"


async def test_incidents_are_recorded_while_a_backup_is_made(store, an_incident, copies, tmp_path, url):
    await store.record(an_incident())
    copies(3000)
    made, recorded = await asyncio.gather(
        saved(url, tmp_path / "copy.db"), store.record(an_incident("meanwhile", text="later"))
    )
    assert made.incidents in (3001, 3002)
    assert (await store.get(recorded.incident.id)).text == "later"


async def test_progress_goes_up_to_the_whole(store, an_incident, copies, tmp_path, url):
    await store.record(an_incident(text="x" * 2000))
    copies(2000)
    seen = []
    await saved(url, tmp_path / "copy.db", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]


async def test_a_file_that_is_there_is_replaced_only_with_force(store, an_incident, tmp_path, url):
    await store.record(an_incident())
    to = tmp_path / "copy.db"
    to.write_text("mine")
    with pytest.raises(InputError, match=r"copy\.db is there already.*--force"):
        await saved(url, to)
    assert to.read_text() == "mine"
    assert (await saved(url, to, force=True)).incidents == 1
    assert (await saved(url, to, force=True)).incidents == 1


async def test_the_database_its_log_and_its_key_are_never_written_over(store, path, url, key_file):
    before = key_file.read_bytes()
    for target in (path, path.with_name("referee.db-wal"), key_file):
        with pytest.raises(InputError, match=r"database itself or its key|in use"):
            await saved(url, target, force=True, kept=(key_file,))
    assert key_file.read_bytes() == before
    assert await store.check() == "ok"


async def test_a_log_left_beside_the_name_is_refused_since_it_would_be_taken_for_a_part_of_the_copy(
    store, tmp_path, url
):
    (tmp_path / "copy.db-wal").write_bytes(b"left")
    with pytest.raises(InputError, match=r"copy\.db-wal lies there"):
        await saved(url, tmp_path / "copy.db", force=True)


@pytest.mark.parametrize("name", ["folder", "missing/copy.db"])
async def test_a_place_that_takes_no_file_is_named(store, tmp_path, url, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises((InputError, StoreDamaged, OSError, Exception), match=name.split("/")[0]):
        await saved(url, tmp_path / name)


async def test_a_backup_that_is_cut_short_leaves_nothing(store, an_incident, copies, tmp_path, url):
    await store.record(an_incident(text="x" * 2000))
    copies(2000)
    places = tmp_path / "places"
    places.mkdir()
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    work = asyncio.create_task(saved(url, places / "copy.db", progress=lambda *_: loop.call_soon_threadsafe(begun.set)))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert list(places.iterdir()) == []


async def test_a_full_disk_leaves_nothing_under_the_name(tmp_path):
    with pytest.raises(StoreFull, match=r"copy\.db"), whole_file(tmp_path / "copy.db", force=False) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        raise StoreFull("No room is left to write copy.db.")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_came_to_be_meanwhile_is_kept(tmp_path):
    to = tmp_path / "copy.db"
    with pytest.raises(InputError, match="there already"), whole_file(to, force=False) as draft:
        draft.write_text("late")
        to.write_text("first")
    assert to.read_text() == "first"
    assert list(tmp_path.iterdir()) == [to]


async def test_a_damaged_database_makes_no_backup(opened, an_incident, path, url, tmp_path):
    store = await opened()
    for n in range(50):
        await store.record(an_incident(f"m{n}", text="x" * 2000))
    await store.close()
    content = bytearray(path.read_bytes())
    content[20_000:-8_000] = b"\xa5" * (len(content) - 28_000)
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"referee\.db|copy"):
        await saved(url, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(InputError, match=r"there is no database .*nothing\.db"):
        await saved(f"sqlite+aiosqlite:///{tmp_path / 'nothing.db'}", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_newer_database_is_refused(opened, path, url, tmp_path):
    await (await opened()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreTooNew, match="9999"):
        await saved(url, tmp_path / "copy.db")

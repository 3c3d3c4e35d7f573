import asyncio
import shutil
import sqlite3
import sys
import threading
from contextlib import AsyncExitStack, closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly, StoreTooNew
from bot.store.failures import failures_of
from bot.store.places import kind_of

HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(600)
"""


async def on_every_connection(store, pragma):
    """Run a PRAGMA on each connection of a store in use, as the disk or the system changes under it."""
    async with AsyncExitStack() as stack:
        engine = store._database._engine
        connections = [await stack.enter_async_context(engine.connect()) for _ in range(4)]
        for connection in connections:
            await connection.exec_driver_sql(f"PRAGMA {pragma}")


async def test_a_locked_database_is_busy_for_writers_and_open_for_readers(opened, an_incident, path):
    store = await opened(busy_timeout_s=0.05)
    await store.record(an_incident())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"referee\.db is held"):
            await store.record(an_incident("m2"))
        assert (await store.get(1)).key.message == "m1"
        other.execute("ROLLBACK")
    assert (await store.record(an_incident("m2"))).created


async def test_a_database_locked_at_the_start_is_busy(opened, path):
    await (await opened()).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"referee\.db"):
            await opened(busy_timeout_s=0.05)


async def test_a_writer_waits_for_a_short_lock(opened, an_incident, path):
    store = await opened(busy_timeout_s=30)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, other.execute, ["ROLLBACK"])
        release.start()
        assert (await store.record(an_incident())).created
        release.join()


async def test_a_variant_of_an_sqlite_error_is_told_like_its_kind(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as late:
        late.execute("BEGIN")
        late.execute("SELECT * FROM incidents").fetchall()
        with closing(sqlite3.connect(path)) as other:
            other.execute("DELETE FROM meta")
            other.commit()
        with pytest.raises(StoreBusy) as raised, failures_of(path):
            late.execute("DELETE FROM meta")
        assert raised.value.__cause__.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"
        late.execute("ROLLBACK")


async def test_a_program_whose_database_cannot_be_opened_ends_with_that_error_alone(child, path, url):
    path.mkdir(parents=True)
    program = "import asyncio, sys; from bot.store import open_store; asyncio.run(open_store(sys.argv[1]))"
    for _ in range(3):
        status, output = await child(program, url)
        assert status == 1
        assert "StoreReadOnly" in output
        assert "Exception in thread" not in output


async def test_a_database_that_cannot_be_written_is_refused_at_the_start(opened, path, every_connection):
    await (await opened()).close()
    every_connection("PRAGMA query_only=ON")
    with pytest.raises(StoreReadOnly, match=r"referee\.db cannot be opened for writing"):
        await opened()


async def test_a_folder_in_place_of_the_file_is_an_error_that_names_it(opened, path):
    path.mkdir(parents=True)
    with pytest.raises(StoreReadOnly, match=r"referee\.db"):
        await opened()


async def test_a_file_in_place_of_the_folder_is_an_error_that_names_it(opened, path):
    path.parent.write_text("")
    with pytest.raises(StoreReadOnly, match=r"referee\.db"):
        await opened()


async def test_a_full_disk_is_an_error_and_what_is_stored_stays_readable(opened, an_incident, every_connection):
    store = await opened()
    await store.record(an_incident())
    await store.close()
    every_connection("PRAGMA max_page_count=1")  # SQLite takes the size that the file has now.
    store = await opened()
    with pytest.raises(StoreFull, match=r"referee\.db"):
        await store.record(an_incident("m2", text="x" * 100_000))
    assert (await store.get(1)).key.message == "m1"
    assert await store.counts() == {"open": 1, "escalated": 0, "confirmed": 0, "dismissed": 0}
    assert await store.check() == "ok"


async def test_a_full_disk_is_written_again_once_there_is_room(opened, an_incident, path):
    store = await opened()
    await on_every_connection(store, "max_page_count=1")  # SQLite takes the size that the file has now.
    with pytest.raises(StoreFull):
        await store.record(an_incident(text="x" * 100_000))
    await on_every_connection(store, "max_page_count=1000000")
    assert (await store.record(an_incident(text="x" * 100_000))).created
    assert await store.check() == "ok"


async def test_a_database_that_was_read_only_for_a_while_is_written_again(opened, an_incident, path):
    store = await opened()
    await store.record(an_incident())
    await on_every_connection(store, "query_only=ON")
    with pytest.raises(StoreReadOnly, match=r"referee\.db cannot be opened for writing"):
        await store.record(an_incident("m2"))
    assert (await store.get(1)).key.message == "m1"
    await on_every_connection(store, "query_only=OFF")
    assert (await store.record(an_incident("m2"))).created


async def test_a_lock_of_another_process_is_over_once_that_process_is_killed(opened, an_incident, path):
    store = await opened(busy_timeout_s=0.05)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert await process.stdout.readline() == b"locked\n"
        with pytest.raises(StoreBusy):
            await store.record(an_incident())
    finally:
        process.kill()
        await process.communicate()
    assert (await store.record(an_incident())).created


async def test_a_full_disk_at_the_first_start_leaves_a_file_that_opens_later(opened, every_connection, path):
    every_connection("PRAGMA max_page_count=3")
    with pytest.raises(StoreFull):
        await opened()
    every_connection("PRAGMA max_page_count=100000")
    assert await (await opened()).check() == "ok"


@pytest.mark.parametrize("content", [b"just some text, longer than the header of a database. " * 40, b"short"])
async def test_a_file_that_is_no_database_is_damaged_and_left_alone(opened, path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"referee\.db is not a database"):
        await opened()
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.9, 0.5, 0.01])
async def test_a_truncated_database_is_damaged(opened, an_incident, path, share):
    store = await opened()
    await store.record(an_incident())
    await store.close()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(StoreDamaged, match=r"referee\.db"):
        await opened()


async def test_overwritten_pages_are_damage_that_the_check_tells(opened, an_incident, path):
    store = await opened()
    for n in range(50):
        await store.record(an_incident(f"m{n}", text="x" * 2000))
    await store.close()
    content = bytearray(path.read_bytes())
    content[-20_000:-8_000] = b"\xa5" * 12_000
    path.write_bytes(content)
    store = await opened()
    # Depending on where the damage lies, SQLite lists it or gives up; both tell.
    try:
        said = await store.check()
    except StoreDamaged as error:
        said = str(error)
    assert said != "ok"


@pytest.mark.parametrize(
    "url",
    [
        "mysql+aiomysql://someone:secret@host/db",
        "postgresql+psycopg://someone:secret@host/db",
        "postgresql+asyncpg://someone:secret@host",
        "postgresql+asyncpg://someone:secret@host:port/db",
        "postgresql+asyncpg://someone:secret@host/db?password=secret",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///a.db?mode=ro",
        "referee.db",
        "",
    ],
)
async def test_a_url_of_another_kind_is_refused_with_what_is_supported(opened, url):
    with pytest.raises(StoreError, match=r"a SQLite file is named as in .* a PostgreSQL database as in") as raised:
        await opened(url=url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("postgres://me:secret@db.example/bot?sslmode=require", "PostgreSQL database bot on db.example:5432"),
        ("postgresql+asyncpg://me:s%40cret@[::1]:6543/bot", "PostgreSQL database bot on ::1:6543"),
        ("postgresql:///bot?host=/run/postgresql", "PostgreSQL database bot on /run/postgresql:5432"),
    ],
)
def test_a_server_is_named_without_its_password(url, label):
    kind = kind_of(url)
    assert kind.label == label
    assert label in repr(kind)
    assert "cret" not in repr(kind) + repr(vars(kind))
    assert (kind.file, kind.key_file) == (None, Path("referee.key"))


async def test_without_the_driver_for_servers_the_error_says_what_to_install(child):
    program = """
import asyncio, sys
sys.modules["asyncpg"] = None
from bot.store import open_store
asyncio.run(open_store("postgresql+asyncpg://someone:secret@host/db"))
"""
    status, output = await child(program)
    assert status == 1
    assert "pip install 'referee-moderation[postgres]'" in output.splitlines()[-1]
    assert "StoreError" in output.splitlines()[-1]


async def test_a_schema_of_a_later_version_is_refused_and_the_file_is_unchanged(opened, path):
    await (await opened()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=r"referee\.db has schema 9999.*Upgrade Referee"):
        await opened()
    assert path.read_bytes() == before


async def test_a_database_of_another_program_is_refused_and_unchanged(opened, path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match="another program"):
        await opened()
    assert path.read_bytes() == before
    assert not path.with_name("referee.key").exists()


@pytest.mark.parametrize(("free", "told"), [(0, StoreFull), (1 << 30, StoreError)])
def test_a_full_disk_is_told_of_though_sqlite_only_says_that_it_cannot_write(tmp_path, monkeypatch, free, told):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
    with pytest.raises(StoreError) as raised, failures_of(tmp_path / "referee.db"):
        raise error
    assert type(raised.value) is told

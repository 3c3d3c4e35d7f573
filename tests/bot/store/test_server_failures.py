import asyncio
import traceback

import pytest
from sqlalchemy import text

from bot.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly, StoreTooNew, StoreUnreachable
from bot.store import open_store, open_stores
from bot.store.places import kind_of

SECRET = "open-sesame-42"  # noqa: S105


@pytest.fixture
def name(postgres_url, tmp_path, monkeypatch):
    """Return the name of the database; the key lies in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    return postgres_url.rpartition("/")[2]


@pytest.fixture
async def server_store(name, postgres_url):
    stores = await open_stores(postgres_url, busy_timeout_s=0.2)
    yield stores.incidents
    await stores.close()


@pytest.fixture
def running(postgres):
    """Let a test stop the server; it runs again afterwards."""
    yield postgres
    postgres.start_again()


def chain(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


async def test_another_sessions_lock_is_busy_for_writers_open_for_readers_and_over_when_it_ends(
    server_store, an_incident, postgres, name
):
    await server_store.record(an_incident())
    with postgres.session(name) as other:
        other.sql("BEGIN")
        other.sql("LOCK TABLE incidents IN SHARE MODE")
        with pytest.raises(StoreBusy, match=f"{name} on 127.0.0.1:{postgres.port} is held"):
            await server_store.record(an_incident("m2"))
        assert (await server_store.get(1)).key.message == "m1"
    assert (await server_store.record(an_incident("m2"))).created


async def test_a_writer_of_another_process_excludes_ours_until_it_ends(server_store, postgres_url, an_incident):
    other = await open_stores(postgres_url)
    async with other.database.writing():
        with pytest.raises(StoreBusy):
            await server_store.record(an_incident())
    await other.close()
    assert (await server_store.record(an_incident())).created


async def test_a_server_that_stops_is_away_and_what_was_kept_is_there_once_it_is_back(
    server_store, an_incident, running
):
    await server_store.record(an_incident())
    running.stop()
    for _ in range(2):
        with pytest.raises(StoreUnreachable, match="does not answer"):
            await server_store.record(an_incident("m2"))
        with pytest.raises(StoreUnreachable, match="does not answer"):
            await server_store.get(1)
    running.start()
    assert (await server_store.record(an_incident("m2"))).created
    assert (await server_store.get(1)).key.message == "m1"


async def test_a_server_that_crashes_loses_no_incident_that_was_recorded(server_store, an_incident, running):
    for n in range(20):
        assert (await server_store.record(an_incident(f"m{n}"))).created
    running.crash()
    running.start()
    assert (await server_store.get(20)).key.message == "m19"
    assert await server_store.check() == "ok"


async def test_a_connection_that_is_cut_in_the_middle_is_told_and_the_next_transaction_has_another(
    server_store, an_incident, postgres, name
):
    with pytest.raises(StoreUnreachable, match="does not answer"):
        async with server_store._database.writing() as connection:
            await connection.execute(text("DELETE FROM incidents"))
            own = await connection.scalar(text("SELECT pg_backend_pid()"))
            await asyncio.to_thread(postgres.sql, f"SELECT pg_terminate_backend({own}, 10000)")
            await connection.execute(text("SELECT 1"))
    assert (await server_store.record(an_incident())).created


async def test_connections_that_were_cut_while_nobody_used_them_are_replaced_unseen(
    server_store, an_incident, postgres, name
):
    await server_store.record(an_incident())
    postgres.cut_off(name)
    assert (await server_store.record(an_incident("m2"))).created


async def test_a_wrong_password_is_told_and_never_repeated(postgres, name):
    with pytest.raises(StoreUnreachable, match=r"refuses us.*Correct user and password") as raised:
        await open_store(postgres.url(name, password=SECRET))
    assert "sesame" not in chain(raised.value)
    assert "sesame" not in repr(raised.value)


async def test_a_database_that_is_not_there_is_told_with_what_makes_it(postgres, name):
    with pytest.raises(StoreUnreachable, match=r"There is no PostgreSQL database nowhere on .*createdb"):
        await open_store(postgres.url("nowhere"))


async def test_a_port_where_nothing_listens_is_told_without_the_password(name, unused_tcp_port):
    with pytest.raises(StoreUnreachable, match=f"127.0.0.1:{unused_tcp_port} does not answer") as raised:
        await open_store(f"postgresql://referee:{SECRET}@127.0.0.1:{unused_tcp_port}/referee")
    assert "sesame" not in chain(raised.value)


async def test_a_host_that_nobody_knows_is_told(name):
    with pytest.raises(StoreUnreachable, match=r"nowhere\.invalid:5432 does not answer"):
        await open_store("postgresql+asyncpg://referee:sesame@nowhere.invalid/referee")


async def test_a_server_without_free_connections_is_told_and_used_once_there_are_some(postgres, name, an_incident):
    postgres.sql("CREATE ROLE narrow LOGIN PASSWORD 'pass' CONNECTION LIMIT 0")
    postgres.sql(f"ALTER DATABASE {name} OWNER TO narrow")
    try:
        with pytest.raises(StoreBusy, match="takes no more connections"):
            await open_store(postgres.url(name, "narrow", "pass"))
        postgres.sql("ALTER ROLE narrow CONNECTION LIMIT 10")
        postgres.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO narrow", name)
        postgres.sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO narrow", name)
        store = await open_store(postgres.url(name, "narrow", "pass"))
        assert (await store.record(an_incident())).created
        await store.close()
    finally:
        postgres.sql(f"ALTER DATABASE {name} OWNER TO referee")
        postgres.sql("DROP OWNED BY narrow", name)
        postgres.sql("DROP ROLE narrow")


async def test_a_read_only_server_is_told_and_used_once_it_can_be_written(server_store, an_incident, postgres, name):
    await server_store.record(an_incident())
    set_ = f"ALTER DATABASE {name} SET default_transaction_read_only"
    postgres.sql(f"{set_} = on")
    postgres.cut_off(name)
    try:
        with pytest.raises(StoreReadOnly, match="cannot be written"):
            await server_store.record(an_incident("m2"))
        assert (await server_store.get(1)).key.message == "m1"
    finally:
        postgres.sql(f"{set_} = off")
    postgres.cut_off(name)
    assert (await server_store.record(an_incident("m2"))).created


async def test_a_statement_that_takes_too_long_is_told(server_store):
    with pytest.raises(StoreBusy, match="took too long"):
        async with server_store._database.reading() as connection:
            await connection.execute(text("SET LOCAL statement_timeout = 50"))
            await connection.execute(text("SELECT pg_sleep(60)"))
    assert await server_store.check() == "ok"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("40001", StoreBusy),
        ("40P01", StoreBusy),
        ("53100", StoreFull),
        ("XX001", StoreDamaged),
        ("57P03", StoreUnreachable),
    ],
)
async def test_what_the_server_says_by_its_codes_is_told_by_kinds_and_passes(server_store, an_incident, state, told):
    # What takes a full disk or a damaged page; the server itself raises it.
    with pytest.raises(told):
        async with server_store._database.writing() as connection:
            await connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$"))
    assert (await server_store.record(an_incident())).created


async def test_an_error_that_may_repeat_a_value_does_not(server_store):
    with pytest.raises(StoreError, match="cannot be used") as raised:
        async with server_store._database.reading() as connection:
            await connection.execute(text("SELECT CAST('you worthless idiot' AS bigint)"))
    assert "idiot" not in chain(raised.value)


def test_a_password_with_an_at_sign_in_it_is_not_taken_for_a_server_that_errors_then_name():
    with pytest.raises(StoreError, match="%40") as raised:
        kind_of("postgresql+asyncpg://referee:open@sesame@127.0.0.1/referee")
    assert "sesame" not in str(raised.value)


async def test_a_schema_of_a_later_version_is_refused(server_store, postgres, name, postgres_url):
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", name)
    with pytest.raises(StoreTooNew, match=rf"{name} on .* has schema 9999.*Upgrade Referee"):
        await open_store(postgres_url)


async def test_a_database_of_another_program_is_refused_and_unchanged(
    empty_postgres_url, postgres, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    name = empty_postgres_url.rpartition("/")[2]
    postgres.sql("CREATE TABLE songs (title TEXT)", name)
    with pytest.raises(StoreDamaged, match="another program"):
        await open_store(empty_postgres_url)
    assert [row[0] for row in postgres.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)] == [
        "songs"
    ]
    assert not (tmp_path / "referee.key").exists()


async def test_a_number_is_never_given_twice_and_has_64_bits(server_store, an_incident, postgres, name):
    postgres.sql("SELECT setval('incidents_id_seq', 5000000000)", name)
    assert (await server_store.record(an_incident())).incident.id == 5000000001
    postgres.sql("DELETE FROM incidents", name)
    assert (await server_store.record(an_incident())).incident.id == 5000000002


async def test_a_name_too_long_for_an_index_is_told(server_store, an_incident):
    author = "".join(chr(0x4E00 + n % 20000) for n in range(4000))
    with pytest.raises(StoreError, match="cannot hold so long a name"):
        await server_store.record(an_incident(author=author))

import sqlite3
from contextlib import closing

import pytest
from cryptography.fernet import Fernet

from bot.domain import IncidentQuery
from bot.errors import ContentKeyError, StoreReadOnly

OLD, OTHER = (Fernet.generate_key().decode() for _ in range(2))


TEXTS = {
    "lone surrogates": "\ud83d \udc00 \udfff\ud800",
    "a pair of lone surrogates": "\ud83d" + "\ude00",
    "NUL": "a\0b\0",
    "a long text": "long🙂" * 20_000,
    "an emoji with joiners": "👩‍👩‍👧‍👦",
    "nothing": "",
    "backslashes": r"\ud83d \\ \n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_odd_text_comes_back_as_it_was(store, an_incident, text):
    stored = (await store.record(an_incident(text=text, words=(text, "b")))).incident
    assert (stored.text, stored.words) == (text, (text, "b"))


@pytest.mark.parametrize("odd", TEXTS.values(), ids=TEXTS)
async def test_odd_names_and_numbers_come_back_and_are_found(store, an_incident, odd, kind):
    if kind == "postgresql":
        # An index of a server takes no more; `test_server_failures` shows what it says then.
        odd = odd[:300]
    incident = an_incident(odd, author=odd, community=odd, channel=odd, revision=odd, category=odd, model_version=odd)
    stored = (await store.record(incident)).incident
    assert (stored.key, stored.author, stored.category) == (incident.key, odd, odd)
    assert not (await store.record(incident)).created
    assert [found.id for found in await store.find(IncidentQuery(author=odd, community=odd))] == [1]
    assert len((await store.history(odd, odd, incident.at)).strikes) == 1


async def test_two_names_that_differ_only_in_how_a_surrogate_is_written_are_two_names(store, an_incident):
    assert (await store.record(an_incident("\ud83d"))).created
    assert (await store.record(an_incident("\\ud83d"))).created


async def test_a_key_file_that_only_its_owner_reads_is_made_beside_the_database(opened, path):
    await opened()
    key_file = path.with_name("referee.key")
    assert key_file.stat().st_mode & 0o777 == 0o600
    Fernet(key_file.read_text().strip())
    assert not list(path.parent.glob(".referee.key*"))


async def test_only_its_owner_reads_a_new_database_and_the_files_beside_it(opened, an_incident, path):
    store = await opened()
    await store.record(an_incident())
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


async def test_the_key_file_is_used_again_and_can_lie_elsewhere(opened, an_incident, tmp_path, path):
    key_file = tmp_path / "secrets" / "content.key"
    store = await opened(key_file=key_file)
    await store.record(an_incident())
    await store.close()
    written = key_file.read_bytes()
    assert (await (await opened(key_file=key_file)).get(1)).text == an_incident().text
    assert key_file.read_bytes() == written
    assert not path.with_name("referee.key").exists()


async def test_keys_given_make_no_key_file(opened, path):
    await opened(keys=OLD)
    assert not path.with_name("referee.key").exists()


async def test_a_missing_key_file_is_an_error_and_no_new_one_is_made(opened, an_incident, path):
    store = await opened()
    await store.record(an_incident())
    await store.close()
    key_file = path.with_name("referee.key")
    key_file.rename(path.with_name("moved"))
    with pytest.raises(ContentKeyError, match="key is missing") as raised:
        await opened()
    assert str(key_file) in str(raised.value)
    assert not key_file.exists()


async def test_another_key_is_an_error_that_names_the_database(opened, path):
    await (await opened(keys=OLD)).close()
    with pytest.raises(ContentKeyError, match="another key") as raised:
        await opened(keys=OTHER)
    assert str(path) in str(raised.value)


DAMAGED = [b"", b"\n", b"not a key", OLD.encode()[:20], OLD.encode() + b",half", b"\xff\xfe\x00"]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
async def test_a_damaged_key_file_is_an_error_that_does_not_show_it(opened, path, content):
    path.parent.mkdir()
    path.with_name("referee.key").write_bytes(content)
    with pytest.raises(ContentKeyError, match=r"key file .*referee\.key is damaged") as raised:
        await opened()
    assert OLD[:20] not in str(raised.value)
    assert path.with_name("referee.key").read_bytes() == content


@pytest.mark.parametrize("keys", ["", " , ", "short"])
async def test_damaged_keys_in_the_settings_are_an_error(opened, keys):
    with pytest.raises(ContentKeyError, match="key in the settings is damaged"):
        await opened(keys=keys)


async def test_a_folder_in_place_of_the_key_file_is_an_error(opened, path):
    path.with_name("referee.key").mkdir(parents=True)
    with pytest.raises(ContentKeyError, match="cannot be read"):
        await opened()


async def test_a_key_file_that_is_a_link_to_nowhere_is_not_replaced(opened, path, tmp_path):
    path.parent.mkdir()
    key_file = path.with_name("referee.key")
    key_file.symlink_to(tmp_path / "not mounted" / "content.key")
    with pytest.raises(ContentKeyError, match=r"referee\.key cannot be read"):
        await opened()
    assert key_file.is_symlink()


async def test_a_key_file_that_cannot_be_made_is_an_error_that_names_it(opened, tmp_path):
    (tmp_path / "a file").write_text("")
    with pytest.raises(StoreReadOnly, match=r"a file/content\.key"):
        await opened(key_file=tmp_path / "a file" / "content.key")


def replace_content(path, number, token):
    with closing(sqlite3.connect(path)) as connection:
        (before,) = connection.execute("SELECT content FROM incidents WHERE id = ?", [number]).fetchone()
        connection.execute("UPDATE incidents SET content = ? WHERE id = ?", [token, number])
        connection.commit()
    return before


async def test_content_of_a_key_that_nobody_has_is_an_error_that_names_the_incident(opened, an_incident, path):
    store = await opened()
    await store.record(an_incident())
    replace_content(path, 1, Fernet(OTHER).encrypt(b"{}"))
    with pytest.raises(ContentKeyError, match="content of incident 1"):
        await store.get(1)

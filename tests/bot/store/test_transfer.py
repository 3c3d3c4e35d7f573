import gzip
import hashlib
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.community import Change, Community
from bot.domain import IncidentQuery, Outcome, Platform, Review, ReviewVerdict
from bot.errors import ContentKeyError, InputError, StoreDamaged, StoreError
from bot.store import open_stores
from bot.store.backup import back_up
from bot.store.transfer import Keys, export_to, import_from

HOUR = timedelta(hours=1)
KEY = Fernet.generate_key().decode()
KEYS = Keys(KEY, Path("none.key"))
ODD = "\0 \ud800\udc00 \\ \\u0000 ☃ \u202e ' \" \n"


def silent(_done, _total):
    """Show no progress."""


@pytest.fixture
async def stores_of():
    opened = []

    async def open_(url, keys=KEY):
        opened.append(await open_stores(url, keys=keys))
        return opened[-1]

    yield open_
    for each in opened:
        await each.close()


@pytest.fixture
def other_url(kind, tmp_path, request):
    """Return an empty database of the other kind."""
    return request.getfixturevalue("empty_postgres_url") if kind == "sqlite" else new_url(tmp_path, "other")


def new_url(folder, name):
    return f"sqlite+aiosqlite:///{folder / f'{name}.db'}"


async def used(stores, an_incident):
    """Leave something in every table, odd texts and a gap in the numbers among it."""
    at = an_incident().at
    for n in range(4):
        new = an_incident(
            f"m{n} {ODD}", author=f"ann {ODD}", text=f"you clown {ODD}", outcome=Outcome.DONE, clip_at=0.1
        )
        kept = (await stores.incidents.record(new)).incident
        await stores.cards.attach(kept, HOUR)
    await stores.incidents.record(an_incident("bare", text=None, words=(), created_at=at))
    await stores.incidents.review(Review(1, ReviewVerdict.RELABEL, "mod", at, "threat", f"no joke {ODD}"))
    await stores.incidents.review(Review(5, ReviewVerdict.CONFIRM, "mod", at, note="gone soon"))
    await stores.incidents.purge(at + HOUR, at + HOUR)
    await stores.cards.sent(1, "channel", "message")
    community = Community("arena", "1", "2", frozenset({"3"}), "{}", is_set_up=True, held_since=at)
    await stores.communities.save(community, Change("arena", "ann", at, "set up", ("a", ODD)))
    await stores.communities.note_seen("arena", {"lobby": "m1", "hall": "m2"})
    await stores.communities.remember("front", "end ☃")


async def everything(stores):
    incidents = await stores.incidents.find(IncidentQuery(limit=None))
    return {
        "incidents": incidents,
        "reviews": [await stores.incidents.reviews(n) for n in range(1, 6)],
        "cards": [await stores.cards.get(n) for n in range(1, 4)],
        "shown": [await stores.cards.of_incident(incident.id) for incident in incidents],
        "communities": await stores.communities.all(),
        "changes": await stores.communities.changes("arena"),
        "seen": await stores.communities.seen("arena"),
        "note": await stores.communities.recall("front"),
        "pending": await stores.incidents.pending(Platform.LOG, incidents[0].at + 999 * HOUR),
    }


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz", "all.db"])
async def test_everything_is_carried_into_the_other_kind_of_database(
    stores_of, an_incident, url, other_url, tmp_path, name
):
    stores = await stores_of(url)
    await used(stores, an_incident)
    file = tmp_path / name
    carry = back_up if name.endswith(".db") else export_to
    await carry(url, file, silent)

    done = await import_from(file, other_url, KEYS, silent)

    other = await stores_of(other_url)
    assert await everything(other) == await everything(stores)
    assert {table for table, count in done.rows.items() if count} == set(done.rows)
    new = (await other.incidents.record(an_incident("new"))).incident
    assert new.id == 6
    assert (await other.cards.attach(new, HOUR)).id == 2
    await other.incidents.review(Review(1, ReviewVerdict.CONFIRM, "mod", new.at))
    assert len(await other.incidents.reviews(1)) == 2


async def test_an_export_holds_no_readable_content_and_no_key(stores_of, an_incident, url, tmp_path):
    stores = await stores_of(url)
    await stores.incidents.record(an_incident(text="xyzzy-text", author="xyzzy-name"))
    await export_to(url, tmp_path / "all.jsonl", silent)
    assert b"xyzzy" not in (tmp_path / "all.jsonl").read_bytes()
    assert KEY.encode() not in (tmp_path / "all.jsonl").read_bytes()
    assert (tmp_path / "all.jsonl").stat().st_mode & 0o777 == 0o600


async def test_two_databases_are_never_mixed(stores_of, an_incident, url, other_url, tmp_path):
    stores, other = await stores_of(url), await stores_of(other_url)
    await stores.incidents.record(an_incident("m1"))
    await export_to(url, tmp_path / "all.jsonl", silent)
    await other.incidents.record(an_incident("other"))
    with pytest.raises(InputError, match="holds incidents already, and two databases are never mixed"):
        await import_from(tmp_path / "all.jsonl", other_url, KEYS, silent)
    assert [i.key.message for i in await other.incidents.find(IncidentQuery())] == ["other"]


async def test_a_database_that_was_opened_and_never_used_takes_an_import(
    stores_of, an_incident, url, other_url, tmp_path
):
    stores = await stores_of(url)
    await stores.incidents.record(an_incident("m1"))
    await export_to(url, tmp_path / "all.jsonl", silent)
    await (await stores_of(other_url, Fernet.generate_key().decode())).close()
    await import_from(tmp_path / "all.jsonl", other_url, KEYS, silent)
    assert (await (await stores_of(other_url)).incidents.get(1)).text == "you are a sock"


async def test_another_key_is_refused_before_anything_is_written(stores_of, an_incident, url, tmp_path):
    await (await stores_of(url)).incidents.record(an_incident())
    await export_to(url, tmp_path / "all.jsonl", silent)
    with pytest.raises(ContentKeyError, match="needs the key that it was sealed with"):
        await import_from(
            tmp_path / "all.jsonl",
            new_url(tmp_path, "new"),
            Keys(Fernet.generate_key().decode(), Path("none.key")),
            silent,
        )
    with pytest.raises(ContentKeyError, match=r"put its key file at .*new\.key"):
        await import_from(tmp_path / "all.jsonl", new_url(tmp_path, "new"), Keys(None, tmp_path / "new.key"), silent)
    assert not (tmp_path / "new.db").exists()


@pytest.fixture
async def exported(stores_of, an_incident, tmp_path):
    """Return the lines of an export that holds something of everything."""
    stores = await stores_of(new_url(tmp_path, "origin"))
    await used(stores, an_incident)
    await export_to(new_url(tmp_path, "origin"), tmp_path / "all.jsonl", silent)
    return (tmp_path / "all.jsonl").read_bytes().splitlines()


def proved(lines):
    """Return an export of these lines with the trailer that fits them, as somebody who means harm would make it."""
    body = b"".join(line + b"\n" for line in lines)
    trailer = {"rows": len(lines) - 1, "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(trailer).encode() + b"\n"


def edited(line, change):
    value = json.loads(line)
    changed = change(value)
    return json.dumps(value if changed is None else changed).encode()


def column(lines, table, name):
    return json.loads(lines[0])["tables"][table]["columns"].index(name) + 1


def with_value(table, name, value):
    def change(lines):
        place = column(lines, table, name)
        row = next(n for n, line in enumerate(lines) if line.startswith(f'["{table}"'.encode()))
        lines[row] = edited(lines[row], lambda values: values.__setitem__(place, value))

    return change


def with_header(change):
    def apply(lines):
        lines[0] = edited(lines[0], change)

    return apply


def doubled(lines):
    row = next(n for n, line in enumerate(lines) if line.startswith(b'["incidents"'))
    lines.insert(row, lines[row])
    with_header(lambda header: header["tables"]["incidents"].__setitem__("rows", 5))(lines)


def same_source(lines):
    rows = [n for n, line in enumerate(lines) if line.startswith(b'["incidents"')]
    number = json.loads(lines[rows[1]])[1]
    lines[rows[1]] = edited(lines[rows[0]], lambda values: values.__setitem__(1, number))


HOSTILE = {
    "an unknown column": with_header(lambda header: header["tables"]["incidents"]["columns"].append("more")),
    "an unknown table": with_header(lambda header: header["tables"].__setitem__("more", {})),
    "a table too few": with_header(lambda header: header["tables"].pop("seen")),
    "a newer schema": with_header(lambda header: header.__setitem__("schema", "9999")),
    "a schema that is a path": with_header(lambda header: header.__setitem__("schema", "../../x")),
    "a schema that is a list": with_header(lambda header: header.__setitem__("schema", [])),
    "another format": with_header(lambda header: header.__setitem__("referee_export", 99)),
    "counts that are words": with_header(lambda header: header["tables"]["seen"].__setitem__("rows", "2")),
    "counts below zero": with_header(lambda header: header["tables"]["seen"].__setitem__("rows", -2)),
    "too many rows announced": with_header(lambda header: header["tables"]["seen"].__setitem__("rows", 10**9)),
    "numbers that ran out": with_header(lambda header: header["tables"]["incidents"].__setitem__("last_number", 2)),
    "a number that is a word": with_value("incidents", "id", "1"),
    "a number that is true": with_value("incidents", "id", True),
    "a number below zero": with_value("incidents", "id", -1),
    "a number too large": with_value("incidents", "at", 2**63),
    "a moment after the last year": with_value("incidents", "at", 2**62),
    "a text that is a number": with_value("incidents", "community", 7),
    "a text that is a list": with_value("incidents", "community", ["x"]),
    "a lone surrogate": with_value("incidents", "community", "\ud800"),
    "a NUL": with_value("incidents", "community", "\0"),
    "a missing text": with_value("incidents", "community", None),
    "a state that nobody knows": with_value("incidents", "state", "banned"),
    "a verdict that nobody knows": with_value("reviews", "verdict", "x'); DROP TABLE incidents; --"),
    "categories that are no JSON": with_value("incidents", "categories", "{"),
    "categories that are a list": with_value("incidents", "categories", "[]"),
    "a category whose probability is a word": with_value("incidents", "categories", '{"insult": "high"}'),
    "a category whose probability is beyond all": with_value("incidents", "categories", '{"insult": 1e999}'),
    "a reason that is a number": with_value("incidents", "reasons", '["above 0.80", 5]'),
    "content that is no base64": with_value("incidents", "content", "%%%"),
    "content that is a number": with_value("incidents", "content", 1),
    "a flag that is a word": with_value("incidents", "strike", "yes"),
    "a number that is none": with_value("incidents", "toxic", float("nan")),
    "a row too short": lambda lines: lines.__setitem__(1, b'["incidents",1]'),
    "a row of a table that is not next": lambda lines: lines.__setitem__(1, b'["seen","a","b","c"]'),
    "no JSON": lambda lines: lines.__setitem__(2, b"nonsense"),
    "no ASCII": lambda lines: lines.__setitem__(2, b"\xff\xfe"),
    "an empty line": lambda lines: lines.insert(2, b""),
    "deep nesting": lambda lines: lines.__setitem__(2, b"[" * 100_000),
    "an object for a row": lambda lines: lines.__setitem__(2, b"{}"),
    "the same row twice": doubled,
    "the same message twice": same_source,
    "no note of the key": lambda lines: (
        lines.__delitem__(next(n for n, line in enumerate(lines) if b"content key check" in line)),
        with_header(lambda header: header["tables"]["meta"].__setitem__("rows", header["tables"]["meta"]["rows"] - 1))(
            lines
        ),
    ),
}


@pytest.mark.parametrize("harm", list(HOSTILE))
async def test_a_file_that_makes_no_sense_is_refused_and_leaves_nothing(exported, tmp_path, harm):
    lines = exported[:-1]
    HOSTILE[harm](lines)
    (tmp_path / "bad.jsonl").write_bytes(proved(lines))
    with pytest.raises(InputError, match=r"bad\.jsonl|Two rows are the same") as raised:
        await import_from(tmp_path / "bad.jsonl", new_url(tmp_path, "new"), KEYS, silent)
    assert len(str(raised.value)) < 400
    assert not (tmp_path / "new.db").exists()


async def test_what_proves_the_file_is_tried_on_one_that_is_right(exported, tmp_path):
    (tmp_path / "good.jsonl").write_bytes(proved(exported[:-1]))
    assert (await import_from(tmp_path / "good.jsonl", new_url(tmp_path, "new"), KEYS, silent)).rows["incidents"] == 4


CHANGED = {
    "cut after a line": lambda content: content[: content.rindex(b"\n", 0, len(content) // 2) + 1],
    "cut in a line": lambda content: content[: len(content) // 2],
    "cut before the last line end": lambda content: content[:-1],
    "without its trailer": lambda content: content[: content.rindex(b"\n", 0, -1) + 1],
    "with something after": lambda content: content + b"\n",
    "with one byte changed": lambda content: content.replace(b'"arena"', b'"arenb"', 1),
    "empty": lambda _content: b"",
    "an open line without end": lambda _content: b"[" * (9 << 20),
    "another file": lambda _content: b'{"hello": "world"}\n',
    "a picture": lambda _content: bytes(range(256)) * 20,
}


@pytest.mark.parametrize("how", list(CHANGED))
@pytest.mark.parametrize("packed", [False, True])
async def test_a_file_that_was_changed_or_cut_is_refused_and_leaves_nothing(exported, tmp_path, how, packed):
    content = CHANGED[how]((tmp_path / "all.jsonl").read_bytes())
    file = tmp_path / ("bad.jsonl.gz" if packed else "bad.jsonl")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError, match=r"bad\.jsonl"):
        await import_from(file, new_url(tmp_path, "new"), KEYS, silent)
    assert not (tmp_path / "new.db").exists()


async def test_a_packed_file_that_is_cut_or_none_is_refused(exported, tmp_path):
    packed = gzip.compress((tmp_path / "all.jsonl").read_bytes())
    for content in (packed[: len(packed) // 2], packed[:-4], b"not packed"):
        (tmp_path / "bad.jsonl.gz").write_bytes(content)
        with pytest.raises(InputError, match="not a whole gzip file"):
            await import_from(tmp_path / "bad.jsonl.gz", new_url(tmp_path, "new"), KEYS, silent)


async def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(exported, tmp_path):
    row = next(line for line in exported if line.startswith(b'["seen"'))
    header = edited(exported[0], lambda value: value["tables"]["seen"].__setitem__("rows", 10**7))
    others = [line for line in exported[1:-1] if not line.startswith((b'["seen"', b'["meta"'))]
    with gzip.open(tmp_path / "bad.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(b"\n".join([header, *others, *[row] * 800_000]))
    assert (tmp_path / "bad.jsonl.gz").stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"bad\.jsonl\.gz"):
        await import_from(tmp_path / "bad.jsonl.gz", new_url(tmp_path, "new"), KEYS, silent)


async def test_a_damaged_backup_is_refused(exported, tmp_path):
    await back_up(new_url(tmp_path, "origin"), tmp_path / "copy.db", silent)
    content = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "copy.db").write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match=r"copy\.db"):
        await import_from(tmp_path / "copy.db", new_url(tmp_path, "new"), KEYS, silent)
    assert not (tmp_path / "new.db").exists()


async def test_a_row_that_makes_no_sense_is_not_exported(stores_of, an_incident, tmp_path):
    stores = await stores_of(new_url(tmp_path, "origin"))
    await stores.incidents.record(an_incident())
    await stores.close()
    connection = sqlite3.connect(tmp_path / "origin.db")
    connection.execute("UPDATE incidents SET state = 'melted'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreDamaged, match="`state`"):
        await export_to(new_url(tmp_path, "origin"), tmp_path / "new.jsonl", silent)
    assert not (tmp_path / "new.jsonl").exists()


async def test_an_import_that_is_cut_short_leaves_nothing(exported, tmp_path):
    class Stopped(Exception):
        pass

    def told(done, total):
        if done > total / 2:
            raise Stopped

    with pytest.raises(Stopped):
        await import_from(tmp_path / "all.jsonl", new_url(tmp_path, "new"), KEYS, told)
    assert not list(tmp_path.glob("new.db*"))

"""A database moves to another key, or from the time before names were sealed, while it is in use."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from bot.community import ERASED, Change, Community
from bot.domain import Incident, IncidentQuery, Outcome, Review, ReviewVerdict
from bot.errors import ContentKeyError
from bot.store import Stores, open_stores
from bot.store.schema import incidents
from bot.store.sealed import INCIDENT_AUTHOR
from tests.bot.store.sealing import a_flag, as_before, cipher_of, everything_readable, put_back, raw_rows

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
BURST = timedelta(minutes=1)
TABLES = ("incidents", "reviews", "cards", "communities", "changes")
Open = Callable[..., Awaitable[Stores]]


@pytest.fixture
async def open_all(url: str):
    made: list[Stores] = []

    async def open_(keys: str) -> Stores:
        made.append(await open_stores(url, keys=keys))
        return made[-1]

    yield open_
    for stores in made:
        await stores.close()


async def fill(stores: Stores, an_incident: Callable[..., Incident], incidents_of_ann: int = 3) -> None:
    for n in range(1, incidents_of_ann + 1):
        stored = (await stores.incidents.record(an_incident(f"m{n}"))).incident
        await stores.incidents.finish(stored.id, Outcome.DONE, "deleted")
        await stores.incidents.review(Review(stored.id, ReviewVerdict.CONFIRM, "mia", AT, note="a note"))
        await stores.cards.attach(stored, BURST)
    change = Change("arena", "mia", AT, "made stricter", ("insult: flag -> delete",))
    await stores.communities.save(Community("arena", policy='{"preset": "strict"}'), change)


async def as_it_was(stores: Stores, an_incident: Callable[..., Incident], incidents_of_ann: int = 3) -> None:
    """Check that everything that `fill` wrote is read and found."""
    found = await stores.incidents.find(IncidentQuery(author="ann", community="arena", limit=None))
    assert [i.id for i in found] == list(range(incidents_of_ann, 0, -1))
    assert {(i.author, i.text, i.outcome_detail, i.decision.reasons, i.key.revision) for i in found} == {
        ("ann", an_incident().text, "deleted", an_incident().decision.reasons, "0")
    }
    assert len((await stores.incidents.history("arena", "ann", an_incident().at)).strikes) == incidents_of_ann
    assert len(await stores.incidents.find(IncidentQuery(reviewed_by="mia", limit=None))) == incidents_of_ann
    assert [(r.moderator, r.note) for r in await stores.incidents.reviews(1)] == [("mia", "a note")]
    assert not (await stores.incidents.record(an_incident("m1"))).created
    assert (await stores.cards.get(1)).author == "ann"
    assert [c.policy for c in await stores.communities.all()] == ['{"preset": "strict"}']
    (change,) = await stores.communities.changes("arena")
    assert (change.author, change.what, change.lines) == ("mia", "made stricter", ("insult: flag -> delete",))


async def test_with_a_new_first_key_the_database_works_at_once_and_writes_with_it(open_all: Open, an_incident):
    await fill(await open_all(OLD), an_incident)
    stores = await open_all(f"{NEW}, {OLD}")
    await as_it_was(stores, an_incident)

    await stores.incidents.record(an_incident("later"))

    author = (await raw_rows(stores.incidents, "incidents"))[-1]["author"]
    assert cipher_of(NEW).open_name(author, "incidents.author", "it") == "ann"
    assert len(await stores.incidents.find(IncidentQuery(author="ann"))) == 4


async def test_after_resealing_the_old_key_is_not_needed_and_before_it_is(open_all: Open, an_incident):
    await fill(await open_all(OLD), an_incident)
    stores = await open_all(f"{NEW},{OLD}")
    assert not await stores.incidents.is_resealed()
    with pytest.raises(ContentKeyError, match="another key"):
        await open_all(NEW)

    assert await stores.reseal() == 3 * len(("incident", "verdict", "card")) + len(("settings", "change"))

    assert await stores.incidents.is_resealed()
    await as_it_was(stores, an_incident)
    await as_it_was(await open_all(NEW), an_incident)
    with pytest.raises(ContentKeyError, match="another key"):
        await open_all(OLD)
    assert await (await open_all(NEW)).reseal() == 0


async def test_what_was_written_before_names_were_sealed_is_found_and_then_sealed(open_all: Open, an_incident):
    stores = await open_all(OLD)
    await fill(stores, an_incident)
    await put_back(stores, OLD)
    assert "'author': 'ann'" in await everything_readable(stores.incidents)

    stores = await open_all(OLD)
    await as_it_was(stores, an_incident)
    assert not await stores.incidents.is_resealed()
    await stores.reseal()

    left = await everything_readable(stores.incidents)
    assert [word for word in ("ann", "mia", "insult 0.90", "deleted", "strict") if f"'{word}" in left] == []
    await as_it_was(stores, an_incident)
    await as_it_was(await open_all(OLD), an_incident)


async def test_a_member_is_erased_in_whichever_form_their_name_is_stored(open_all: Open, an_incident):
    old = await open_all(OLD)
    await fill(old, an_incident)
    await put_back(old, OLD, 2)
    stores = await open_all(f"{NEW},{OLD}")
    await stores.incidents.record(an_incident("m4"))

    assert await stores.incidents.erase("arena", "ann") == 4

    found = await stores.incidents.find(IncidentQuery())
    assert {(i.author, i.text, i.key.revision, i.decision.reasons, i.outcome_detail) for i in found} == {
        (ERASED, None, "", (), "")
    }
    assert (await stores.cards.get(1)).author == ERASED


async def test_the_card_of_an_author_goes_on_in_whichever_form_their_name_is_stored(open_all: Open, an_incident):
    old = await open_all(OLD)
    card = await old.cards.attach((await old.incidents.record(an_incident("m1"))).incident, BURST)
    stores = await open_all(f"{NEW},{OLD}")
    stored = (await stores.incidents.record(an_incident("m2"))).incident
    assert (await stores.cards.attach(stored, BURST)).id == card.id


async def test_incidents_are_recorded_while_the_rest_is_resealed_and_progress_is_told(open_all: Open, an_incident):
    old = await open_all(OLD)
    await fill(old, an_incident, incidents_of_ann=60)
    stores = await open_all(f"{NEW},{OLD}")
    told: list[tuple[int, int]] = []
    recorded = 0

    async def meanwhile() -> None:
        nonlocal recorded
        while not resealing.done():
            assert (await stores.incidents.record(an_incident(f"meanwhile {recorded}"))).created
            assert not (await stores.incidents.record(an_incident(f"m{recorded % 60 + 1}"))).created
            recorded += 1

    resealing = asyncio.create_task(stores.reseal(lambda done, total: told.append((done, total))))
    await asyncio.gather(resealing, meanwhile())

    assert recorded >= 2
    assert told[-1][0] == told[-1][1] >= 120
    assert all(done <= total for done, total in told)
    only = await open_all(NEW)
    assert len(await only.incidents.find(IncidentQuery(author="ann", limit=None))) == 60 + recorded


async def test_resealing_that_was_cut_short_goes_on_later_and_asks_for_the_old_key_until_then(
    open_all: Open, an_incident
):
    old = await open_all(OLD)
    await fill(old, an_incident, incidents_of_ann=60)
    stores = await open_all(f"{NEW},{OLD}")
    begun = asyncio.Event()
    task = asyncio.create_task(stores.reseal(lambda _done, _total: begun.set()))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(ContentKeyError, match="another key"):
        await open_all(NEW)

    again = await open_all(f"{NEW},{OLD}")
    changed = await again.reseal()

    assert 0 < changed < 60 * 3 + 2
    await as_it_was(await open_all(NEW), an_incident, 60)


async def test_a_row_that_no_key_opens_is_named_and_the_old_key_stays_needed(open_all: Open, an_incident):
    old = await open_all(OLD)
    await fill(old, an_incident)
    async with old.incidents._database.writing() as connection:
        broken = update(incidents).where(incidents.c.id == 2).values(content=Fernet(OTHER).encrypt(b"{}"))
        await connection.execute(broken)
    stores = await open_all(f"{NEW},{OLD}")
    with pytest.raises(ContentKeyError, match="row 2 of incidents"):
        await stores.reseal()
    with pytest.raises(ContentKeyError, match="another key"):
        await open_all(NEW)


async def test_two_processes_with_their_keys_in_another_order_store_a_message_once(open_all: Open, an_incident):
    await open_all(OLD)
    one, two = await open_all(f"{OLD},{NEW}"), await open_all(f"{NEW},{OLD}")

    recorded = await asyncio.gather(
        *(stores.incidents.record(an_incident(f"m{n}")) for n in range(10) for stores in (one, two, one))
    )

    assert sum(each.created for each in recorded) == 10
    await asyncio.gather(one.reseal(), two.reseal())
    assert not (await one.incidents.record(an_incident("m1"))).created
    assert not (await two.incidents.record(an_incident("m1"))).created


async def test_a_process_without_the_new_key_stores_nothing_twice_but_says_what_to_do(open_all: Open, an_incident):
    left_behind = await open_all(OLD)
    await left_behind.incidents.record(an_incident("m1"))
    await (await open_all(f"{NEW},{OLD}")).incidents.record(an_incident("m2"))

    with pytest.raises(ContentKeyError, match="with both keys"):
        await left_behind.incidents.record(an_incident("m2"))

    assert len(await raw_rows(left_behind.incidents, "incidents")) == 2


async def test_a_process_without_the_new_key_seals_nothing_that_nobody_else_could_read(open_all: Open, an_incident):
    left_behind = await open_all(OLD)
    await fill(left_behind, an_incident)
    bare = (await left_behind.incidents.record(an_incident("m4"))).incident
    rotated = await open_all(f"{NEW},{OLD}")
    await rotated.reseal()
    before = [await raw_rows(rotated.incidents, table) for table in TABLES]

    for write in (
        left_behind.incidents.finish(bare.id, Outcome.DONE, "deleted"),
        left_behind.incidents.set_words(bare.id, ("sock",)),
        left_behind.incidents.review(Review(bare.id, ReviewVerdict.CONFIRM, "mia", AT)),
        left_behind.incidents.decide_first([Review(bare.id, ReviewVerdict.CONFIRM, "mia", AT)]),
        left_behind.incidents.erase("arena", "ann"),
        left_behind.incidents.purge(datetime.now(UTC), datetime.now(UTC)),
        left_behind.cards.attach(bare, BURST),
        left_behind.communities.save(Community("arena", policy="{}")),
    ):
        with pytest.raises(ContentKeyError):
            await write

    assert [await raw_rows(rotated.incidents, table) for table in TABLES] == before


async def test_what_somebody_wrote_with_an_older_first_key_after_all_was_sealed_is_sealed_too(
    open_all: Open, an_incident
):
    swapped, right = await open_all(f"{OLD},{NEW}"), await open_all(f"{NEW},{OLD}")
    await fill(swapped, an_incident)
    await right.reseal()
    assert await right.incidents.is_resealed()

    await swapped.communities.save(Community("late", policy="{}"))

    assert not await right.incidents.is_resealed()
    assert await right.reseal() == 1
    assert await right.incidents.is_resealed()
    assert "late" in {c.id for c in await (await open_all(NEW)).communities.all()}


async def test_with_an_older_key_given_everything_is_looked_through_though_it_counts_as_sealed(
    open_all: Open, an_incident
):
    stores = await open_all(f"{NEW},{OLD}")
    await fill(stores, an_incident)
    sealed = cipher_of(OLD).seal_name("ann", INCIDENT_AUTHOR)
    async with stores.incidents._database.writing() as connection:
        await connection.execute(update(incidents).where(incidents.c.id == 2).values(author=sealed))

    assert await stores.incidents.is_resealed()
    assert await stores.reseal() == 1
    await as_it_was(await open_all(NEW), an_incident)


async def test_a_key_file_that_others_may_read_is_warned_of(tmp_path: Path, caplog):
    key_file = tmp_path / "content.key"
    key_file.write_text(OLD)
    url = f"sqlite+aiosqlite:///{tmp_path}/referee.db"
    for mode, warned in ((0o600, False), (0o400, False), (0o640, True), (0o604, True)):
        key_file.chmod(mode)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await (await open_stores(url, key_file=key_file)).close()
        assert ("chmod 600" in caplog.text) is warned
        assert OLD not in caplog.text


NAME = st.text(st.characters(codec=None), max_size=20)
FORM = st.sampled_from(["plain", OLD, NEW, OTHER])


def form_of(name: str, form: str) -> str:
    return as_before(name) if form == "plain" else cipher_of(form).seal_name(name, INCIDENT_AUTHOR)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(NAME, FORM), min_size=1, max_size=8), st.data())
def test_a_name_finds_all_its_rows_and_no_others_whatever_they_are_stored_under(stored, data):
    asked = data.draw(st.sampled_from([name for name, _ in stored]))
    expected = {number for number, (name, _) in enumerate(stored, 1) if name == asked}

    async def check(folder: str) -> None:
        url, keys = f"sqlite+aiosqlite:///{folder}/referee.db", f"{NEW},{OLD},{OTHER}"
        stores = await open_stores(url, keys=keys)
        for number, (name, form) in enumerate(stored, 1):
            await stores.incidents.record(a_flag(str(number)))
            row = update(incidents).where(incidents.c.id == number).values(author=form_of(name, form))
            async with stores.incidents._database.writing() as connection:
                await connection.execute(row)
        await put_back(stores, OLD, -1)
        await stores.close()
        stores = await open_stores(url, keys=keys)
        try:
            for _ in ("before", "after"):
                found = await stores.incidents.find(IncidentQuery(author=asked, limit=None))
                assert ({i.id for i in found}, {i.author for i in found}) == (expected, {asked})
                await stores.reseal()
        finally:
            await stores.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(folder))

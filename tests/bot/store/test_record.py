import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain import Outcome, Platform, ReviewState
from bot.errors import InputError, StoreError, UnknownIncident
from tests.fakes.chat import LATER


async def test_an_incident_comes_back_as_it_was_with_a_number_and_a_time(store, an_incident):
    before = datetime.now(UTC)
    stored = (await store.record(an_incident())).incident
    assert stored.id == 1
    assert before <= stored.created_at <= datetime.now(UTC)
    assert stored == an_incident(id=1, created_at=stored.created_at)
    assert await store.get(1) == stored


async def test_a_second_delivery_changes_nothing_and_returns_what_was_stored(store, an_incident):
    first = await store.record(an_incident(text="one"))
    await store.finish(first.incident.id, Outcome.DONE)
    second = await store.record(an_incident(text="two", author="bob"))
    assert (first.created, second.created) == (True, False)
    assert second.incident == await store.get(first.incident.id)
    assert (second.incident.text, second.incident.author) == ("one", "ann")
    assert second.incident.outcome is Outcome.DONE


@pytest.mark.parametrize("part", ["message", "revision", "channel", "community"])
async def test_another_message_channel_community_or_revision_is_another_incident(store, an_incident, part):
    await store.record(an_incident())
    assert (await store.record(an_incident(**{part: "other"}))).created


async def test_the_number_on_a_new_incident_is_not_used(store, an_incident):
    assert (await store.record(an_incident(id=77))).incident.id == 1


async def test_many_tasks_recording_at_once_all_get_their_number(store, an_incident):
    recorded = await asyncio.gather(*(store.record(an_incident(f"m{n % 20}")) for n in range(60)))
    assert sum(entry.created for entry in recorded) == 20
    assert len({entry.incident.id for entry in recorded}) == 20


async def test_two_stores_racing_on_the_same_message_store_it_once(opened, an_incident):
    one, two = await opened(), await opened()
    recorded = await asyncio.gather(*(store.record(an_incident()) for store in (one, two, one, two, two)))
    assert sorted(entry.created for entry in recorded) == [False, False, False, False, True]
    assert {entry.incident.id for entry in recorded} == {1}
    assert (await one.counts())["open"] == 1


async def test_finishing_writes_the_outcome_and_takes_the_incident_off_the_pending_list(store, an_incident):
    for message in ("m1", "m2", "m3"):
        await store.record(an_incident(message))
    await store.record(an_incident("m4", outcome=Outcome.NOT_NEEDED))
    await store.finish(2, Outcome.REFUSED, "no permission to delete")
    assert [incident.id for incident in await store.pending(Platform.LOG, LATER)] == [1, 3]
    finished = await store.get(2)
    assert (finished.outcome, finished.outcome_detail) == (Outcome.REFUSED, "no permission to delete")


@pytest.mark.parametrize("number", [0, -1, 2, 2**63, 2**80, -(2**80)])
async def test_a_number_that_no_incident_has_is_an_unknown_incident(store, an_incident, number):
    await store.record(an_incident())
    with pytest.raises(UnknownIncident, match=f"no incident {number} "):
        await store.get(number)
    with pytest.raises(UnknownIncident):
        await store.finish(number, Outcome.DONE)


async def test_times_come_back_in_utc_to_the_microsecond(store, an_incident):
    at = datetime(2024, 5, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    stored = (await store.record(an_incident(at=at))).incident
    assert stored.at == at
    assert stored.at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(store, an_incident):
    with pytest.raises(InputError, match="no time zone"):
        await store.record(an_incident(at=an_incident().at.replace(tzinfo=None)))


async def test_counts_name_every_state(store, an_incident):
    await store.record(an_incident("m1"))
    await store.record(an_incident("m2", state=ReviewState.DISMISSED))
    await store.record(an_incident("m3"))
    assert await store.counts() == {"open": 2, "escalated": 0, "confirmed": 0, "dismissed": 1}


async def test_a_sound_file_checks_as_ok(store):
    assert await store.check() == "ok"


async def test_closing_finishes_what_was_asked_for_and_refuses_what_comes_later(opened, an_incident):
    store = await opened()
    writes = [asyncio.create_task(store.record(an_incident(f"m{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert all(write.done() for write in writes)
    assert all(write.result().created for write in writes)
    with pytest.raises(StoreError, match="closed already"):
        await store.record(an_incident("late"))
    await store.close()


async def test_a_cancelled_call_leaves_the_store_usable_and_no_connection_behind(store, an_incident):
    for delay in range(12):
        task = asyncio.create_task(store.record(an_incident(f"cancelled {delay}")))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await store.record(an_incident("after"))).created
    assert await store.check() == "ok"


async def test_the_words_of_an_incident_are_written_later_and_its_text_stays(store, an_incident):
    stored = (await store.record(an_incident("m1", words=(), clip_name="a.ogg"))).incident

    await store.set_words(stored.id, ("sock", "you"))
    await store.set_words(stored.id, ())
    await store.set_words(999, ("nobody",))

    found = await store.get(stored.id)
    assert (found.words, found.text, found.clip_name) == (("sock", "you"), stored.text, "a.ogg")


async def test_words_do_not_bring_back_what_was_erased(store, an_incident):
    stored = (await store.record(an_incident("m1"))).incident
    await store.erase(stored.key.community, stored.author)

    await store.set_words(stored.id, ("sock",))

    assert (await store.get(stored.id)).words == ()

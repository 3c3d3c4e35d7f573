"""Of a community that is left nothing stays, however much there was, and however often the work was cut short."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.community import Change, Community
from bot.domain import IncidentQuery, Platform, Review, ReviewVerdict
from bot.errors import StoreError
from bot.store import Stores, open_stores
from tests.bot.store.sealing import a_flag, after, raw_rows

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def stores(url: str) -> AsyncIterator[Stores]:
    opened = await open_stores(url)
    yield opened
    await opened.close()


async def flag(stores: Stores, community: str, message: str, platform: Platform = Platform.DISCORD) -> None:
    made = a_flag(message)
    key = replace(made.key, community=community, platform=platform)
    stored = (await stores.incidents.record(replace(made, key=key))).incident
    await stores.cards.attach(stored, timedelta(minutes=1))
    await stores.incidents.review(Review(stored.id, ReviewVerdict.CONFIRM, "mia", AT))


async def settle(stores: Stores, community: str) -> None:
    await stores.communities.save(Community(community), Change(community, "5", AT, "set up", ()))
    await stores.communities.note_seen(community, {"c": "9"})


async def test_much_is_dropped_in_small_steps_and_all_of_it(stores: Stores, copies):
    await flag(stores, "77", "m1")
    copies(1100)
    await flag(stores, "78", "other")
    for community in ("77", "78"):
        await settle(stores, community)

    assert await stores.communities.forget("77") == 1101

    left = {name: await raw_rows(stores.incidents, name) for name in ("incidents", "cards", "changes", "seen")}
    assert {name: {row["community"] for row in rows} for name, rows in left.items()} == {name: {"78"} for name in left}
    assert len(await raw_rows(stores.incidents, "reviews")) == 1
    assert await stores.communities.traces(Platform.DISCORD) == {"78"}


@pytest.mark.parametrize("step", ["incidents", "cards", "changes", "seen", "communities"])
async def test_what_was_cut_short_is_known_afterwards_and_done_when_asked_again(stores: Stores, step: str):
    await flag(stores, "77", "m1")
    await settle(stores, "77")
    with after(" ".join(("DELETE FROM", step)), 0), pytest.raises(StoreError):
        await stores.communities.forget("77")
    assert await stores.communities.traces(Platform.DISCORD) == {"77"}

    await stores.communities.forget("77")

    assert await stores.communities.traces(Platform.DISCORD) == frozenset()
    assert await stores.incidents.find(IncidentQuery()) == []


async def test_communities_without_settings_are_known_and_those_of_recorded_logs_are_not(stores: Stores):
    for n, community in enumerate(("90", "12", "55")):
        await flag(stores, community, f"m{n}")
    made = a_flag("log")
    log = replace(made, key=replace(made.key, community="a match", platform=Platform.LOG))
    await stores.incidents.record(log)
    await stores.communities.note_seen("66", {"c": "9"})

    assert await stores.communities.traces(Platform.DISCORD) == {"90", "12", "55", "66"}

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.community import ERASED, Card, Change, Community
from bot.domain import IncidentQuery, Outcome, Platform, Review, ReviewState, ReviewVerdict
from bot.store import Stores, open_stores

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
ARENA = Community("1", "10", "11", frozenset({"20", "21"}), '{"preset": "strict"}', True, AT)


@pytest.fixture
async def stores(url):
    opened = await open_stores(url)
    yield opened
    await opened.close()


def change(what: str, *lines: str, community: str = "1") -> Change:
    return Change(community, "5", AT, what, lines)


async def test_settings_come_back_as_they_were_and_the_last_ones_hold(stores: Stores):
    await stores.communities.save(ARENA)
    changed = replace(ARENA, review_channel=None, held_since=None, is_set_up=False)
    await stores.communities.save(changed, change("moved", "review channel: 10 -> none"))

    assert await stores.communities.all() == [changed]
    assert await stores.communities.changes("1") == [change("moved", "review channel: 10 -> none")]
    assert await stores.communities.changes("2") == []


async def test_changes_are_listed_newest_first_and_only_so_many(stores: Stores):
    for n in range(5):
        await stores.communities.save(ARENA, change(f"change {n}"))

    assert [each.what for each in await stores.communities.changes("1", 2)] == ["change 4", "change 3"]


async def test_a_community_that_is_left_leaves_nothing_behind_and_takes_nothing_of_another_along(stores, an_incident):
    for community in ("1", "2"):
        stored = (await stores.incidents.record(an_incident("m1", community=community))).incident
        await stores.incidents.review(Review(stored.id, ReviewVerdict.CONFIRM, "mia", AT))
        await stores.cards.attach(stored, timedelta(minutes=1))
        await stores.communities.save(Community(community), change("set up", community=community))
        await stores.communities.note_seen(community, {"c": "9"})

    assert await stores.communities.forget("1") == 1

    assert [each.id for each in await stores.communities.all()] == ["2"]
    assert [each.key.community for each in await stores.incidents.find(IncidentQuery())] == ["2"]
    assert (await stores.incidents.reviews(1), len(await stores.incidents.reviews(2))) == ([], 1)
    assert (await stores.cards.get(1), await stores.communities.seen("1")) == (None, {})
    assert await stores.communities.changes("1") == []
    assert (await stores.cards.get(2), await stores.communities.seen("2")) != (None, {})


async def test_where_watching_stopped_is_kept_by_channel(stores: Stores):
    await stores.communities.note_seen("1", {"a": "5", "b": "6"})
    await stores.communities.note_seen("1", {"a": "7"})
    await stores.communities.note_seen("1", {})
    await stores.communities.forget_channel("1", "b")

    assert await stores.communities.seen("1") == {"a": "7"}


async def test_notes_are_recalled_by_name_and_do_not_touch_what_the_store_keeps_of_itself(stores: Stores, url):
    await stores.communities.remember("check", "x")
    await stores.communities.remember("check", "y")
    assert await stores.communities.recall("check") == "y"
    assert await stores.communities.recall("other") is None
    await stores.close()

    again = await open_stores(url)
    assert await again.communities.recall("check") == "y"
    await again.close()


async def test_erasing_a_member_leaves_nobody_and_no_content_in_one_community(stores, an_incident):
    mine = (await stores.incidents.record(an_incident("m1", community="1", author="ann"))).incident
    other = (await stores.incidents.record(an_incident("m2", community="1", author="ben"))).incident
    elsewhere = (await stores.incidents.record(an_incident("m3", community="2", author="ann"))).incident
    card = await stores.cards.attach(mine, timedelta(minutes=1))
    await stores.incidents.review(Review(mine.id, ReviewVerdict.CONFIRM, "mia", AT, note="she said it"))
    for incident in (other, elsewhere):
        await stores.incidents.review(Review(incident.id, ReviewVerdict.REPORT, "ann", AT, note="look"))

    assert await stores.incidents.erase("1", "ann") == 1

    gone = await stores.incidents.get(mine.id)
    assert (gone.author, gone.text, gone.words, gone.clip_name) == (ERASED, None, (), None)
    assert "m1" not in gone.key.message
    assert (await stores.cards.get(card.id)).author == ERASED
    assert [review.note for review in await stores.incidents.reviews(mine.id)] == [""]
    assert [(r.moderator, r.note) for r in await stores.incidents.reviews(other.id)] == [(ERASED, "")]
    assert [(r.moderator, r.note) for r in await stores.incidents.reviews(elsewhere.id)] == [("ann", "look")]
    assert (await stores.incidents.get(other.id), await stores.incidents.get(elsewhere.id)) == (other, elsewhere)
    assert (await stores.incidents.history("1", "ann", AT - timedelta(days=9999))).strikes == ()
    assert await stores.incidents.erase("1", "ann") == 0


async def test_incidents_of_one_outburst_share_a_card_and_those_of_others_and_of_later_do_not(stores, an_incident):
    at = an_incident().at
    burst = timedelta(minutes=1)

    async def card_of(message: str, author: str = "ann", after: float = 0, community: str = "1") -> int:
        told = an_incident(message, author=author, at=at + timedelta(seconds=after), community=community)
        return (await stores.cards.attach((await stores.incidents.record(told)).incident, burst)).id

    first = await card_of("m1")
    assert await card_of("m2", after=50) == first
    assert await card_of("m3", after=100) == first, "each line carries the outburst on"
    others = {await card_of("m4", "ben"), await card_of("m5", community="2"), await card_of("m6", after=500)}
    assert len(others | {first}) == 4
    assert [i.key.message for i in await stores.cards.incidents(first)] == ["m1", "m2", "m3"]


async def test_what_was_said_long_before_an_outburst_does_not_join_its_card_nor_set_it_back(stores, an_incident):
    at, burst = an_incident().at, timedelta(minutes=1)

    async def card_of(message: str, after: float) -> Card:
        told = an_incident(message, at=at + timedelta(seconds=after))
        return await stores.cards.attach((await stores.incidents.record(told)).incident, burst)

    card = await card_of("m1", 0)
    assert (await card_of("m2", -3600)).id != card.id
    assert (await card_of("m3", 30)).id == card.id, "an older card that was made later takes nothing of this outburst"

    middle = await card_of("m4", -50)
    assert (middle.id, middle.last_at) == (card.id, at + timedelta(seconds=30))
    assert (await card_of("m5", 80)).id == card.id


async def test_a_card_is_behind_from_a_change_on_until_it_is_shown_as_it_is(stores, an_incident, url):
    burst = timedelta(minutes=1)

    async def add(message: str) -> Card:
        return await stores.cards.attach((await stores.incidents.record(an_incident(message))).incident, burst)

    card = await add("m1")
    assert await stores.cards.behind() == [], "what was not sent yet is sent, not brought up to date"
    await stores.cards.sent(card.id, "10", "99")
    await stores.cards.caught_up(card.id, await stores.cards.outdate(card.id))
    assert await stores.cards.behind() == []

    await add("m2")
    again = await open_stores(url)
    assert [each.id for each in await again.cards.behind()] == [card.id], "known to whoever starts next"
    await again.close()

    seen = await stores.cards.outdate(card.id)
    await add("m3")
    await stores.cards.caught_up(card.id, seen)
    assert [each.id for each in await stores.cards.behind()] == [card.id], "it changed while it was being shown"
    await stores.cards.caught_up(card.id, await stores.cards.outdate(card.id))
    assert await stores.cards.behind() == []
    assert await stores.cards.outdate(77) == 0


async def test_a_card_that_was_decided_or_is_full_takes_nothing_more(stores, an_incident):
    burst = timedelta(minutes=1)
    stored = (await stores.incidents.record(an_incident("m0"))).incident
    first = await stores.cards.attach(stored, burst)
    assert await stores.cards.attach(stored, burst) == first
    await stores.incidents.review(Review(stored.id, ReviewVerdict.CONFIRM, "mia", AT))

    cards = [
        (await stores.cards.attach((await stores.incidents.record(an_incident(f"m{n}"))).incident, burst)).id
        for n in range(1, 60)
    ]

    assert first.id not in cards
    assert max(cards.count(card) for card in cards) <= 25


async def test_a_card_is_unsent_until_it_was_sent_and_knows_why(stores, an_incident):
    stored = (await stores.incidents.record(an_incident("m1", community="1"))).incident
    card = await stores.cards.attach(stored, timedelta(minutes=1))

    await stores.cards.not_sent(card.id, "no permission")
    assert [each.trouble for each in await stores.cards.unsent("1")] == ["no permission"]
    assert (await stores.cards.unsent("2"), len(await stores.cards.unsent())) == ([], 1)

    await stores.cards.sent(card.id, "10", "99")
    assert await stores.cards.unsent() == []
    found = await stores.cards.of_incident(stored.id)
    assert (found.channel, found.message, found.trouble) == ("10", "99", "")


async def test_incidents_that_wait_and_have_no_card_are_found_by_platform(stores, an_incident):
    discord = replace(an_incident("m1").key, platform=Platform.DISCORD)
    for key, state in ((discord, ReviewState.OPEN), (replace(discord, message="m2"), ReviewState.CONFIRMED)):
        await stores.incidents.record(replace(an_incident(), key=key, state=state))
    await stores.incidents.record(an_incident("m3"))

    assert [each.key.message for each in await stores.cards.without_card(Platform.DISCORD)] == ["m1"]


async def test_pending_actions_are_those_of_one_platform_from_before_a_moment(stores, an_incident):
    old, new = AT, AT + timedelta(hours=1)
    key = replace(an_incident("m1").key, platform=Platform.DISCORD)
    await stores.incidents.record(replace(an_incident(), key=key, created_at=old))
    await stores.incidents.record(replace(an_incident(), key=replace(key, message="m2"), created_at=new))
    await stores.incidents.record(an_incident("m3", created_at=old))

    assert [i.key.message for i in await stores.incidents.pending(Platform.DISCORD, new)] == ["m1"]


async def test_of_two_verdicts_at_once_the_first_is_kept_and_the_second_is_not(stores, an_incident):
    stored = (await stores.incidents.record(an_incident("m1", outcome=Outcome.DONE))).incident
    confirm, dismiss = (Review(stored.id, v, v.value, AT) for v in (ReviewVerdict.CONFIRM, ReviewVerdict.DISMISS))

    assert await stores.incidents.decide_first([confirm]) == [confirm]
    assert await stores.incidents.decide_first([dismiss]) == []
    assert await stores.incidents.decide_first([replace(dismiss, incident_id=77)]) == []
    assert [review.moderator for review in await stores.incidents.reviews(stored.id)] == ["confirm"]
    assert (await stores.incidents.get(stored.id)).state is ReviewState.CONFIRMED


async def test_escalating_keeps_an_incident_waiting_and_taking_over_leaves_its_state(stores, an_incident):
    stored = (await stores.incidents.record(an_incident("m1"))).incident

    taken = await stores.incidents.review(Review(stored.id, ReviewVerdict.TAKE_OVER, "mia", AT))
    assert taken.state is ReviewState.OPEN
    escalated = await stores.incidents.review(Review(stored.id, ReviewVerdict.ESCALATE, "mia", AT))
    assert escalated.state is ReviewState.ESCALATED
    assert [i.id for i in await stores.incidents.find(IncidentQuery(waiting=True))] == [stored.id]
    assert [i.id for i in await stores.incidents.find(IncidentQuery(reviewed_by="mia"))] == [stored.id]
    assert await stores.incidents.find(IncidentQuery(reviewed_by="ben")) == []

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Outcome, Review, ReviewState, ReviewVerdict
from bot.errors import InputError, UnknownIncident

NOW = datetime(2024, 5, 2, tzinfo=UTC)


def a_review(verdict: ReviewVerdict, incident_id: int = 1, **changes) -> Review:
    return Review(incident_id, verdict, "mod", NOW, **changes)


@pytest.mark.parametrize(
    ("verdict", "category", "state", "final"),
    [
        (ReviewVerdict.CONFIRM, None, ReviewState.CONFIRMED, None),
        (ReviewVerdict.DISMISS, None, ReviewState.DISMISSED, None),
        (ReviewVerdict.RELABEL, "threat", ReviewState.CONFIRMED, "threat"),
        (ReviewVerdict.REOPEN, None, ReviewState.OPEN, None),
    ],
)
async def test_a_verdict_moves_the_incident_to_its_state(store, an_incident, verdict, category, state, final):
    await store.record(an_incident())
    after = await store.review(a_review(verdict, category=category))
    assert (after.state, after.final_category) == (state, final)
    assert await store.get(1) == after


async def test_reopening_clears_the_category_that_a_relabel_gave(store, an_incident):
    await store.record(an_incident())
    await store.review(a_review(ReviewVerdict.RELABEL, category="threat"))
    confirmed = await store.review(a_review(ReviewVerdict.CONFIRM))
    reopened = await store.review(a_review(ReviewVerdict.REOPEN))
    assert (confirmed.category, reopened.category) == ("threat", "insult")


async def test_every_verdict_is_kept_in_order(store, an_incident):
    await store.record(an_incident())
    given = [
        a_review(ReviewVerdict.CONFIRM, note="clear 🎯"),
        a_review(ReviewVerdict.DISMISS),
        a_review(ReviewVerdict.RELABEL, category="threat", note="on appeal"),
    ]
    for review in given:
        await store.review(review)
    assert list(await store.reviews(1)) == given
    assert list(await store.reviews(2)) == []
    assert list(await store.reviews(2**70)) == []


async def test_a_verdict_on_no_incident_is_refused_and_not_kept(store):
    with pytest.raises(UnknownIncident):
        await store.review(a_review(ReviewVerdict.CONFIRM, incident_id=9))
    assert list(await store.reviews(9)) == []


async def test_a_relabel_without_a_category_changes_nothing(store, an_incident):
    await store.record(an_incident())
    with pytest.raises(InputError, match="needs a category"):
        await store.review(a_review(ReviewVerdict.RELABEL))
    assert (await store.get(1)).state is ReviewState.OPEN
    assert list(await store.reviews(1)) == []


async def test_a_verdict_that_cannot_be_kept_leaves_the_incident_as_it_was(store, an_incident, path):
    await store.record(an_incident())
    with pytest.raises(InputError, match="no time zone"):
        await store.review(Review(1, ReviewVerdict.DISMISS, "mod", NOW.replace(tzinfo=None)))
    assert (await store.get(1)).state is ReviewState.OPEN


async def test_history_counts_strikes_that_stand_and_what_moderators_confirmed(store, an_incident):
    at = an_incident().at
    for message, strike in [("stands", True), ("dismissed", True), ("no strike", False), ("confirmed", False)]:
        await store.record(an_incident(message, strike=strike, at=at))
        at += timedelta(hours=1)
    await store.review(a_review(ReviewVerdict.DISMISS, 2))
    await store.review(a_review(ReviewVerdict.RELABEL, 4, category="threat"))
    history = await store.history("arena", "ann", an_incident().at)
    assert [(strike.category, strike.at.hour) for strike in history.strikes] == [("insult", 12), ("threat", 15)]


async def test_history_is_of_one_author_in_one_community_since_a_moment_oldest_first(store, an_incident):
    at = an_incident().at
    await store.record(an_incident("later", at=at + timedelta(hours=1)))
    await store.record(an_incident("on the moment", at=at))
    await store.record(an_incident("before", at=at - timedelta(microseconds=1)))
    await store.record(an_incident("other author", author="bob"))
    await store.record(an_incident("other community", community="castle"))
    history = await store.history("arena", "ann", at)
    assert [strike.at for strike in history.strikes] == [at, at + timedelta(hours=1)]


async def test_whoever_writes_an_outcome_is_told_what_was_said_of_it_by_then(store, an_incident):
    await store.record(an_incident())
    assert await store.finish(1, Outcome.DONE) is ReviewState.OPEN
    await store.review(a_review(ReviewVerdict.DISMISS))
    assert await store.finish(1, Outcome.UNDONE, "taken back") is ReviewState.DISMISSED
    with pytest.raises(UnknownIncident):
        await store.finish(2, Outcome.DONE)

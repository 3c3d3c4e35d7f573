import re
import sqlite3
from datetime import timedelta

import pytest

from bot.domain import IncidentQuery, Platform, Review, ReviewState, ReviewVerdict
from tests.fakes.chat import LATER


@pytest.fixture
async def ten(store, an_incident):
    """Hold ten incidents an hour apart, of three authors in two communities."""
    for n in range(10):
        await store.record(
            an_incident(
                f"m{n}",
                author=("ann", "bob", "cid")[n % 3],
                community="arena" if n < 6 else "castle",
                category="insult" if n % 2 else "threat",
                at=an_incident().at + timedelta(hours=n),
            )
        )
    return store


async def numbers(store, query):
    return [incident.id for incident in await store.find(query)]


async def streamed(store, query):
    return [incident.id async for incident in store.stream(query)]


QUERIES = [
    (IncidentQuery(), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    (IncidentQuery(limit=None), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    (IncidentQuery(limit=3), [10, 9, 8]),
    (IncidentQuery(limit=3, before_id=8), [7, 6, 5]),
    (IncidentQuery(before_id=2**70, limit=2**70), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    (IncidentQuery(limit=0), []),
    (IncidentQuery(limit=-1), []),
    (IncidentQuery(before_id=-(2**70)), []),
    (IncidentQuery(author="ann"), [10, 7, 4, 1]),
    (IncidentQuery(community="castle"), [10, 9, 8, 7]),
    (IncidentQuery(author="ann", community="castle"), [10, 7]),
    (IncidentQuery(category="threat", limit=2), [9, 7]),
    (IncidentQuery(author="nobody"), []),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
async def test_a_query_finds_newest_first_and_streams_the_same_oldest_first(ten, query, expected):
    assert await numbers(ten, query) == expected
    assert await streamed(ten, query) == expected[::-1]


async def test_since_is_included_and_until_is_not(ten, an_incident):
    at = an_incident().at
    query = IncidentQuery(since=at + timedelta(hours=2), until=at + timedelta(hours=4))
    assert await numbers(ten, query) == [4, 3]


async def test_state_and_category_follow_the_moderators(ten, an_incident):
    await ten.review(Review(1, ReviewVerdict.RELABEL, "mod", an_incident().at, category="spam"))
    assert await numbers(ten, IncidentQuery(category="spam")) == [1]
    assert await numbers(ten, IncidentQuery(category="threat")) == [9, 7, 5, 3]
    assert await numbers(ten, IncidentQuery(state=ReviewState.CONFIRMED)) == [1]


async def test_a_stream_reads_page_by_page_and_leaves_out_what_is_recorded_meanwhile(
    store, an_incident, copies, statements
):
    await store.record(an_incident())
    copies(249)
    statements.clear()
    seen = []
    async for incident in store.stream(IncidentQuery(limit=None)):
        seen.append(incident.id)
        if incident.id == 1:
            await store.record(an_incident("meanwhile"))
    assert seen == list(range(1, 251))
    # At what place among the parameters the limit is differs between the databases.
    assert [100 in parameters for sql, parameters in statements if "BETWEEN" in sql] == [True] * 3


async def test_a_stream_that_is_not_read_to_its_end_holds_no_connection(ten, an_incident):
    streams = [ten.stream(IncidentQuery()) for _ in range(10)]
    for stream in streams:
        assert (await anext(stream)).id == 1
    assert (await ten.record(an_incident("more"))).created
    for stream in streams:
        await stream.aclose()


def plan_of(path, statement, parameters):
    connection = sqlite3.connect(path)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    return [row[3] for row in rows]


async def test_history_pending_pages_and_purges_are_answered_from_an_index(ten, an_incident, path, statements):
    at = an_incident().at
    asked = {
        "ix_incidents_author (author=? AND community=? AND at>?)": ten.history("arena", "ann", at),
        "ix_incidents_outcome (outcome=?)": ten.pending(Platform.LOG, LATER),
        "SCAN incidents": ten.find(IncidentQuery()),
        "ix_incidents_category (<expr>=? AND id<?)": ten.find(IncidentQuery(before_id=5, category="insult")),
        "ix_incidents_state (state=?)": ten.find(IncidentQuery(state=ReviewState.OPEN)),
        "ix_reviews_incident (incident_id=?)": ten.reviews(1),
    }
    for index, question in asked.items():
        statements.clear()
        await question
        plan = plan_of(path, *statements[-1])
        # A page with no condition walks the table itself, which lies in the order of the numbers.
        assert any(index in step for step in plan), plan
        assert [step for step in plan if step.startswith("SCAN") and index not in step] == []


async def test_a_purge_finds_its_rows_through_an_index(ten, an_incident, path, statements):
    statements.clear()
    await ten.purge(an_incident().at, an_incident().at)
    asked = [plan_of(path, *entry) for entry in statements if entry[0].startswith(("SELECT incidents", "UPDATE"))]
    named = [re.search(r"INDEX (ix_\w+)", " ".join(plan)) for plan in asked]
    assert [found and found[1] for found in named] == [
        "ix_incidents_created",
        "ix_incidents_content",
        "ix_reviews_note",
    ], asked
    assert not [step for plan in asked for step in plan if step.startswith("SCAN")]


async def test_an_authors_past_is_what_a_search_finds_with_nothing_unsealed(ten, an_incident):
    await ten.review(Review(7, ReviewVerdict.RELABEL, "mod", LATER, category="spam"))
    await ten.review(Review(4, ReviewVerdict.DISMISS, "mod", LATER))
    since = an_incident().at + timedelta(hours=1)
    for community, most in (("arena", 200), ("arena", 1), ("castle", 200)):
        query = IncidentQuery(author="ann", community=community, since=since, limit=most)
        found = [(each.id, each.category, each.state) for each in await ten.find(query)]

        past = await ten.past(community, "ann", since, most)
        assert [(each.id, each.category, each.state) for each in past] == found
        assert found

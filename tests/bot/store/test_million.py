"""What is asked of the database costs the same in a large one as in a small one.

Nothing here looks at a clock: SQLite counts the steps of its virtual machine, and says how it goes about a question.
"""

import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from bot.community import Change, Community
from bot.domain import IncidentQuery, Outcome, Platform, Review, ReviewState, ReviewVerdict
from bot.store import open_stores

FEW, MANY = 500, 10_000
HOUR = timedelta(hours=1)
WALKS_FROM_THE_NEWEST = "SCAN incidents"
FEW_ROWS = ("ix_cards_behind", "ix_cards_unsent")
"""Indexes of the few cards that are still to be shown."""


def multiply(path, times):
    """Add copies of incident 1, its card and its verdict, as an old and busy community would have left them."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(incidents)")]
        changed = {
            "id": "100 + n",
            "message": "'copy ' || n",
            "at": "at - n * 3600000000",
            "created_at": "created_at - n * 3600000000",
            "state": "'confirmed'",
            "outcome": "'done'",
            "card": "100 + n",
        }
        _insert(connection, "incidents", names, changed, times)
        names = [row[1] for row in connection.execute("PRAGMA table_info(cards)")]
        _insert(connection, "cards", names, {"id": "100 + n", "message": "'card ' || n", "behind": "0"}, times)
        names = [row[1] for row in connection.execute("PRAGMA table_info(reviews)")]
        at = "at - n * 3600000000"
        _insert(connection, "reviews", names, {"id": "100 + n", "incident_id": "100 + n", "at": at}, times)
        connection.commit()


def _insert(connection, table, names, changed, times):
    values = ", ".join(changed.get(name, name) for name in names)
    counted = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?) "
    into = f"INSERT INTO {table} ({', '.join(names)}) {counted} SELECT {values} FROM {table}, count WHERE id = 1"  # noqa: S608
    connection.execute(into, (times,))


def _copied(path):
    """Return a copy of the database as it is now, which what is done to the database does not change."""
    copy = path.with_suffix(".copy")
    with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(copy)) as other:
        connection.backup(other)
    return copy


@pytest.fixture
async def filled(tmp_path, an_incident):
    """Make a database with so many incidents of the city, and of the village always the same few."""
    stores = []

    async def fill(times):
        path = tmp_path / f"{times}.db"
        made = await open_stores(f"sqlite+aiosqlite:///{path}", key_file=tmp_path / "referee.key")
        stores.append(made)
        for n, (community, author) in enumerate([("city", "bob"), *[("village", "ann")] * 3, ("village", "cid")]):
            new = an_incident(f"m{n}", community=community, author=author, outcome=Outcome.DONE)
            kept = (await made.incidents.record(new)).incident
            await made.cards.attach(kept, HOUR)
            if author != "cid":
                verdict = ReviewVerdict.CONFIRM if n < 3 else ReviewVerdict.DISMISS
                await made.incidents.review(Review(kept.id, verdict, f"mod of {community}", new.at, note="seen"))
        multiply(path, times)
        return made, _copied(path)

    yield fill
    for each in stores:
        await each.close()


def questions(stores, an_incident):
    """Yield everything that a running bot asks for or does, by name; none is about all that there is."""
    incidents, cards, communities = stores.incidents, stores.cards, stores.communities
    at = an_incident().at
    village = IncidentQuery(community="village", platform=Platform.DISCORD)
    lists = {
        "the newest": IncidentQuery(),
        "a deep page": IncidentQuery(before_id=90, limit=3),
        "a community": IncidentQuery(community="village"),
        "a page of a large community": IncidentQuery(community="city", before_id=300),
        "no such community": IncidentQuery(community="nowhere"),
        "a community's platform": village,
        "what waits": IncidentQuery(community="village", waiting=True),
        "what waits where nothing does": IncidentQuery(community="city", waiting=True),
        "a state": IncidentQuery(state=ReviewState.DISMISSED),
        "a community's state": IncidentQuery(community="city", state=ReviewState.DISMISSED),
        "a category": IncidentQuery(category="insult"),
        "no such category": IncidentQuery(category="nothing"),
        "a community's category": IncidentQuery(community="city", category="nothing"),
        "an author": IncidentQuery(author="ann"),
        "a community's author": IncidentQuery(author="ann", community="village"),
        "an author lately": IncidentQuery(author="ann", community="village", since=at - HOUR),
        "a moderator": IncidentQuery(reviewed_by="mod of village"),
        "a moderator's page": IncidentQuery(reviewed_by="mod of village", community="village", before_id=3),
        "lately": IncidentQuery(since=at - HOUR),
        "not yet": IncidentQuery(since=at + HOUR),
        "long ago": IncidentQuery(until=at - (FEW - 3) * HOUR, since=at - (FEW + 1) * HOUR),
        "a community lately": IncidentQuery(community="city", since=at - HOUR),
        "a community lately, paged": IncidentQuery(community="city", since=at - HOUR, before_id=300),
        "a community's state lately": IncidentQuery(community="village", state=ReviewState.OPEN, since=at - HOUR),
    }
    for name, query in lists.items():
        yield name, lambda query=query: incidents.find(query)
    yield "history", lambda: incidents.history("village", "ann", at - HOUR)
    yield "pending", lambda: incidents.pending(Platform.LOG, at + 9999 * HOUR)
    yield "half dismissed", lambda: incidents.half_dismissed(Platform.LOG, at - HOUR, at + HOUR)
    yield "one incident", lambda: incidents.get(2)
    yield "its verdicts", lambda: incidents.reviews(2)
    yield "a verdict", lambda: incidents.review(Review(2, ReviewVerdict.CONFIRM, "mod", at, note="again"))
    yield "an outcome", lambda: incidents.finish(2, Outcome.REFUSED, "no permission")
    yield "words", lambda: incidents.set_words(2, ["sock"])
    yield "a new incident", lambda: incidents.record(an_incident("new", community="village", author="ann"))
    yield "the same again", lambda: incidents.record(an_incident("new", community="village", author="ann"))
    yield "a card", lambda: cards.get(1)
    yield "a card's incidents", lambda: cards.incidents(2)
    yield "an incident's card", lambda: cards.of_incident(2)
    yield "a card sent", lambda: cards.sent(2, "channel", "message")
    yield "a card not sent", lambda: cards.not_sent(2, "no permission")
    yield "a card outdated", lambda: cards.outdate(2)
    yield "a card caught up", lambda: cards.caught_up(2, 1)
    yield "cards behind", cards.behind
    yield "cards not sent", cards.unsent
    yield "a community's cards not sent", lambda: cards.unsent("village")
    yield "what has no card", lambda: cards.without_card(Platform.LOG)
    yield "settings", communities.all
    yield "settings kept", lambda: communities.save(Community("village"), Change("village", "ann", at, "x", ("y",)))
    yield "changes", lambda: communities.changes("village")
    yield "seen", lambda: communities.seen("village")
    yield "seen noted", lambda: communities.note_seen("village", {"lobby": "m1"})
    yield "a purge of nothing", lambda: incidents.purge(at - 99_999 * HOUR, at - 99_999 * HOUR, within_s=0)


async def attached(stores, an_incident):
    """Put one more incident on a card."""
    new = an_incident("attached", community="village", author="dan", at=an_incident().at + 9 * HOUR)
    await stores.cards.attach((await stores.incidents.record(new)).incident, HOUR)


def steps_of(path, statements):
    """Return how many steps SQLite takes for the statements, undoing what they change."""
    taken = 0

    def step():
        nonlocal taken
        taken += 1

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.set_progress_handler(step, 10)
        for sql, parameters in statements:
            many = isinstance(parameters, list)
            (connection.executemany if many else connection.execute)(sql, parameters).fetchall()
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    return taken * 10


def told(statements):
    """Return the statements that ask or change something, without those that open a transaction."""
    return [(sql, parameters) for sql, parameters in statements if not re.match("BEGIN|PRAGMA|VACUUM", sql)]


async def asked_of(stores, an_incident, statements):
    """Return the statements of each question."""
    asked = {}
    for name, ask in [*questions(stores, an_incident), ("a card for one more", lambda: attached(stores, an_incident))]:
        statements.clear()
        await ask()
        asked[name] = told(statements)
    statements.clear()
    await stores.incidents.erase("village", "cid")
    asked["erasing a member"] = told(statements)
    statements.clear()
    await stores.communities.forget("village")
    asked["leaving a community"] = told(statements)
    return asked


async def test_nothing_a_running_bot_asks_takes_more_steps_where_there_is_twenty_times_as_much(
    filled, an_incident, statements
):
    small, small_path = await filled(FEW)
    large, large_path = await filled(MANY)
    few = await asked_of(small, an_incident, statements)
    many = await asked_of(large, an_incident, statements)
    counts = {name: (steps_of(small_path, few[name]), steps_of(large_path, many[name])) for name in few}
    grown = {name: taken for name, taken in counts.items() if taken[1] > 1.5 * taken[0] + 500}
    assert grown == {}


async def test_no_question_reads_a_whole_table(filled, an_incident, statements):
    stores, path = await filled(FEW)
    asked = await asked_of(stores, an_incident, statements)
    assert len(asked) > 50
    with closing(sqlite3.connect(path)) as connection:
        for name, found in asked.items():
            for sql, parameters in found:
                one = parameters[0] if isinstance(parameters, list) else parameters
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", one)]
                scans = [line for line in plan if re.match(r"SCAN (incidents|reviews|cards)\b", line)]
                scans = [line for line in scans if not line.endswith(FEW_ROWS)]
                # The list of the newest of all walks down the table, and stops when it has enough.
                allowed = [WALKS_FROM_THE_NEWEST] if name == "the newest" else []
                assert scans in (allowed, []), (name, sql, plan)


async def test_no_question_reads_a_whole_table_on_postgresql_either(postgres_url, an_incident, statements, tmp_path):
    stores = await open_stores(postgres_url, key_file=tmp_path / "referee.key")
    try:
        for n, (community, author) in enumerate([("city", "bob"), *[("village", "ann")] * 3, ("village", "cid")]):
            new = an_incident(f"m{n}", community=community, author=author, outcome=Outcome.DONE)
            await stores.cards.attach((await stores.incidents.record(new)).incident, HOUR)
        asked = await asked_of(stores, an_incident, statements)
        async with stores.database.reading() as connection:
            # A small table is read as a whole whatever indexes there are, unless that is made dear.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            for name, found in asked.items():
                for sql, parameters in found:
                    if re.match("SELECT|UPDATE|DELETE|INSERT", sql) and " FROM pg_" not in sql:
                        one = parameters[0] if isinstance(parameters, list) else parameters
                        plan = await connection.exec_driver_sql(f"EXPLAIN {sql}", one)
                        scans = [line for line in plan.scalars() if re.search(SCANS, line)]
                        assert scans == [], (name, sql)
    finally:
        await stores.close()


SCANS = r"Seq Scan on (incidents|reviews|cards)\b"

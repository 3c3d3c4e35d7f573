"""The questions asked of the incident table; each is answered from an index."""

from collections.abc import Iterator

from sqlalchemy import Executable, and_, delete, func, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import REPORTED, UNCHECKED, IncidentQuery, Outcome, Platform, ReviewState, ReviewVerdict, SourceKey
from bot.store.rows import key_values, to_micros
from bot.store.schema import incidents, reviews

MAX_ID = 2**63 - 1
"""The largest number that SQLite can hold."""

PURGE_CHUNK = 500
"""Rows purged in one transaction, so that a purge never holds up an incident for long."""

_category = func.coalesce(incidents.c.final_category, incidents.c.category).label("category")


def of_id(incident_id: int) -> ColumnElement[bool]:
    """Return the condition that names one incident; a number beyond what SQLite can hold names none."""
    return incidents.c.id == _bounded(incident_id)


def of_key(key: SourceKey) -> Executable:
    """Select the incident of one revision of one message."""
    return select(incidents).where(*(incidents.c[name] == value for name, value in key_values(key).items()))


def pending(platform: Platform, before_micros: int) -> Executable:
    """Select a platform's incidents created before a moment whose action is not finished, oldest first."""
    row = incidents.c
    left = (row.outcome == Outcome.PENDING.value, row.platform == platform.value, row.created_at < before_micros)
    return select(incidents).where(*left).order_by(row.id)


def strikes(community: str, author: str, since_micros: int) -> Executable:
    """Select category and time of what counts against an author, oldest first."""
    state = incidents.c.state
    counted = and_(incidents.c.strike.is_(true()), state != ReviewState.DISMISSED.value)
    confirmed = and_(state == ReviewState.CONFIRMED.value, _category.not_in((UNCHECKED, REPORTED)))
    return (
        select(_category, incidents.c.at)
        .where(incidents.c.author == author, incidents.c.community == community, incidents.c.at >= since_micros)
        .where(or_(counted, confirmed))
        .order_by(incidents.c.at)
    )


def newest_first(query: IncidentQuery) -> Executable:
    """Select what the query names, newest first."""
    return select(incidents).where(*_conditions(query)).order_by(incidents.c.id.desc()).limit(_limit(query))


def span(query: IncidentQuery) -> Executable:
    """Select the lowest and the highest number among what the query names."""
    numbers = select(incidents.c.id).where(*_conditions(query)).order_by(incidents.c.id.desc()).limit(_limit(query))
    named = numbers.subquery()
    return select(func.min(named.c.id), func.max(named.c.id))


def oldest_first(query: IncidentQuery, first: int, last: int, limit: int) -> Executable:
    """Select up to `limit` of what the query names between two numbers, oldest first."""
    inside = incidents.c.id.between(first, last)
    return select(incidents).where(inside, *_conditions(query)).order_by(incidents.c.id).limit(limit)


def state_of(incident_id: int) -> Executable:
    """Select where an incident stands."""
    return select(incidents.c.state).where(of_id(incident_id))


def verdicts(incident_id: int) -> Executable:
    """Select what moderators said of an incident, oldest first."""
    return select(reviews).where(reviews.c.incident_id == _bounded(incident_id)).order_by(reviews.c.id)


def drop_content(before_micros: int) -> Executable:
    """Clear the content of a chunk of the incidents created before a moment."""
    old = select(incidents.c.id).where(incidents.c.created_at < before_micros, incidents.c.content.is_not(None))
    return update(incidents).where(incidents.c.id.in_(old.limit(PURGE_CHUNK))).values(content=None)


def drop_notes(before_micros: int) -> Executable:
    """Clear a chunk of the notes written before a moment: a note may quote what it is about."""
    old = select(reviews.c.id).where(reviews.c.at < before_micros, reviews.c.note.is_not(None))
    return update(reviews).where(reviews.c.id.in_(old.limit(PURGE_CHUNK))).values(note=None)


def drop_incidents(before_micros: int) -> Executable:
    """Delete a chunk of the incidents created before a moment."""
    old = select(incidents.c.id).where(incidents.c.created_at < before_micros)
    return delete(incidents).where(incidents.c.id.in_(old.limit(PURGE_CHUNK)))


def _conditions(query: IncidentQuery) -> Iterator[ColumnElement[bool]]:
    row = incidents.c
    named = ((_category, query.category), (row.author, query.author), (row.community, query.community))
    equal = (*named, (row.state, query.state), (row.platform, query.platform))
    yield from (column == value for column, value in equal if value is not None)
    if query.waiting:
        yield row.state.in_([state.value for state in ReviewState if state.waits])
    if query.reviewed_by is not None:
        mine = (reviews.c.moderator == query.reviewed_by, reviews.c.verdict != ReviewVerdict.REPORT.value)
        yield row.id.in_(select(reviews.c.incident_id).where(*mine))
    if query.since is not None:
        yield row.at >= to_micros(query.since)
    if query.until is not None:
        yield row.at < to_micros(query.until)
    if query.before_id is not None:
        yield row.id < max(0, min(query.before_id, MAX_ID))


def _bounded(incident_id: int) -> int:
    # No incident has the number 0, and SQLite refuses to compare with a greater number than it can hold.
    return incident_id if 0 < incident_id <= MAX_ID else 0


def _limit(query: IncidentQuery) -> int:
    return MAX_ID if query.limit is None else max(0, min(query.limit, MAX_ID))

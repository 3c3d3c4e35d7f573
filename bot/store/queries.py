"""The questions asked of the incident table; each is answered from an index."""

from collections.abc import Iterator

from sqlalchemy import Column, Executable, Select, and_, bindparam, case, func, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import (
    REPORTED,
    UNCHECKED,
    Action,
    IncidentQuery,
    Outcome,
    Platform,
    ReviewState,
    ReviewVerdict,
    SourceKey,
)
from bot.store.cipher import ContentCipher
from bot.store.rows import message_values, to_micros
from bot.store.schema import incidents, reviews
from bot.store.sealed import INCIDENT_AUTHOR, MODERATOR, REVISION

MAX_ID = 2**63 - 1
"""The largest number that SQLite can hold."""

_category = func.coalesce(incidents.c.final_category, incidents.c.category).label("category")

_row = incidents.c
_BY_ID = _row.id == bindparam("incident")
# What is asked for every incident is built once: building took longer than asking.
CONTENT = select(_row.content).where(_BY_ID)
"""Select the sealed content of an incident (`by_id`)."""

SEAL_CONTENT = update(incidents).where(_BY_ID).values(content=bindparam("fresh"))
"""Put `fresh` in its place."""

FINISH = (
    update(incidents)
    .where(_BY_ID)
    .values(
        outcome=bindparam("became"),
        outcome_detail=case((_row.author.in_(bindparam("erased", expanding=True)), ""), else_=bindparam("detail")),
    )
    .returning(_row.state)
)
"""Write the outcome `became` of an incident, and `detail` unless its author is one of the names in `erased`."""

_BY_AUTHOR = (
    _row.author.in_(bindparam("by", expanding=True)),
    _row.community == bindparam("community"),
    _row.at >= bindparam("since"),
)
STRIKES = (
    select(_category, _row.at)
    .where(
        *_BY_AUTHOR,
        or_(
            and_(_row.strike.is_(true()), _row.state != ReviewState.DISMISSED.value),
            and_(_row.state == ReviewState.CONFIRMED.value, _category.not_in((UNCHECKED, REPORTED))),
        ),
    )
    # A sum, or the order would be taken from the index of all that the community said.
    .order_by(_row.at + 0)
)
"""Select category and time of what counts against an author (`by`, `community`, `since`), oldest first."""

PAST = (
    select(_row.id, _row.category, _row.final_category, _row.state)
    # A sum is in no index, so that the author is what is looked for.
    .where(_row.id.in_(select(_row.id).where(*_BY_AUTHOR).order_by((_row.id + 0).desc()).limit(bindparam("most"))))
    .order_by(_row.id.desc())
)
"""Select as what the newest `most` of an author's incidents are filed (as for `STRIKES`), newest first."""


def by_id(incident_id: int) -> dict[str, int]:
    """Return the value that names one incident; a number beyond what SQLite can hold names none."""
    return {"incident": _bounded(incident_id)}


def of_id(incident_id: int) -> ColumnElement[bool]:
    """Return the condition that names one incident; a number beyond what SQLite can hold names none."""
    return incidents.c.id == _bounded(incident_id)


def is_name(column: Column[str], name: str, place: str, cipher: ContentCipher) -> ColumnElement[bool]:
    """Return the condition that a column holds a name, in whichever form it was stored."""
    forms = cipher.forms(name, place)
    return column == forms[0] if len(forms) == 1 else column.in_(forms)


def of_key(key: SourceKey, cipher: ContentCipher) -> Executable:
    """Select the incident of one revision of one message."""
    message = (incidents.c[name] == value for name, value in message_values(key).items())
    revision = is_name(incidents.c.revision, key.revision, REVISION, cipher)
    return select(incidents).where(*message, revision).order_by(incidents.c.id).limit(1)


def pending(platform: Platform, before_micros: int) -> Executable:
    """Select a platform's incidents created before a moment whose action is not finished, oldest first."""
    row = incidents.c
    left = (row.outcome == Outcome.PENDING.value, row.platform == platform.value, row.created_at < before_micros)
    return select(incidents).where(*left).order_by(row.id)


def half_dismissed(platform: Platform, since_micros: int, before_micros: int) -> Executable:
    """Select what was dismissed in a span and is still done, though it can be taken back, oldest first."""
    row = incidents.c
    left = (row.platform == platform.value, row.state == ReviewState.DISMISSED.value, row.outcome == Outcome.DONE.value)
    actions = row.action.in_([action.value for action in (Action.WARN, Action.TIMEOUT, Action.BAN)])
    when = (reviews.c.at >= since_micros, reviews.c.at < before_micros)
    lately = select(reviews.c.incident_id).where(reviews.c.verdict == ReviewVerdict.DISMISS.value, *when)
    return select(incidents).where(row.id.in_(lately), *left, actions).order_by(row.id)


def newest_first(query: IncidentQuery, cipher: ContentCipher) -> Executable:
    """Select what the query names, newest first."""
    if not _is_timed(query):
        return select(incidents).where(*_conditions(query, cipher)).order_by(incidents.c.id.desc()).limit(_limit(query))
    return select(incidents).where(incidents.c.id.in_(_numbers(query, cipher))).order_by(incidents.c.id.desc())


def span(query: IncidentQuery, cipher: ContentCipher) -> Executable:
    """Select the lowest and the highest number among what the query names."""
    named = _numbers(query, cipher).subquery()
    return select(func.min(named.c.id), func.max(named.c.id))


def oldest_first(query: IncidentQuery, first: int, last: int, limit: int, cipher: ContentCipher) -> Executable:
    """Select up to `limit` of what the query names between two numbers, oldest first."""
    inside = incidents.c.id.between(first, last)
    return select(incidents).where(inside, *_conditions(query, cipher)).order_by(incidents.c.id).limit(limit)


def waits() -> ColumnElement[bool]:
    """Return the condition that a verdict is still to be given, in the words of the index of what waits."""
    states = [state.value for state in ReviewState if state.waits]
    return incidents.c.state.in_(bindparam("waiting", states, expanding=True, literal_execute=True))


def _is_timed(query: IncidentQuery) -> bool:
    return query.since is not None or query.until is not None


def _numbers(query: IncidentQuery, cipher: ContentCipher) -> Select[int]:
    """Select the numbers of what the query names, newest first.

    Those of a span of time are found by the time and then sorted; walking down from the newest would pass everything
    that is not in it.
    """
    number: ColumnElement[int] = incidents.c.id
    if _is_timed(query):
        # A sum is in no index, so that the time is what is looked for.
        number = incidents.c.id + 0
    named = _conditions(query, cipher, by_time=_is_timed(query))
    return select(incidents.c.id).where(*named).order_by(number.desc()).limit(_limit(query))


def state_of(incident_id: int) -> Executable:
    """Select where an incident stands."""
    return select(incidents.c.state).where(of_id(incident_id))


def verdicts(incident_id: int) -> Executable:
    """Select what moderators said of an incident, oldest first."""
    return select(reviews).where(reviews.c.incident_id == _bounded(incident_id)).order_by(reviews.c.id)


def _conditions(query: IncidentQuery, cipher: ContentCipher, *, by_time: bool = False) -> Iterator[ColumnElement[bool]]:
    row = incidents.c
    number, at = (row.id + 0, row.at) if by_time else (row.id, row.at + 0)
    named = ((_category, query.category), (row.community, query.community))
    equal = (*named, (row.state, query.state), (row.platform, query.platform))
    yield from (column == value for column, value in equal if value is not None)
    if query.author is not None:
        yield is_name(row.author, query.author, INCIDENT_AUTHOR, cipher)
    if query.waiting:
        yield waits()
    if query.reviewed_by is not None:
        by = is_name(reviews.c.moderator, query.reviewed_by, MODERATOR, cipher)
        mine = (by, reviews.c.verdict != ReviewVerdict.REPORT.value)
        yield row.id.in_(select(reviews.c.incident_id).where(*mine))
    if query.since is not None:
        yield at >= to_micros(query.since)
    if query.until is not None:
        yield at < to_micros(query.until)
    if query.before_id is not None:
        yield number < max(0, min(query.before_id, MAX_ID))


def _bounded(incident_id: int) -> int:
    # No incident has the number 0, and SQLite refuses to compare with a greater number than it can hold.
    return incident_id if 0 < incident_id <= MAX_ID else 0


def _limit(query: IncidentQuery) -> int:
    return MAX_ID if query.limit is None else max(0, min(query.limit, MAX_ID))

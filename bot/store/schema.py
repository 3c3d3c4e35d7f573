"""The tables of the incident database.

Times are whole microseconds since 1970 in UTC, so that they sort and compare as numbers. `reviews` has no foreign key
on purpose: a moderator's verdict outlives the incident it was given on.
"""

import re

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

_TO_ESCAPE = re.compile(r"[\\\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


class EscapedText(TypeDecorator[str]):
    """Store text from outside; a lone surrogate, which SQLite refuses, is escaped and comes back as it was.

    A backslash is doubled, so that two different texts never share one stored form.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the stored form of a text."""
        return None if value is None else _TO_ESCAPE.sub(_escape, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text of a stored form."""
        return None if value is None else _ESCAPED.sub(_unescape, value)


def _escape(found: re.Match[str]) -> str:
    return "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}"


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else "\\"


metadata = MetaData()

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("community", EscapedText, nullable=False),
    Column("channel", EscapedText, nullable=False),
    Column("message", EscapedText, nullable=False),
    Column("revision", EscapedText, nullable=False),
    Column("author", EscapedText, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("content", LargeBinary),
    Column("action", Text, nullable=False),
    Column("would", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("category", EscapedText, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("reasons", EscapedText, nullable=False),
    Column("strike", Boolean, nullable=False),
    Column("duration", BigInteger),
    Column("toxic", Float, nullable=False),
    Column("categories", EscapedText, nullable=False),
    Column("model_version", EscapedText, nullable=False),
    Column("transcript_doubt", Float),
    Column("outcome", Text, nullable=False),
    Column("outcome_detail", EscapedText, nullable=False),
    Column("state", Text, nullable=False),
    Column("final_category", EscapedText),
    Column("surface", Text, nullable=False, server_default="text"),
    Column("card", Integer),
    Column("clip_at", Float),
    UniqueConstraint("platform", "community", "channel", "message", "revision", name="uq_incidents_source"),
    Index("ix_incidents_author", "author", "community", "at"),
    Index("ix_incidents_outcome", "outcome"),
    Index("ix_incidents_state", "state"),
    Index("ix_incidents_created", "created_at"),
    # A number is never given twice: the reviews of a purged incident must not seem to speak of a later one.
    sqlite_autoincrement=True,
)
Index("ix_incidents_card", incidents.c.card)
Index("ix_incidents_content", incidents.c.created_at, sqlite_where=incidents.c.content.is_not(None))

reviews = Table(
    "reviews",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("moderator", EscapedText, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("category", EscapedText),
    Column("note", LargeBinary),
    Index("ix_reviews_incident", "incident_id"),
    Index("ix_reviews_moderator", "moderator"),
)

cards = Table(
    "cards",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("community", EscapedText, nullable=False),
    Column("author", EscapedText, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    # Where it is shown; no message means that it is still to be sent.
    Column("channel", EscapedText),
    Column("message", EscapedText),
    Column("trouble", EscapedText, nullable=False, server_default=""),
    # How often it changed since what is shown was right; 0 where nothing is to be shown.
    Column("behind", Integer, nullable=False, server_default="0"),
    Index("ix_cards_author", "author", "community", "last_at"),
    Index("ix_cards_message", "message"),
    Index("ix_cards_behind", "behind"),
    sqlite_autoincrement=True,
)

communities = Table(
    "communities",
    metadata,
    Column("id", EscapedText, primary_key=True),
    Column("review_channel", EscapedText),
    Column("log_channel", EscapedText),
    Column("moderator_roles", EscapedText, nullable=False),
    Column("policy", EscapedText, nullable=False),
    Column("is_set_up", Boolean, nullable=False),
    Column("held_since", BigInteger),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("community", EscapedText, nullable=False),
    Column("author", EscapedText, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("what", EscapedText, nullable=False),
    Column("lines", EscapedText, nullable=False),
    Index("ix_changes_community", "community", "id"),
)

seen = Table(
    "seen",
    metadata,
    Column("community", EscapedText, primary_key=True),
    Column("channel", EscapedText, primary_key=True),
    Column("message", EscapedText, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

"""The tables of the incident database.

Times are whole microseconds since 1970 in UTC, so that they sort and compare as numbers. `reviews` has no foreign key
on purpose: a moderator's verdict outlives the incident it was given on.
"""

import re
from typing import Any

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
    TextClause,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.types import TypeDecorator

_TO_ESCAPE = re.compile(r"[\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


class EscapedText(TypeDecorator[str]):
    """Store text from outside; a lone surrogate and a NUL, which databases refuse, come back as they were.

    They are escaped, and a backslash is doubled, so that two different texts never share one stored form. A NUL that an
    older version stored as it was, on SQLite, reads the same.
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


def _few(name: str, *columns: Column[Any], rows: TextClause) -> None:
    Index(name, *columns, sqlite_where=rows, postgresql_where=rows)


metadata = MetaData()

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""What rows are numbered with. SQLite numbers only what is declared as INTEGER, which has 64 bits there."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("community", EscapedText, nullable=False),
    Column("channel", EscapedText, nullable=False),
    Column("message", EscapedText, nullable=False),
    # Sealed by the cipher, as is every other column of plain Text that holds what somebody wrote, or who it was.
    Column("revision", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("content", LargeBinary),
    Column("action", Text, nullable=False),
    Column("would", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("category", EscapedText, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("strike", Boolean, nullable=False),
    Column("duration", BigInteger),
    Column("toxic", Float, nullable=False),
    Column("categories", EscapedText, nullable=False),
    Column("model_version", EscapedText, nullable=False),
    Column("transcript_doubt", Float),
    Column("outcome", Text, nullable=False),
    Column("outcome_detail", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("final_category", EscapedText),
    Column("surface", Text, nullable=False, server_default="text"),
    Column("card", NUMBER),
    Column("clip_at", Float),
    UniqueConstraint("platform", "community", "channel", "message", "revision", name="uq_incidents_source"),
    Index("ix_incidents_author", "author", "community", "at"),
    Index("ix_incidents_outcome", "outcome"),
    Index("ix_incidents_state", "state", "id"),
    Index("ix_incidents_created", "created_at"),
    # A number is never given twice: the reviews of a purged incident must not seem to speak of a later one.
    sqlite_autoincrement=True,
)
Index("ix_incidents_card", incidents.c.card)
Index("ix_incidents_community", incidents.c.community, incidents.c.id)
Index("ix_incidents_community_state", incidents.c.community, incidents.c.state, incidents.c.id)
Index("ix_incidents_community_at", incidents.c.community, incidents.c.at, incidents.c.platform)
Index("ix_incidents_at", incidents.c.at)
Index("ix_incidents_category", func.coalesce(incidents.c.final_category, incidents.c.category), incidents.c.id)
WAITING = text("state IN ('open', 'escalated')")
"""What still needs a verdict, in the words of the index: a query that says it otherwise does not find it."""

_few("ix_incidents_waiting", incidents.c.community, incidents.c.id, rows=WAITING)
_few("ix_incidents_cardless", incidents.c.platform, incidents.c.id, rows=text("card IS NULL"))
_few("ix_incidents_content", incidents.c.created_at, rows=text("content IS NOT NULL"))

reviews = Table(
    "reviews",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("incident_id", NUMBER, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("moderator", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("category", EscapedText),
    Column("note", LargeBinary),
    Index("ix_reviews_incident", "incident_id"),
    Index("ix_reviews_moderator", "moderator", "incident_id", "verdict"),
    Index("ix_reviews_at", "at"),
)
_few("ix_reviews_note", reviews.c.at, rows=text("note IS NOT NULL"))

cards = Table(
    "cards",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("community", EscapedText, nullable=False),
    Column("author", Text, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    # Where it is shown; no message means that it is still to be sent.
    Column("channel", EscapedText),
    Column("message", EscapedText),
    Column("trouble", EscapedText, nullable=False, server_default=""),
    # How often it changed since what is shown was right; 0 where nothing is to be shown.
    Column("behind", Integer, nullable=False, server_default="0"),
    Index("ix_cards_author", "author", "community", "last_at"),
    Index("ix_cards_community", "community"),
    sqlite_autoincrement=True,
)
_few("ix_cards_unsent", cards.c.id, rows=text("message IS NULL"))
BEHIND = text("behind > 0")
"""What is to be shown anew, in the words of the index."""

_few("ix_cards_behind", cards.c.id, rows=BEHIND)

communities = Table(
    "communities",
    metadata,
    Column("id", EscapedText, primary_key=True),
    Column("review_channel", EscapedText),
    Column("log_channel", EscapedText),
    Column("moderator_roles", EscapedText, nullable=False),
    Column("policy", Text, nullable=False),
    Column("is_set_up", Boolean, nullable=False),
    Column("held_since", BigInteger),
)

changes = Table(
    "changes",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("community", EscapedText, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("lines", Text, nullable=False),
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

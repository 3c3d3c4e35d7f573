"""Create the tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Other databases count with 64 bits only where they are told so."""


def upgrade() -> None:
    """Create the incidents, the moderators' verdicts and the notes of the store about itself."""
    _create_incidents()
    op.create_table(
        "reviews",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("incident_id", _NUMBER, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("moderator", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("note", sa.LargeBinary),
    )
    op.create_index("ix_reviews_incident", "reviews", ["incident_id"])
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in ("meta", "reviews", "incidents"):
        op.drop_table(table)


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("community", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("would", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("strike", sa.Boolean, nullable=False),
        sa.Column("duration", sa.BigInteger),
        sa.Column("toxic", sa.Float, nullable=False),
        sa.Column("categories", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("transcript_doubt", sa.Float),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("outcome_detail", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("final_category", sa.Text),
        sa.UniqueConstraint("platform", "community", "channel", "message", "revision", name="uq_incidents_source"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incidents_author", "incidents", ["author", "community", "at"])
    op.create_index("ix_incidents_outcome", "incidents", ["outcome"])
    op.create_index("ix_incidents_state", "incidents", ["state"])
    op.create_index("ix_incidents_created", "incidents", ["created_at"])
    held = sa.text("content IS NOT NULL")
    op.create_index("ix_incidents_content", "incidents", ["created_at"], sqlite_where=held, postgresql_where=held)

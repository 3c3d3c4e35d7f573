"""Add what a live community needs: its settings, its cards, and where watching stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Other databases count with 64 bits only where they are told so."""


def upgrade() -> None:
    """Add the surface and the card of an incident, and the tables of communities."""
    op.add_column("incidents", sa.Column("surface", sa.Text, nullable=False, server_default="text"))
    op.add_column("incidents", sa.Column("card", _NUMBER))
    op.create_index("ix_incidents_card", "incidents", ["card"])
    op.create_index("ix_reviews_moderator", "reviews", ["moderator"])
    _create_cards()
    _create_communities()
    op.create_table(
        "seen",
        sa.Column("community", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop what this step added."""
    for table in ("seen", "changes", "communities", "cards"):
        op.drop_table(table)
    op.drop_index("ix_reviews_moderator", "reviews")
    op.drop_index("ix_incidents_card", "incidents")
    for column in ("card", "surface"):
        op.drop_column("incidents", column)


def _create_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("community", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.Column("behind", sa.Integer, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cards_author", "cards", ["author", "community", "last_at"])
    op.create_index("ix_cards_message", "cards", ["message"])
    op.create_index("ix_cards_behind", "cards", ["behind"])


def _create_communities() -> None:
    op.create_table(
        "communities",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("review_channel", sa.Text),
        sa.Column("log_channel", sa.Text),
        sa.Column("moderator_roles", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("is_set_up", sa.Boolean, nullable=False),
        sa.Column("held_since", sa.BigInteger),
    )
    op.create_table(
        "changes",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("community", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
    )
    op.create_index("ix_changes_community", "changes", ["community", "id"])

"""Add the indexes with which a million incidents are listed as quickly as a hundred; drop those that cost more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

_WAITING = sa.text("state IN ('open', 'escalated')")


def upgrade() -> None:
    """Index what is asked of one community, of a category and of a time, and the few rows that wait for something."""
    op.create_index("ix_incidents_community", "incidents", ["community", "id"])
    op.create_index("ix_incidents_community_state", "incidents", ["community", "state", "id"])
    op.create_index("ix_incidents_community_at", "incidents", ["community", "at", "platform"])
    op.create_index("ix_incidents_at", "incidents", ["at"])
    op.create_index("ix_incidents_category", "incidents", [sa.text("coalesce(final_category, category)"), "id"])
    _few("ix_incidents_waiting", "incidents", ["community", "id"], _WAITING)
    _few("ix_incidents_cardless", "incidents", ["platform", "id"], sa.text("card IS NULL"))
    _again("ix_incidents_state", "incidents", ["state", "id"])
    _again("ix_reviews_moderator", "reviews", ["moderator", "incident_id", "verdict"])
    op.create_index("ix_reviews_at", "reviews", ["at"])
    _few("ix_reviews_note", "reviews", ["at"], sa.text("note IS NOT NULL"))
    op.create_index("ix_cards_community", "cards", ["community"])
    op.drop_index("ix_cards_message", "cards")
    _few("ix_cards_unsent", "cards", ["id"], sa.text("message IS NULL"))
    op.drop_index("ix_cards_behind", "cards")
    _few("ix_cards_behind", "cards", ["id"], sa.text("behind > 0"))


def downgrade() -> None:
    """Put the indexes back as they were."""
    for name in ("community", "community_state", "community_at", "at", "category", "waiting", "cardless"):
        op.drop_index(f"ix_incidents_{name}", "incidents")
    _again("ix_incidents_state", "incidents", ["state"])
    _again("ix_reviews_moderator", "reviews", ["moderator"])
    op.drop_index("ix_reviews_at", "reviews")
    op.drop_index("ix_reviews_note", "reviews")
    op.drop_index("ix_cards_community", "cards")
    op.drop_index("ix_cards_unsent", "cards")
    op.create_index("ix_cards_message", "cards", ["message"])
    _again("ix_cards_behind", "cards", ["behind"])


def _few(name: str, table: str, columns: list[str], rows: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)


def _again(name: str, table: str, columns: list[str]) -> None:
    op.drop_index(name, table)
    op.create_index(name, table, columns)

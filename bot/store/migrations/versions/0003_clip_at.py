"""Add where in a clip something was said."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Add the moment in the clip, in seconds; of what is there already it is not known."""
    op.add_column("incidents", sa.Column("clip_at", sa.Float))


def downgrade() -> None:
    """Drop what this step added."""
    op.drop_column("incidents", "clip_at")

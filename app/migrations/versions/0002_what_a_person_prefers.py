"""What a person prefers: the theme, and whether single letters are keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; plainly, since SQLite cannot rebuild a table that others refer to."""
    op.add_column(
        "staff", sa.Column("theme", sa.String(length=8), server_default="system", nullable=False)
    )
    op.add_column(
        "staff", sa.Column("letter_keys", sa.Boolean(), server_default=sa.true(), nullable=False)
    )

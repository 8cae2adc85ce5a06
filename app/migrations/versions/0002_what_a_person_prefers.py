"""What a person prefers: the theme, and whether single letters are keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. On SQLite a check comes with its column or not at all."""
    theme = "theme IN ('system', 'light', 'dark')"
    with op.batch_alter_table("staff") as table:
        table.add_column(
            sa.Column("theme", sa.String(length=8), server_default="system", nullable=False)
        )
        table.add_column(
            sa.Column("letter_keys", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        table.create_check_constraint(op.f("ck_staff_theme"), theme)

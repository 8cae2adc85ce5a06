"""Indexes of the ledger that leave out the many entries with nothing there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LEAN = {
    "ix_ledger_entries_reverses": ["reverses_id"],
    "ix_ledger_entries_redemption": ["redemption_id"],
    "ix_ledger_entries_approver": ["approved_by", "recorded_at"],
}


def upgrade() -> None:
    """Make the three indexes anew."""
    for name, columns in LEAN.items():
        op.drop_index(name, "ledger_entries")
        is_there = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(
            name,
            "ledger_entries",
            ["workspace_id", *columns],
            sqlite_where=is_there,
            postgresql_where=is_there,
        )

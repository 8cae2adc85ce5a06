"""Indexes by which the list of members is narrowed to a tier, to the closed or to who owes points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_members_tier", "members", ["workspace_id", "tier", "last_seen_at", "id"])
    for name, which in (
        ("ix_members_closed", "status = 'closed'"),
        ("ix_members_below_zero", "balance < 0"),
    ):
        op.create_index(
            name,
            "members",
            ["workspace_id", "last_seen_at", "id"],
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )

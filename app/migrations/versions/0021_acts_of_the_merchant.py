"""An index of the acts that belong to no workspace: Test shows these, and nothing else of Live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OF_THE_MERCHANT = "substr(act, 1, 6) = 'staff.' AND act <> 'staff.bind'"


def upgrade() -> None:
    """Create the index."""
    op.create_index(
        "ix_audit_entries_of_the_merchant",
        "audit_entries",
        ["workspace_id", "id"],
        sqlite_where=sa.text(OF_THE_MERCHANT),
        postgresql_where=sa.text(OF_THE_MERCHANT),
    )

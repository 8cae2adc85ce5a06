"""How many members each tier has, so that no page counts them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and count what is there."""
    op.create_table(
        "tier_totals",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("program_id", sa.String(64), nullable=False),
        sa.Column("tier", sa.String(40), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace_id", "program_id", "tier", "slot", name=op.f("pk_tier_totals")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_tier_totals_workspace_id"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "program_id"],
            ["programs.workspace_id", "programs.id"],
            name="fk_tier_totals_workspace_id_program_id",
        ),
    )
    op.execute(
        "INSERT INTO tier_totals (workspace_id, program_id, tier, slot, member_count) "
        "SELECT workspace_id, program_id, coalesce(tier, ''), 0, count(*) FROM members "
        "WHERE status = 'active' GROUP BY workspace_id, program_id, coalesce(tier, '')"
    )

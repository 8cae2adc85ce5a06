"""How often each reward was taken, so that no page counts redemptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and count what is there."""
    op.create_table(
        "reward_totals",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("reward_id", sa.String(64), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("taken_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace_id", "reward_id", "slot", name=op.f("pk_reward_totals")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_reward_totals_workspace_id"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "reward_id"],
            ["rewards.workspace_id", "rewards.id"],
            name="fk_reward_totals_workspace_id_reward_id",
        ),
    )
    op.execute(
        "INSERT INTO reward_totals (workspace_id, reward_id, slot, taken_count) "
        "SELECT workspace_id, reward_id, 0, count(*) FROM redemptions "
        "WHERE status <> 'cancelled' GROUP BY workspace_id, reward_id"
    )

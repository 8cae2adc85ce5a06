"""Links of members' cards, and whether the counter sounds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the column."""
    op.add_column(
        "staff", sa.Column("sounds", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.create_table(
        "card_links",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("member_id", sa.String(64), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("mode IN ('sandbox', 'live')", name=op.f("ck_card_links_mode")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_card_links_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_links")),
    )
    op.create_index("uq_card_links_token", "card_links", ["token"], unique=True)
    op.create_index("ix_card_links_member", "card_links", ["merchant_id", "mode", "member_id"])

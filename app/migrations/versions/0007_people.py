"""Invitations, what a sign-in says of itself, and an audit log that only grows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime
from app.models.audit import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, the column, the indexes and the triggers."""
    op.add_column(
        "staff_sessions", sa.Column("agent", sa.String(200), server_default="", nullable=False)
    )
    op.create_table(
        "staff_invites",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("invited_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'cashier', 'viewer')", name=op.f("ck_staff_invites_role")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_staff_invites_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["staff.id"], name=op.f("fk_staff_invites_invited_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_invites")),
    )
    op.create_index("uq_staff_invites_token_hash", "staff_invites", ["token_hash"], unique=True)
    op.create_index("ix_staff_invites_merchant", "staff_invites", ["merchant_id", "id"])
    for name, column in (("actor", "actor_id"), ("act", "act")):
        op.create_index(
            f"ix_audit_entries_{name}", "audit_entries", ["workspace_id", column, "id"]
        )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(statement)

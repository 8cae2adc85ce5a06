"""Deliveries of events to webhook endpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. What happened before is not delivered afterwards."""
    op.add_column(
        "events", sa.Column("is_dispatched", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.create_index("ix_events_entry", "events", ["workspace_id", "entry_id"])
    op.create_index(
        "ix_events_undispatched",
        "events",
        ["workspace_id", "id"],
        sqlite_where=sa.text("NOT is_dispatched"),
        postgresql_where=sa.text("NOT is_dispatched"),
    )
    op.add_column("webhook_endpoints", sa.Column("previous_secret", sa.String(80), nullable=True))
    op.add_column(
        "webhook_endpoints", sa.Column("previous_secret_until", UtcDateTime(), nullable=True)
    )
    for name in ("failing_since", "last_failed_at"):
        op.add_column("webhook_endpoints", sa.Column(name, UtcDateTime(), nullable=True))
    op.add_column(
        "webhook_endpoints",
        sa.Column("disabled_reason", sa.String(200), server_default="", nullable=False),
    )
    _make_deliveries()
    _make_attempts()
    _make_resends()


def _make_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("endpoint_id", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("earlier_attempt_count", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("lease", sa.String(64), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(200), nullable=False),
        sa.Column("attempted_at", UtcDateTime(), nullable=True),
        sa.Column("resend_id", sa.String(64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'delivered', 'failed')",
            name=op.f("ck_webhook_deliveries_status"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_webhook_deliveries_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoints.workspace_id", "webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_workspace_id_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "event_id"],
            ["events.workspace_id", "events.id"],
            name=op.f("fk_webhook_deliveries_workspace_id_event_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "workspace_id",
            "endpoint_id",
            "event_id",
            name=op.f("uq_webhook_deliveries_workspace_id_endpoint_id_event_id"),
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["workspace_id", "endpoint_id", "status", "next_attempt_at"],
    )
    for name, columns in (
        ("endpoint", ["workspace_id", "endpoint_id", "id"]),
        ("event", ["workspace_id", "event_id"]),
        ("resend", ["workspace_id", "resend_id"]),
    ):
        op.create_index(f"ix_webhook_deliveries_{name}", "webhook_deliveries", columns)


def _make_attempts() -> None:
    op.create_table(
        "webhook_attempts",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("answer_start", sa.String(500), nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_webhook_attempts_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["webhook_deliveries.workspace_id", "webhook_deliveries.id"],
            name=op.f("fk_webhook_attempts_workspace_id_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_webhook_attempts")),
        sa.UniqueConstraint(
            "workspace_id",
            "delivery_id",
            "number",
            name=op.f("uq_webhook_attempts_workspace_id_delivery_id_number"),
        ),
    )


def _make_resends() -> None:
    op.create_table(
        "webhook_resends",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("endpoint_id", sa.String(64), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("with_delivered", sa.Boolean(), nullable=False),
        sa.Column("delivery_count", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_webhook_resends_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoints.workspace_id", "webhook_endpoints.id"],
            name=op.f("fk_webhook_resends_workspace_id_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_webhook_resends")),
    )

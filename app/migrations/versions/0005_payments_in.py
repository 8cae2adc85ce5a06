"""Payments that other systems tell of, and what tiers and rounding make of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime
from app.models.columns import json_column_type

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and let programs round down as they did."""
    # In one statement: SQLite adds no constraint later, and would copy a table that others refer to.
    op.execute(
        "ALTER TABLE programs ADD COLUMN earn_rounding VARCHAR(8) DEFAULT 'down' NOT NULL "
        "CONSTRAINT ck_programs_earn_rounding CHECK (earn_rounding IN ('down', 'nearest', 'up'))"
    )
    _make_sources()
    _make_events()
    _make_payments()


def _make_sources() -> None:
    op.create_table(
        "inbound_sources",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("program_id", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(255), nullable=False),
        sa.Column("previous_secret", sa.String(255), nullable=True),
        sa.Column("previous_secret_until", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("mode IN ('sandbox', 'live')", name=op.f("ck_inbound_sources_mode")),
        sa.CheckConstraint(
            "kind IN ('regulars', 'stripe', 'shopify')", name=op.f("ck_inbound_sources_kind")
        ),
        sa.CheckConstraint(
            "status IN ('enabled', 'disabled')", name=op.f("ck_inbound_sources_status")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_inbound_sources_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_sources")),
    )
    op.create_index("ix_inbound_sources_merchant", "inbound_sources", ["merchant_id", "mode", "id"])


def _make_events() -> None:
    op.create_table(
        "inbound_events",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("source_id", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(80), nullable=False),
        sa.Column("payment_id", sa.String(255), nullable=True),
        sa.Column("message", json_column_type(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("entry_id", sa.String(64), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('awarded', 'reversed', 'waiting', 'nothing', 'unmatched', 'refused')",
            name=op.f("ck_inbound_events_outcome"),
        ),
        *_belongs("inbound_events"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_inbound_events")),
        sa.UniqueConstraint(
            "workspace_id",
            "source_id",
            "external_id",
            name=op.f("uq_inbound_events_workspace_id_source_id_external_id"),
        ),
    )
    for name, column in (("source", "id"), ("payment", "payment_id")):
        op.create_index(
            f"ix_inbound_events_{name}", "inbound_events", ["workspace_id", "source_id", column]
        )


def _make_payments() -> None:
    op.create_table(
        "inbound_payments",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("source_id", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("award_id", sa.String(64), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("other_currency", sa.String(3), nullable=False),
        sa.Column("other_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("other_refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_refunded_whole", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("refunded_minor >= 0", name=op.f("ck_inbound_payments_refunded")),
        *_belongs("inbound_payments"),
        sa.PrimaryKeyConstraint(
            "workspace_id", "source_id", "payment_id", name=op.f("pk_inbound_payments")
        ),
    )
    op.create_table(
        "inbound_refunds",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("source_id", sa.String(64), nullable=False),
        sa.Column("payment_id", sa.String(255), nullable=False),
        sa.Column("refund_id", sa.String(255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        *_belongs("inbound_refunds"),
        sa.PrimaryKeyConstraint(
            "workspace_id", "source_id", "payment_id", "refund_id", name=op.f("pk_inbound_refunds")
        ),
    )


def _belongs(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f(f"fk_{table}_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["inbound_sources.id"], name=op.f(f"fk_{table}_source_id")
        ),
    )

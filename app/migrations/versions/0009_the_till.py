"""Registered devices, PINs, allowances, approvals, shops that close, and who works where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime
from app.models.ledger import postgresql_function, sqlite_update_trigger

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, columns and indexes, and let the triggers know the new columns."""
    op.add_column("locations", sa.Column("closed_at", UtcDateTime(), nullable=True))
    op.add_column("staff", sa.Column("pin_hash", sa.String(255), nullable=True))
    op.create_table(
        "devices",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("location_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("idle_minutes", sa.Integer(), nullable=False),
        sa.Column("registered_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "idle_minutes BETWEEN 1 AND 120", name=op.f("ck_devices_idle_minutes")
        ),
        sa.CheckConstraint("mode IN ('sandbox', 'live')", name=op.f("ck_devices_mode")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_devices_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["registered_by"], ["staff.id"], name=op.f("fk_devices_registered_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index("uq_devices_token_hash", "devices", ["token_hash"], unique=True)
    op.create_index("ix_devices_merchant", "devices", ["merchant_id", "mode", "id"])
    op.create_table(
        "staff_locations",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("staff_id", sa.String(64), nullable=False),
        sa.Column("location_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "location_id"],
            ["locations.workspace_id", "locations.id"],
            name=op.f("fk_staff_locations_workspace_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_locations_staff_id")
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "staff_id", "location_id", name=op.f("pk_staff_locations")
        ),
    )
    with op.batch_alter_table("staff_sessions") as batch:
        batch.add_column(
            sa.Column("method", sa.String(16), server_default="password", nullable=False)
        )
        batch.add_column(sa.Column("device_id", sa.String(64), nullable=True))
        batch.create_foreign_key(
            op.f("fk_staff_sessions_device_id"), "devices", ["device_id"], ["id"]
        )
    _make_allowances()
    for table in ("ledger_entries", "audit_entries"):
        op.add_column(table, sa.Column("device_id", sa.String(64), nullable=True))
    op.add_column("ledger_entries", sa.Column("approved_by", sa.String(64), nullable=True))
    for name, column in (("actor", "actor_id"), ("approver", "approved_by")):
        op.create_index(
            f"ix_ledger_entries_{name}", "ledger_entries", ["workspace_id", column, "recorded_at"]
        )
    columns = [each["name"] for each in sa.inspect(op.get_bind()).get_columns("ledger_entries")]
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER ledger_entries_refuse_update")
        op.execute(sqlite_update_trigger(columns))
    else:
        op.execute(postgresql_function(columns))


def _make_allowances() -> None:
    made = op.create_table(
        "allowances",
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("per_award_points", sa.BigInteger(), nullable=True),
        sa.Column("per_shift_points", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("per_award_points >= 0", name=op.f("ck_allowances_per_award_points")),
        sa.CheckConstraint("per_shift_points >= 0", name=op.f("ck_allowances_per_shift_points")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_allowances_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "holder", name=op.f("pk_allowances")),
    )
    # What the setting for all shops used to say, and a bound on what one shift can do.
    known = op.get_bind().execute(sa.text("SELECT id FROM merchants")).scalars().all()
    if known:
        op.bulk_insert(
            made,
            [
                {
                    "merchant_id": each,
                    "holder": "cashier",
                    "per_award_points": 1000,
                    "per_shift_points": 10_000,
                }
                for each in known
            ],
        )

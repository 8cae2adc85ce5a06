"""Indexes by which lists are filtered, and plans of SQLite that hang on no statistics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes, and forget what SQLite was told of the tables."""
    op.create_index("ix_events_type", "events", ["workspace_id", "type", "id"])
    op.create_index("ix_api_requests_key", "api_requests", ["workspace_id", "key_id", "id"])
    is_failed = sa.text("error_code <> ''")
    op.create_index(
        "ix_api_requests_failed",
        "api_requests",
        ["workspace_id", "id"],
        sqlite_where=is_failed,
        postgresql_where=is_failed,
    )
    op.create_index(
        "ix_webhook_deliveries_status", "webhook_deliveries", ["workspace_id", "status", "id"]
    )
    # An award wrote into the first, and it was read for the few who owe alone. SQLite took one of
    # all members instead of the others.
    for name in ("ix_members_balance", "ix_members_below_zero", "ix_members_closed"):
        op.drop_index(name, "members")
    for name, columns, condition in (
        ("ix_members_owing", ["balance", "id", "last_seen_at"], "balance < 0"),
        ("ix_members_closed", ["status", "last_seen_at", "id"], "status = 'closed'"),
    ):
        op.create_index(
            name,
            "members",
            ["workspace_id", *columns],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    if op.get_bind().dialect.name == "sqlite":
        _forget_statistics(op.get_bind())


def _forget_statistics(connection: sa.Connection) -> None:
    """Let a database that `demo seed` made be planned for like a shop's, which has none.

    Told of one workspace that has all rows, SQLite reads a whole table for a page of it.
    """
    if sa.inspect(connection).has_table("sqlite_stat1"):
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")

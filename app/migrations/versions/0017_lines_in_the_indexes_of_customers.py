"""The line of a customer's words in the indexes of its keys: a search reads nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEYS = ("email_key", "phone_digits", "phone_reversed", "card_key")


def upgrade() -> None:
    """Put the lines in byte order, and make the four indexes anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("customers", "search_text", type_=sa.Text(collation="C"))
    for key in KEYS:
        name = f"ix_customers_{key}"
        op.drop_index(name, "customers")
        op.create_index(name, "customers", ["workspace_id", key, "search_text", "id"])
    if op.get_bind().dialect.name == "sqlite":
        _count_anew(op.get_bind())


def _count_anew(connection: sa.Connection) -> None:
    """Tell SQLite's planner of the new indexes, if it was told of the old ones.

    Of one that it knows nothing of, it expects ten rows a workspace, and reads all customers for
    a page of members.
    """
    if sa.inspect(connection).has_table("sqlite_stat1"):
        connection.exec_driver_sql("ANALYZE customers")

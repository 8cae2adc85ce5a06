"""SQLite's table of statistics, empty: so ANALYZE changes no schema under a running server.

A connection that is open keeps its plans then, and a new one empties the table (`app.db`).
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table on SQLite. PostgreSQL keeps statistics of its own, which help."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("ANALYZE sqlite_master")
        op.execute("DELETE FROM sqlite_stat1")

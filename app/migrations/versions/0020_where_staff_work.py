"""Where staff chose to work last, in each workspace: a sign-in that is over is removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; who has chosen nothing yet begins in the first of their shops."""
    for name in ("sandbox_location_id", "live_location_id"):
        op.add_column("staff", sa.Column(name, sa.String(64)))

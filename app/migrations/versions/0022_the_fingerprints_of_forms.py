"""Forms' keys have fingerprints of the request now: those of the services' arguments fit none.

A form that was sent just before an upgrade, and is sent again after it, is answered as the first
time. Blank fingerprints fit any request.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Blank the fingerprints of forms."""
    op.execute("UPDATE idempotency_keys SET fingerprint = '' WHERE scope = 'form'")

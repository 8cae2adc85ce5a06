"""What is said of redemptions in more than one place."""

from __future__ import annotations

from app.models.redemptions import Redemption
from app.rules.redeeming import RedemptionRow
from app.web.filters import clock_time, iso_day


def why_nothing_is_due(redemption: Redemption | RedemptionRow) -> str:
    """Say why nothing is to be handed over for a redemption, or nothing where it waits."""
    if redemption.status == "cancelled":
        return "This was cancelled, and the points were given back. Hand over nothing."
    if redemption.fulfilled_at is not None:
        at = redemption.fulfilled_at
        return (
            f"This was handed over already, {iso_day(at)} {clock_time(at)}. Hand it over only once."
        )
    return ""

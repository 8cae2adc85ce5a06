"""Days as they stand in an address, in the merchant's zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def start_of(text: str, zone: ZoneInfo, *, days_later: int = 0) -> datetime | None:
    """Give the moment at which a day begins (aware), or None where there is no such day."""
    try:
        day = datetime.fromisoformat(text).date() + timedelta(days=days_later)
        # The first and last days of the calendar begin outside it elsewhere.
        return datetime.combine(day, time.min, zone).astimezone(UTC).astimezone(zone)
    except (ValueError, OverflowError):
        return None

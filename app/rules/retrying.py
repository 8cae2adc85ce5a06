"""When a failed delivery is tried again (spec section 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

WAITS_SECONDS = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 8 * 3600, 24 * 3600)
"""After each failure in turn; after the one that follows the last, it has failed."""

JITTER = 0.2
"""A wait is up to so much longer, so that what failed together does not come back together."""

LONGEST_ASKED_SECONDS = 24 * 3600
"""A receiver may ask for more time with Retry-After, and for no more than this."""

DISABLED_AFTER = timedelta(days=3)
"""An endpoint that fails for so long is asked no more."""

FORGOTTEN_AFTER = timedelta(hours=36)
"""After so long without a failure, longer than any wait, the next one is the first of its row."""


def next_attempt_at(
    attempt_count: int, now: datetime, *, luck: float, asked_seconds: int | None = None
) -> datetime | None:
    """Give when to try again, or None after the last attempt.

    Args:
        attempt_count: attempts so far, all of them failed, since it was last sent anew.
        luck: 0 to 1; decides the jitter.
        asked_seconds: what the receiver's Retry-After asked for.
    """
    if attempt_count > len(WAITS_SECONDS):
        return None
    seconds = WAITS_SECONDS[attempt_count - 1] * (1 + JITTER * luck)
    if asked_seconds is not None:
        seconds = max(seconds, min(asked_seconds, LONGEST_ASKED_SECONDS))
    return now + timedelta(seconds=seconds)

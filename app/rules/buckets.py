"""Token buckets, kept as the moment at which they are full again (the generic cell rate algorithm).

A request takes one token. One time stamp says all: what is missing is the time that is left until
then, and a bucket whose time is past is full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.config import Rate

CLOCKS_APART = timedelta(minutes=1)
"""So far may the clocks of the processes be apart that share a bucket.

No bucket owes more than its burst. A time stamp beyond that is from before a clock stepped back,
and nobody is shut out until the clock has come up to it again: the bucket begins anew.
"""


@dataclass(frozen=True)
class Taken:
    """What asking for a token gave.

    Attributes:
        is_allowed: whether there was one; what is refused takes none.
        remaining: whole tokens that are left.
        reset_seconds: until the bucket is full again, rounded up.
        retry_seconds: until the next token, rounded up; 0 when there was one.
    """

    is_allowed: bool
    remaining: int
    reset_seconds: int
    retry_seconds: int


def next_full_at(
    full_at: datetime | None, now: datetime, rate: Rate, *, apart: timedelta = CLOCKS_APART
) -> datetime | None:
    """Give when a bucket is full again once a token is taken, or None when it holds none.

    Args:
        apart: how far the clocks may be apart of who shares the bucket.
    """
    if full_at is not None and full_at - now > rate.longest + apart:
        full_at = None
    following = max(full_at or now, now) + rate.interval
    return following if following - now <= rate.longest else None


def taken(full_at: datetime, now: datetime, rate: Rate, *, is_allowed: bool) -> Taken:
    """Say what is left of a bucket that is full again at `full_at`."""
    missing = max(full_at - now, timedelta())
    tokens = rate.burst - missing / rate.interval
    wait = 0.0 if is_allowed else (1 - tokens) * rate.interval.total_seconds()
    return Taken(
        is_allowed=is_allowed,
        # Times are kept in microseconds, so a whole token may look like a hair less.
        remaining=max(0, math.floor(tokens + 1e-3)),
        reset_seconds=math.ceil(missing.total_seconds()),
        retry_seconds=0 if is_allowed else max(1, math.ceil(wait)),
    )

"""When a person last showed who they are, and whether that was recent enough for their own keys."""

from __future__ import annotations

from flask import request, session

from app import clock

SHOWN = "shown"
"""Where the cookie keeps when the person last showed who they are, in seconds since 1970."""

SHOWN_MINUTES = 15
"""Minutes after a sign-in or a password in which pages of one's own keys open."""

SHOWN_ACT_MINUTES = 30
"""Minutes in which their forms may be sent: what was opened in time is not refused half-way."""


def is_recent() -> bool:
    """Return whether the person showed who they are recently enough for this request."""
    minutes = SHOWN_MINUTES if request.method == "GET" else SHOWN_ACT_MINUTES
    # A clock that steps back makes no proof newer.
    return abs(clock.timestamp() - int(session.get(SHOWN, 0))) < minutes * 60


def note() -> None:
    """Remember in the cookie that the person has just shown who they are."""
    session[SHOWN] = clock.timestamp()

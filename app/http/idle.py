"""Sign-ins that end when nobody uses them: on a till after minutes, elsewhere after hours."""

from __future__ import annotations

from flask import current_app, session

from app import clock
from app.http.actors import SignedIn

SEEN = "seen"
"""Where the cookie keeps when the browser was last used, in seconds since 1970."""

SEEN_SECONDS = 60
"""Away from a till, the cookie is sent at most once in this time."""


def idle_seconds(person: SignedIn) -> int | None:
    """Return after how long without use a sign-in ends; None if the person stays signed in."""
    if person.device is not None:
        return person.device.idle_minutes * 60
    minutes: int = current_app.config["IDLE_MINUTES"]
    return None if session.permanent else minutes * 60


def is_attended(person: SignedIn, *, is_use: bool) -> bool:
    """Return whether the sign-in is still in use.

    Args:
        is_use: whether this request shows that somebody is there; the cookie then remembers it.
    """
    longest, now = idle_seconds(person), clock.timestamp()
    if longest is None:
        return True
    seen = int(session.get(SEEN, now))
    if now - seen >= longest:
        return False
    is_due = person.device is not None or now - seen >= SEEN_SECONDS
    if SEEN not in session or (is_due and is_use):
        session[SEEN] = now
    return True


def note_use() -> None:
    """Remember in the cookie that the browser is used now."""
    session[SEEN] = clock.timestamp()

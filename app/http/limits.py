"""How many requests a caller may make: a token bucket for each key (spec section 5)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from flask import Flask, current_app

from app import clock, errors
from app.config import Rate
from app.http.database import current
from app.rules import buckets
from app.rules.buckets import Taken
from app.services.api_keys import keys, rate_limits
from app.services.api_keys.keys import FoundKey

_EXTENSION = "regulars.own_buckets"

FORGET_AT_COUNT = 10_000
"""So many buckets may be remembered before the full ones among them are forgotten."""


class OwnBuckets:
    """The buckets of one process; with SQLite it is the only one."""

    def __init__(self) -> None:
        self._full_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def take(self, name: str, rate: Rate) -> Taken:
        """Take one token."""
        now = clock.now()
        with self._lock:
            known = self._full_at.get(name)
            following = buckets.next_full_at(known, now, rate, apart=timedelta())
            if following is None:
                return buckets.taken(known or now, now, rate, is_allowed=False)
            self._full_at[name] = following
            if len(self._full_at) > FORGET_AT_COUNT:
                self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return buckets.taken(following, now, rate, is_allowed=True)


def install(app: Flask) -> None:
    """Give the app its buckets."""
    app.extensions[_EXTENSION] = OwnBuckets()


def take_of_pages(name: str, rate: Rate) -> None:
    """Take one token from a bucket of this process: a page does not wait for the database for it.

    Raises:
        RateLimited: it is empty.
    """
    own: OwnBuckets = current_app.extensions[_EXTENSION]
    taken = own.take(name, rate)
    if not taken.is_allowed:
        raise errors.RateLimited(
            f"That was too fast. Wait {taken.retry_seconds} s, then go on.",
            retry_after_seconds=taken.retry_seconds,
        )


def admit(secret: str, rate: Rate) -> tuple[FoundKey, Taken] | None:
    """Find a good API key and take a token from its bucket, or give None for a bad one."""
    database = current()
    if database.is_sqlite:
        found = keys.find(database, secret=secret)
        return None if found is None else (found, take(found.key_id, rate))
    return keys.admit(database, secret=secret, rate=rate)


def take(name: str, rate: Rate) -> Taken:
    """Take one token from a caller's bucket, shared by all processes of the installation."""
    if current().is_sqlite:
        own: OwnBuckets = current_app.extensions[_EXTENSION]
        return own.take(name, rate)
    # Not `app.http.database.writing`: the token of a limit is no change that a request makes.
    with current().writing() as session:
        return rate_limits.take(session, name=name, rate=rate)

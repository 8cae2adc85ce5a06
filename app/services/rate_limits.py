"""Token buckets that several processes share (spec section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import clock
from app.config import Rate
from app.models.api_keys import RateBucket
from app.rules import buckets
from app.rules.buckets import Taken


def take(session: Session, *, name: str, rate: Rate) -> Taken:
    """Take one token, in one statement so that of a crowd each is counted; PostgreSQL only."""
    now = clock.now()
    # A power cut may give tokens back; waiting for the disk would cost every request more.
    session.execute(text("SET LOCAL synchronous_commit = off"))
    full_at = session.scalar(_take(name, now, rate))
    if full_at is not None:
        return buckets.taken(full_at, now, rate, is_allowed=True)
    full_at = session.scalars(select(RateBucket.full_at).where(RateBucket.name == name)).one()
    return buckets.taken(full_at, now, rate, is_allowed=False)


def _take(name: str, now: datetime, rate: Rate) -> Any:
    # The same arithmetic as `buckets.next_full_at`, on the row as the last one left it.
    following = func.greatest(RateBucket.full_at, literal(now)) + rate.interval
    first = insert(RateBucket).values(name=name, full_at=now + rate.interval)
    return first.on_conflict_do_update(
        index_elements=["name"],
        set_={"full_at": following},
        where=following - literal(now) <= rate.longest,
    ).returning(RateBucket.full_at)


def remove_full(session: Session) -> None:
    """Delete the rows of buckets that are full again: they say nothing."""
    session.execute(delete(RateBucket).where(RateBucket.full_at < clock.now()))

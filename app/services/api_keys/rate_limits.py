"""Token buckets that several processes share (spec section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Interval, bindparam, case, delete, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from app import clock
from app.config import Rate
from app.db import statements
from app.db.base import UtcDateTime
from app.db.database import Database
from app.db.statements import Call, Row, Statement
from app.models.api_keys import ApiKey, RateBucket
from app.rules import buckets
from app.rules.buckets import Taken

WITHOUT_WAITING = Statement(lambda _: text("SELECT set_config('synchronous_commit', 'off', true)"))
"""A power cut may give tokens back; waiting for the disk would cost every request more."""


def take(session: Session, *, name: str, rate: Rate) -> Taken:
    """Take one token, in one statement so that of a crowd each is counted; PostgreSQL only."""
    now = clock.now()
    statements.defer(session, WITHOUT_WAITING())
    full_at = session.scalar(_take(name, now, rate))
    if full_at is not None:
        return buckets.taken(full_at, now, rate, is_allowed=True)
    return _refused(session, name, now, rate)


def taking(*, secret_hash: str, now: datetime, rate: Rate) -> Call:
    """Give the statement that takes a token for a good API key; its rows go to `taken`."""
    return _TAKE_FOR_KEY(
        secret_hash=secret_hash,
        now=now,
        first_full_at=now + rate.interval,
        interval=rate.interval,
        longest=rate.longest,
        beyond=rate.longest + buckets.CLOCKS_APART,
    )


def taken(database: Database, rows: list[Row], *, name: str, now: datetime, rate: Rate) -> Taken:
    """Say what `taking` took from the bucket of this name."""
    if rows:
        return buckets.taken(rows[0].full_at, now, rate, is_allowed=True)
    with database.reading() as session:
        return _refused(session, name, now, rate)


def _refused(session: Session, name: str, now: datetime, rate: Rate) -> Taken:
    full_at = session.scalars(select(RateBucket.full_at).where(RateBucket.name == name)).one()
    return buckets.taken(full_at, now, rate, is_allowed=False)


def _take(name: str, now: datetime, rate: Rate) -> Any:
    first = insert(RateBucket).values(name=name, full_at=now + rate.interval)
    beyond = rate.longest + buckets.CLOCKS_APART
    return _one_more(first, literal(now), rate.interval, rate.longest, beyond)


def _one_more(first: Insert, now: Any, interval: Any, longest: Any, beyond: Any) -> Any:
    # The same arithmetic as `buckets.next_full_at`, on the row as the last one left it.
    known = case((RateBucket.full_at - now > beyond, now), else_=RateBucket.full_at)
    following = func.greatest(known, now) + interval
    return first.on_conflict_do_update(
        index_elements=["name"],
        set_={"full_at": following},
        where=following - now <= longest,
    ).returning(RateBucket.full_at)


def _take_for_key() -> Any:
    now = bindparam("now", type_=UtcDateTime)
    good = select(ApiKey.id, bindparam("first_full_at", type_=UtcDateTime)).where(
        ApiKey.secret_hash == bindparam("secret_hash"),
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )
    return _one_more(
        insert(RateBucket).from_select(["name", "full_at"], good),
        now,
        bindparam("interval", type_=Interval),
        bindparam("longest", type_=Interval),
        bindparam("beyond", type_=Interval),
    )


_TAKE_FOR_KEY = Statement(lambda _: _take_for_key())


def remove_full(session: Session) -> None:
    """Delete the rows of buckets that are full again: they say nothing."""
    session.execute(delete(RateBucket).where(RateBucket.full_at < clock.now()))

"""The throttle on guessing: passwords, codes, PINs. What fails too often has to wait."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete
from sqlalchemy.orm import Session

from app import clock, errors
from app.db import statements
from app.models.staff import SignInThrottle

WINDOW_MINUTES = 15
"""How long failures count; then they are forgotten."""


@dataclass(frozen=True)
class Throttle:
    """What is guessed at, such as an account or from an address, and how often it may fail."""

    kind: str
    subject: str
    failures: int

    @property
    def key(self) -> str:
        """Name it without saying what it is: no email lies about."""
        return hashlib.sha256(f"{self.kind} {self.subject}".encode()).hexdigest()


def check(session: Session, throttles: Sequence[Throttle]) -> None:
    """Refuse who has to wait.

    Raises:
        RateLimited: one of them failed too often.
    """
    for throttle in throttles:
        row = session.get(SignInThrottle, throttle.key)
        if row is None or row.failure_count < throttle.failures:
            continue
        ends_at = row.window_started_at + timedelta(minutes=WINDOW_MINUTES)
        seconds = int((ends_at - clock.now()).total_seconds())
        if seconds > 0:
            raise errors.RateLimited(
                f"Too many tries. Wait {seconds // 60 + 1} minutes, then try again.",
                retry_after_seconds=seconds,
            )


def count_failure(session: Session, throttles: Sequence[Throttle]) -> None:
    """Count a failure against each."""
    now = clock.now()
    is_over = SignInThrottle.window_started_at <= now - timedelta(minutes=WINDOW_MINUTES)
    insert = statements.insert_for(session.get_bind().dialect.name)
    for throttle in throttles:
        # One statement, so that of a crowd of guesses each is counted.
        new = insert(SignInThrottle).values(
            key=throttle.key, failure_count=1, window_started_at=now
        )
        counted = {
            "failure_count": case((is_over, 1), else_=SignInThrottle.failure_count + 1),
            "window_started_at": case(
                (is_over, new.excluded.window_started_at),
                else_=SignInThrottle.window_started_at,
            ),
        }
        session.execute(new.on_conflict_do_update(index_elements=["key"], set_=counted))


def forget(session: Session, throttle: Throttle) -> None:
    """Forget the failures: it was the right one after all."""
    session.execute(delete(SignInThrottle).where(SignInThrottle.key == throttle.key))


def remove_old(session: Session) -> None:
    """Delete what no longer counts."""
    over = clock.now() - timedelta(minutes=WINDOW_MINUTES)
    session.execute(delete(SignInThrottle).where(SignInThrottle.window_started_at <= over))

"""The one source of time. Nothing else asks the system what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_to: ContextVar[datetime | None] = ContextVar("clock_set_to", default=None)


def now() -> datetime:
    """Give the current time, aware, in UTC."""
    return _set_to.get() or datetime.now(UTC)


def timestamp() -> int:
    """Return the current time in whole seconds since 1970, UTC."""
    return int(now().timestamp())


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Let `now` answer `moment` (aware) inside the block: for history and tests."""
    token = _set_to.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)

"""Keys that let a request act once (spec section 4).

The key is claimed in the transaction of the act: a second request with the same key waits for the
first one's commit and is then told what it made. A refused act rolls its key back with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app import clock
from app.errors import IdempotencyConflict
from app.models.idempotency import IdempotencyKey
from app.rules.hashing import canonical

Result = TypeVar("Result")

SOURCE_SCOPE = "source"
"""The scope in which sources of awards are claimed, beside `form` and `api`."""


@dataclass(frozen=True)
class Once:
    """The one-time key of a request.

    Attributes:
        scope: `form` or `api`.
        key: 1 to 255 characters, chosen by the caller.
    """

    scope: str
    key: str


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What an act made.

    Attributes:
        value: the thing made, or the one made the first time.
        replayed: `""` when it was made now, `"key"` or `"source"` when it was there already.
    """

    value: Result
    replayed: str = ""


def fingerprint(act: str, request: Mapping[str, Any]) -> str:
    """Give the SHA-256 of what is asked, by which a key's second use is judged."""
    return hashlib.sha256(canonical({"act": act, **request}).encode()).hexdigest()


def claim(
    session: Session,
    *,
    workspace_id: str,
    once: Once | None,
    asked: str,
    result_id: str,
) -> str | None:
    """Claim a key for a result that is about to be made.

    Args:
        asked: the request's `fingerprint`.
        result_id: the id that the act will give to what it makes.

    Returns:
        None when the key is ours (or there is none), else the id of the first request's result.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    if once is None:
        return None
    values = {
        "workspace_id": workspace_id,
        "scope": once.scope,
        "key": once.key,
        "fingerprint": asked,
        "result_id": result_id,
        "created_at": clock.now(),
    }
    if _insert_if_new(session, values):
        return None
    first = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.result_id).where(
            IdempotencyKey.workspace_id == workspace_id,
            IdempotencyKey.scope == once.scope,
            IdempotencyKey.key == once.key,
        )
    ).one()
    if first.fingerprint != asked:
        raise IdempotencyConflict
    return str(first.result_id)


@dataclass(frozen=True)
class Answer:
    """What an API call answered: the status, and the body word for word."""

    status: int
    body: str


def first_answer(session: Session, *, workspace_id: str, once: Once) -> Answer:
    """Give what the first request under a key was answered."""
    row = session.execute(
        select(IdempotencyKey.answer_status, IdempotencyKey.answer).where(
            IdempotencyKey.workspace_id == workspace_id,
            IdempotencyKey.scope == once.scope,
            IdempotencyKey.key == once.key,
        )
    ).one()
    return Answer(int(row.answer_status), str(row.answer))


def keep_answer(
    session: Session, *, workspace_id: str, once: Once, result_id: str, answer: Answer
) -> None:
    """Keep the answer to a claimed key, in the transaction of the act."""
    session.execute(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.workspace_id == workspace_id,
            IdempotencyKey.scope == once.scope,
            IdempotencyKey.key == once.key,
        )
        .values(result_id=result_id, answer=answer.body, answer_status=answer.status)
    )


def point_to(session: Session, *, workspace_id: str, once: Once | None, result_id: str) -> None:
    """Let our claimed key answer with another result than was foreseen."""
    if once is None:
        return
    session.execute(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.workspace_id == workspace_id,
            IdempotencyKey.scope == once.scope,
            IdempotencyKey.key == once.key,
        )
        .values(result_id=result_id)
    )


def _insert_if_new(session: Session, values: dict[str, Any]) -> bool:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(IdempotencyKey).values(**values).on_conflict_do_nothing()
    return bool(session.execute(statement.returning(IdempotencyKey.key)).scalar())

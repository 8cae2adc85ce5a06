"""Keys that let a request act once (spec section 4).

The key is claimed in the transaction of the act: a second request with the same key waits for the
first one's commit and is then told what it made. A refused act rolls its key back with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.orm import Session

from app import clock, statements
from app.errors import IdempotencyConflict
from app.models.idempotency import IdempotencyKey
from app.rules.hashing import canonical
from app.statements import Call, Row, Statement

Result = TypeVar("Result")

SOURCE_SCOPE = "source"
"""The scope in which sources of awards are claimed, beside `form` and `api`."""


@dataclass(frozen=True)
class Once:
    """The one-time key of a request.

    Attributes:
        scope: `form` or `api`.
        key: 1 to 255 characters, chosen by the caller.
        asked: the fingerprint of what the caller asked for, where it is more than the act sees.
    """

    scope: str
    key: str
    asked: str = ""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What an act made.

    Attributes:
        value: the thing made, or the one made the first time.
        replayed: `""` when it was made now, `"key"` or `"source"` when it was there already.
    """

    value: Result
    replayed: str = ""


_INSERT_IF_NEW = Statement(
    lambda dialect_name: (
        statements.insert_for(dialect_name)(IdempotencyKey)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ),
    columns=("workspace_id", "scope", "key", "fingerprint", "result_id", "created_at"),
)

_RELEASE = Statement(
    lambda _: delete(IdempotencyKey).where(
        IdempotencyKey.workspace_id == bindparam("workspace_id"),
        IdempotencyKey.scope == bindparam("scope"),
        IdempotencyKey.key == bindparam("key"),
    )
)

_KEEP_ANSWER = Statement(
    lambda _: update(IdempotencyKey).where(
        IdempotencyKey.workspace_id == bindparam("of_workspace"),
        IdempotencyKey.scope == bindparam("of_scope"),
        IdempotencyKey.key == bindparam("of_key"),
    ),
    columns=("result_id", "answer", "answer_status"),
)


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
    rows = statements.ask(
        session,
        claiming(workspace_id=workspace_id, once=once, asked=asked, result_id=result_id),
    )[0]
    return first_result(session, rows, workspace_id=workspace_id, once=once, asked=asked)


def is_used(session: Session, *, workspace_id: str, once: Once | None) -> bool:
    """Say whether an act has claimed a key."""
    if once is None:
        return False
    known = select(IdempotencyKey.key).where(
        IdempotencyKey.workspace_id == workspace_id,
        IdempotencyKey.scope == once.scope,
        IdempotencyKey.key == once.key,
    )
    return session.scalar(known) is not None


def claiming(*, workspace_id: str, once: Once, asked: str, result_id: str) -> Call:
    """Give the statement of `claim`, to be sent with others; its rows go to `first_result`."""
    return _INSERT_IF_NEW(
        workspace_id=workspace_id,
        scope=once.scope,
        key=once.key,
        fingerprint=once.asked or asked,
        result_id=result_id,
        created_at=clock.now(),
    )


def first_result(
    session: Session, claimed: list[Row], *, workspace_id: str, once: Once, asked: str
) -> str | None:
    """Give what `claim` gives, from the rows of `claiming`."""
    if claimed:
        return None
    first = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.result_id).where(
            IdempotencyKey.workspace_id == workspace_id,
            IdempotencyKey.scope == once.scope,
            IdempotencyKey.key == once.key,
        )
    ).one()
    if first.fingerprint != (once.asked or asked):
        raise IdempotencyConflict
    return str(first.result_id)


@dataclass(frozen=True)
class First:
    """What is known of a key that somebody had claimed."""

    fingerprint: str
    result_id: str
    answer: str | None


def claim_all(
    session: Session, *, workspace_id: str, claims: Sequence[tuple[Once, str, str]]
) -> set[tuple[str, str]]:
    """Claim many keys, each with its fingerprint and result id.

    They are claimed in one order by all, so that two who claim the same ones never wait for each
    other in a ring.

    Returns:
        The scope and key of those that are ours; the others go to `read_firsts`.
    """
    in_order = sorted(claims, key=lambda each: (each[0].scope, each[0].key))
    claimed = statements.ask(
        session,
        *(
            claiming(workspace_id=workspace_id, once=once, asked=asked, result_id=result_id)
            for once, asked, result_id in in_order
        ),
    )
    return {
        (once.scope, once.key) for (once, _, _), rows in zip(in_order, claimed, strict=True) if rows
    }


def read_firsts(
    session: Session, *, workspace_id: str, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], First]:
    """Give what is known of keys, by scope and key."""
    if not keys:
        return {}
    rows = session.execute(
        select(
            IdempotencyKey.scope,
            IdempotencyKey.key,
            IdempotencyKey.fingerprint,
            IdempotencyKey.result_id,
            IdempotencyKey.answer,
        ).where(
            IdempotencyKey.workspace_id == workspace_id,
            tuple_(IdempotencyKey.scope, IdempotencyKey.key).in_(sorted(keys)),
        )
    )
    return {(row.scope, row.key): First(row[2], str(row[3]), row[4]) for row in rows}


def release(session: Session, *, workspace_id: str, once: Once) -> None:
    """Let go of a claimed key whose act was refused, so that it may be tried again."""
    statements.leave(session, _RELEASE(workspace_id=workspace_id, scope=once.scope, key=once.key))


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
    statements.leave(
        session,
        _KEEP_ANSWER(
            of_workspace=workspace_id,
            of_scope=once.scope,
            of_key=once.key,
            result_id=result_id,
            answer=answer.body,
            answer_status=answer.status,
        ),
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

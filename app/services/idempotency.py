"""Storage of the keys under which a request acts once (docs/api.md, "Once").

The edges claim a key in the transaction of its act, together with the act's first statements. A
second request with the same key waits for the first one's commit, is refused by `KeySeen`, and is
given what `find_first` returns. A refused act rolls its key back. The services that act know
nothing of keys; batches of awards, which have a key each, and sources are the exceptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.orm import Session

from app import clock
from app.db import statements
from app.db.statements import Call, Statement
from app.errors import IdempotencyConflict
from app.models.idempotency import StoredKey
from app.rules.hashing import canonical

UNKNOWN = ""
"""The fingerprint of forms that were sent before migration 0022, which fits any."""

SOURCE_SCOPE = "source"
"""The scope in which sources of awards are claimed, beside `form` and `api`."""


class KeySeen(Exception):
    """Another request has claimed the key."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a request.

    Attributes:
        scope: `form` or `api`, or `SOURCE_SCOPE`.
        key: 1 to 255 characters, chosen by the caller.
        fingerprint: SHA-256 of what is asked for, by which a second use of the key is judged.
    """

    scope: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API call answered: the status, and the body word for word."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class First:
    """What the first request under a key asked for and made."""

    fingerprint: str
    result_id: str
    answer: Answer | None


_INSERT_IF_NEW = Statement(
    lambda dialect_name: (
        statements.insert_for(dialect_name)(StoredKey)
        .on_conflict_do_nothing()
        .returning(StoredKey.key)
    ),
    columns=("workspace_id", "scope", "key", "fingerprint", "result_id", "created_at"),
)


def _is_key(prefix: str = "") -> tuple[Any, ...]:
    return tuple(
        getattr(StoredKey, name) == bindparam(f"{prefix}{name}")
        for name in ("workspace_id", "scope", "key")
    )


_RELEASE = Statement(lambda _: delete(StoredKey).where(*_is_key()))

_KEEP = Statement(
    lambda _: update(StoredKey).where(*_is_key("of_")),
    columns=("result_id", "answer", "answer_status"),
)


def fingerprint(act: str, request: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what is asked for."""
    return hashlib.sha256(canonical({"act": act, **request}).encode()).hexdigest()


def claim(session: Session, *, workspace_id: str, key: IdempotencyKey) -> None:
    """Claim a key with the next statements that are sent; they raise `KeySeen` if it is taken.

    It is ours until the transaction ends: `keep` writes what it stands for.
    """
    statements.defer(
        session, claiming(workspace_id=workspace_id, key=key, result_id="", or_raise=KeySeen)
    )


def claiming(
    *,
    workspace_id: str,
    key: IdempotencyKey,
    result_id: str,
    or_raise: type[Exception] | None = None,
) -> Call:
    """Return the statement that claims a key; it returns a row if the key was free."""
    return _INSERT_IF_NEW(
        workspace_id=workspace_id,
        scope=key.scope,
        key=key.key,
        fingerprint=key.fingerprint,
        result_id=result_id,
        created_at=clock.now(),
    ).or_raise(or_raise)


def keep(
    session: Session,
    *,
    workspace_id: str,
    key: IdempotencyKey,
    result_id: str,
    answer: Answer | None = None,
) -> None:
    """Write what a claimed key stands for, in the transaction of the act."""
    statements.defer(
        session,
        _KEEP(
            of_workspace_id=workspace_id,
            of_scope=key.scope,
            of_key=key.key,
            result_id=result_id,
            answer=answer.body if answer else None,
            answer_status=answer.status if answer else None,
        ),
    )


def release(session: Session, *, workspace_id: str, key: IdempotencyKey) -> None:
    """Delete a claimed key whose act was refused, so that it may be tried again."""
    statements.defer(session, _RELEASE(workspace_id=workspace_id, scope=key.scope, key=key.key))


def find_first(session: Session, *, workspace_id: str, key: IdempotencyKey) -> First | None:
    """Return what the first request under a key made, or None if the key is free.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    name = (key.scope, key.key)
    first = read_firsts(session, workspace_id=workspace_id, names=[name]).get(name)
    if first is not None and first.fingerprint not in {key.fingerprint, UNKNOWN}:
        raise IdempotencyConflict
    return first


def claim_all(
    session: Session, *, workspace_id: str, claims: Sequence[tuple[IdempotencyKey, str]]
) -> set[tuple[str, str]]:
    """Claim many keys, each for a result id, and return the scope and key of those that were free.

    All callers claim in the same order, so that two of them never wait for each other in a ring.
    """
    in_order = sorted(claims, key=lambda each: (each[0].scope, each[0].key))
    claimed = statements.execute(
        session,
        *(
            claiming(workspace_id=workspace_id, key=key, result_id=result_id)
            for key, result_id in in_order
        ),
    )
    return {(key.scope, key.key) for (key, _), rows in zip(in_order, claimed, strict=True) if rows}


def read_firsts(
    session: Session, *, workspace_id: str, names: Collection[tuple[str, str]]
) -> dict[tuple[str, str], First]:
    """Return what is stored of keys, by scope and key; free ones are left out."""
    if not names:
        return {}
    rows = session.execute(
        select(
            StoredKey.scope,
            StoredKey.key,
            StoredKey.fingerprint,
            StoredKey.result_id,
            StoredKey.answer_status,
            StoredKey.answer,
        ).where(
            StoredKey.workspace_id == workspace_id,
            tuple_(StoredKey.scope, StoredKey.key).in_(sorted(names)),
        )
    )
    return {
        (row.scope, row.key): First(
            row.fingerprint,
            str(row.result_id),
            None if row.answer is None else Answer(row.answer_status, row.answer),
        )
        for row in rows
    }

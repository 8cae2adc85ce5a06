"""Requests that act once: the key is claimed in the transaction of the act.

The API's `Idempotency-Key` and the one-time key of each form take the same way. Services know
nothing of keys.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from app.errors import RegularsError
from app.http import database
from app.services import idempotency
from app.services.idempotency import Answer, First, IdempotencyKey, KeySeen

Made = TypeVar("Made")


class Transactions(Protocol):
    """Where acts run: the current app's database, or one without an app, as tests have it."""

    def writing(self) -> AbstractContextManager[Session]:
        """Return a transaction that commits at its end."""

    def reading(self) -> AbstractContextManager[Session]:
        """Return a transaction that changes nothing."""


def act_once(
    key: IdempotencyKey,
    act: Callable[[Session], Made],
    kept: Callable[[Made], tuple[str, Answer | None]],
    *,
    workspace_id: str,
    transactions: Transactions = database,
) -> Made | First:
    """Run an act in a transaction of its own, or return what the first request under its key made.

    A refusal rolls the key back, so the request may be tried again under it. It is raised only if
    the key is free: what was done before is not refused now.

    Args:
        kept: returns what is stored of what the act made: its id, and the answer if one is kept.

    Raises:
        IdempotencyConflict: the key was used for another request.
        RegularsError: the act was refused.
    """
    refusal: RegularsError | None = None
    try:
        with transactions.writing() as session:
            idempotency.claim(session, workspace_id=workspace_id, key=key)
            made = act(session)
            result_id, answer = kept(made)
            idempotency.keep(
                session, workspace_id=workspace_id, key=key, result_id=result_id, answer=answer
            )
    except KeySeen:
        pass
    except RegularsError as error:
        refusal = error
    else:
        return made
    with transactions.reading() as session:
        first = idempotency.find_first(session, workspace_id=workspace_id, key=key)
    if first is not None:
        return first
    raise refusal or RuntimeError("a key was seen that is not there")

"""What every call that changes something has in common: once, and the same answer again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Response, g, request
from sqlalchemy.orm import Session

from app.api import answers, schemas
from app.db import writing
from app.errors import NotFound
from app.http import keys
from app.models.columns import JsonObject
from app.services import idempotency
from app.services.idempotency import Once

SCOPE = "api"


@dataclass(frozen=True)
class Done:
    """What an act gives to its caller.

    Attributes:
        shape: the object, as `services.snapshots` shapes it.
        status: 201 for what is new, else 200.
        replayed: what `Idempotent-Replayed` says, or "".
    """

    shape: JsonObject
    status: int = 200
    replayed: str = ""


def act(
    schema: type[schemas.Schema],
    do: Callable[[Session], Done],
    *,
    once: Once | None = None,
    claims_itself: bool = False,
) -> Response:
    """Do something in one transaction, with its key and its answer, and answer.

    Args:
        once: the request's key, see `once_of`.
        claims_itself: the act was given the key and claims it together with its locks, to save
            a round trip; its `Done` says `key` when somebody had claimed it.

    The same key with the same request gives the first answer, byte for byte (spec section 4). A
    refusal rolls its key back, so it may be tried again.
    """
    with writing() as session:
        if once and not claims_itself and _was_answered(session, once):
            return _first_answer(session, once)
        done = do(session)
        if once and done.replayed == "key":
            return _first_answer(session, once)
        session.flush()
        text = answers.text_of(schema, done.shape)
        if once:
            idempotency.keep_answer(
                session,
                workspace_id=keys.workspace_id(),
                once=once,
                # A batch is no object with an id.
                result_id=str(done.shape.get("id", "")),
                answer=idempotency.Answer(done.status, text),
            )
    return _replay(answers.answer(text, done.status), done.replayed)


@contextmanager
def naming(param: str) -> Iterator[None]:
    """Let an id that is not there be told by the name under which it was sent."""
    try:
        yield
    except NotFound as error:
        error.param = error.param or param
        raise


def once_of(header: schemas.OnceHeader) -> Once | None:
    """Give the request's key, with the fingerprint of everything that the request says."""
    if not header.idempotency_key:
        return None
    asked = idempotency.fingerprint(
        f"{request.method} {request.path}", {"body": g.get("json_body") or {}}
    )
    return Once(SCOPE, header.idempotency_key, asked)


def _was_answered(session: Session, once: Once) -> bool:
    # The id is not known before the act; it is set with the answer, in the same transaction.
    first = idempotency.claim(
        session, workspace_id=keys.workspace_id(), once=once, asked=once.asked, result_id=""
    )
    return first is not None


def _first_answer(session: Session, once: Once) -> Response:
    kept = idempotency.first_answer(session, workspace_id=keys.workspace_id(), once=once)
    return _replay(answers.answer(kept.body, kept.status), "true")


def _replay(response: Response, replayed: str) -> Response:
    if replayed:
        response.headers["Idempotent-Replayed"] = replayed
    return response

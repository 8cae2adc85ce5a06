"""What all calls that change something share: they act once, and answer the same again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Response, g, request
from sqlalchemy.orm import Session

from app.api import responses, schemas
from app.errors import NotFound
from app.http import idempotent, keys
from app.http.database import writing
from app.models.columns import JsonObject
from app.services import idempotency
from app.services.idempotency import Answer, First, IdempotencyKey

SCOPE = "api"


@dataclass(frozen=True)
class Done:
    """What an act returns to its caller.

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
    key: IdempotencyKey | None = None,
) -> Response:
    """Do something in one transaction, with its key and its answer, and answer.

    The same key with the same request gives the first answer, byte for byte. A refusal rolls its
    key back, so it may be tried again.

    Args:
        key: the request's, see `key_of`.
    """

    def answered(session: Session) -> tuple[Done, str]:
        done = do(session)
        session.flush()
        return done, responses.text_of(schema, done.shape)

    if key is None:
        with writing() as session:
            done, text = answered(session)
        return _replay(responses.answer(text, done.status), done.replayed)
    made = idempotent.act_once(key, answered, _kept, workspace_id=keys.workspace_id())
    if isinstance(made, First):
        assert made.answer is not None  # noqa: S101 - written in the transaction of the key
        return _replay(responses.answer(made.answer.body, made.answer.status), "true")
    done, text = made
    return _replay(responses.answer(text, done.status), done.replayed)


def _kept(made: tuple[Done, str]) -> tuple[str, Answer]:
    done, text = made
    # A batch is no object with an id.
    return str(done.shape.get("id", "")), Answer(done.status, text)


@contextmanager
def naming(param: str) -> Iterator[None]:
    """Name an id that is not found by the field in which it was sent."""
    try:
        yield
    except NotFound as error:
        error.param = error.param or param
        raise


def key_of(header: schemas.OnceHeader) -> IdempotencyKey | None:
    """Return the request's key, with the fingerprint of everything that the request says."""
    if not header.idempotency_key:
        return None
    asked = idempotency.fingerprint(
        f"{request.method} {request.path}", {"body": g.get("json_body") or {}}
    )
    return IdempotencyKey(SCOPE, header.idempotency_key, asked)


def _replay(response: Response, replayed: str) -> Response:
    if replayed:
        response.headers["Idempotent-Replayed"] = replayed
    return response

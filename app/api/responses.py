"""Shaping answers: objects, lists and errors, each through the schema that documents it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from flask import Response, current_app, g

from app.api import schemas
from app.api.parsing import AsSent
from app.errors import IdempotencyConflict
from app.http import request_log
from app.http.failures import Failure
from app.http.keys import add_limit_headers, caller, find_caller
from app.http.requests import request_id
from app.models.columns import JsonObject
from app.services.paging import RequestedPage

Row = TypeVar("Row")

_TYPES = {
    400: "invalid_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    409: "conflict",
    422: "refused",
    429: "rate_limit",
}

_CODES = {404: "resource_missing", 405: "method_not_allowed", 413: "request_too_large"}

_MESSAGES = {
    404: "There is nothing at this address. See /docs for the calls that there are.",
    405: "This address does not take that method. See /docs.",
    413: "The body is too large: 64 KiB are the most, and 1 MiB for a batch or a payment.",
    500: "Something broke here and nothing was changed. Try again with the same Idempotency-Key.",
    503: "The database did not answer and nothing was changed. Try again with the same "
    "Idempotency-Key.",
}

_CHECK_MESSAGES = {
    500: "Something broke here, and this may have been saved. Try again with the same "
    "Idempotency-Key; without one, look first.",
    503: "The database stopped answering, and this may have been saved. Try again with the same "
    "Idempotency-Key; without one, look first.",
}


def text_of(schema: type[schemas.Schema], shape: JsonObject) -> str:
    """Write an object as JSON, held to its schema."""
    return schema.model_validate(with_mode(shape)).model_dump_json(exclude_unset=True)


def one(schema: type[schemas.Schema], shape: JsonObject) -> Response:
    """Answer with one object."""
    return answer(text_of(schema, shape))


def many(
    schema: type[schemas.Schema], found: RequestedPage[Row], shape: Callable[[Row], JsonObject]
) -> Response:
    """Answer with a part of a list; the cursor is the id at the end that one goes on from."""
    data = [with_mode(shape(row)) for row in found.rows]
    cursor = data[0 if found.is_newer else -1]["id"] if data else None
    page = {"hasMore": found.has_more, "nextCursor": cursor if found.has_more else None}
    whole = schema.model_validate({"object": "list", "data": data, "page": page})
    return answer(whole.model_dump_json(exclude_unset=True))


def answer(text: str, status: int = 200) -> Response:
    """Answer with a JSON text."""
    return current_app.response_class(text, status=status, mimetype="application/json")


def failure(told: Failure) -> Response:
    """Answer with an error (spec section 5)."""
    detail = error_detail(told)
    g.error_code = detail["code"]
    text = schemas.ErrorBody.model_validate({"error": detail}).model_dump_json()
    return answer(text, told.status)


def error_detail(told: Failure) -> JsonObject:
    """Shape an error."""
    if told.code == IdempotencyConflict.code:
        # The page's words speak of what is below.
        told = replace(
            told,
            message="This key was used for another request, which counted. Nothing was changed "
            "now. Send a new request under a new key.",
            param=told.param or AsSent("Idempotency-Key"),
        )
    kind = _TYPES.get(told.status, "server" if told.status >= 500 else "invalid_request")  # noqa: PLR2004
    return {
        "type": kind,
        "code": told.code or _CODES.get(told.status, "server_error"),
        "message": told.message or _message(told),
        "param": told.param if isinstance(told.param, AsSent) else _camel(told.param),
        "requestId": request_id(),
    }


def _message(told: Failure) -> str:
    known = _CHECK_MESSAGES if told.may_be_saved else _MESSAGES
    return known.get(told.status, "That request cannot be served.")


def finish(response: Response) -> Response:
    """Say how much may still be asked, and write the request down."""
    add_limit_headers(response)
    request_log.note(response, error_code=g.get("error_code", ""))
    return response


def with_mode(shape: JsonObject) -> JsonObject:
    """Say in an object, and in those within it, whether it is live."""
    found = find_caller()
    if found is None or "deleted" in shape:
        return shape
    live = caller().workspace.is_live
    inner = {
        name: {**shape[name], "livemode": live}
        for name in ("customer", "data")
        if isinstance(shape.get(name), dict) and "object" in shape[name]
    }
    return {**shape, **inner, "livemode": live}


def _camel(param: str | None) -> str | None:
    if not param:
        return None
    head, *rest = param.split("_")
    return head + "".join(part.title() for part in rest)

"""What went wrong in a request, told as the caller reads: a page, or JSON below `/v1`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from flask import Flask, Response, current_app
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.exceptions import HTTPException

from app import errors
from app.http.database import may_have_committed
from app.http.requests import is_api
from app.http.statuses import status_of

RETRY_SECONDS = 2

_EXTENSION = "regulars.failure_tellers"

_log = structlog.get_logger("regulars.errors")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that did not succeed.

    Attributes:
        code: the stable code, or None where a page needs none.
        message: what a person should do, or None for the status' usual words.
        headers: what the answer must carry.
        may_be_saved: whether it broke at or after a commit; otherwise nothing was changed.
    """

    status: int
    code: str | None = None
    message: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    may_be_saved: bool = False


Teller = Callable[[Failure], Response]


def install(app: Flask, *, page: Teller, json: Teller) -> None:
    """Let every failure be told by one of the two."""
    app.extensions[_EXTENSION] = (page, json)
    app.register_error_handler(errors.RegularsError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(NoFreeConnection, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _tell(failure: Failure) -> Response:
    page, json = current_app.extensions[_EXTENSION]
    teller: Teller = json if is_api() else page
    response = teller(failure)
    response.headers.extend(failure.headers)
    return response


def _refused(error: errors.RegularsError) -> Response:
    headers = {}
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.InvalidApiKey):
        headers["WWW-Authenticate"] = "Bearer"
    return _tell(
        Failure(
            status=int(status_of(error)),
            code=error.code,
            message=error.message,
            param=error.param,
            headers=headers,
        )
    )


def _http_error(error: HTTPException) -> Response:
    methods = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(methods))} if methods else {}
    return _tell(Failure(status=error.code or 500, headers=headers))


def _database_error(error: OperationalError | NoFreeConnection) -> Response:
    cause = error.orig if isinstance(error, OperationalError) else error
    _log.error("database", error=type(cause).__name__)
    return _tell(
        Failure(
            status=503,
            headers={"Retry-After": str(RETRY_SECONDS)},
            may_be_saved=may_have_committed(),
        )
    )


def _unexpected(_error: Exception) -> Response:
    # The trace goes to the log; what a person typed may be in the message, so the answer has none.
    _log.exception("unexpected")
    return _tell(Failure(status=500, may_be_saved=may_have_committed()))

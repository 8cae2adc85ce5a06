"""Error pages: what happened, what to do, and the request's id for who has to look it up."""

from __future__ import annotations

import structlog
from flask import Flask, Response, current_app, render_template
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException

from app import errors
from app.http.requests import request_id
from app.http.statuses import status_of

_log = structlog.get_logger("regulars.errors")

_HEADINGS = {
    400: "That did not work",
    403: "Not allowed",
    404: "Not found",
    405: "That can't be opened like this",
    409: "Already sent",
    413: "Too large",
    422: "Not possible now",
    429: "Too many tries",
    500: "Something broke here",
    503: "Not saved",
}

_MESSAGES = {
    404: "There is nothing at this address. Check it, or search for the member.",
    405: "Go back and use the button on the page.",
    413: "That was too large. Send less at once.",
    500: "Nothing was changed. Try again; if it stays broken, tell who runs Regulars the id below.",
    503: "The database did not answer. Nothing was changed. Try again, it cannot count twice.",
}

RETRY_SECONDS = 2


def install(app: Flask) -> None:
    """Give the app its error pages."""
    app.register_error_handler(errors.RegularsError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: errors.RegularsError) -> Response:
    status = int(status_of(error))
    response = _page(status, error.message)
    if isinstance(error, errors.RateLimited):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return _page(status, _MESSAGES.get(status, error.description or ""))


def _database_error(error: DBAPIError) -> Response:
    _log.error("database", error=type(error.orig).__name__)
    response = _page(503, _MESSAGES[503])
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _unexpected(_error: Exception) -> Response:
    # The trace goes to the log; what a person typed may be in the message, so the page has none.
    _log.exception("unexpected")
    return _page(500, _MESSAGES[500])


def _page(status: int, message: str) -> Response:
    text = render_template(
        "errors/error.html",
        status=status,
        heading=_HEADINGS.get(status, "That did not work"),
        message=message,
        request_id=request_id(),
    )
    return current_app.make_response((text, status))

"""A line in the process's log for what may be an attempt to get in or round a control.

Whoever runs the server sees from where it came, and can let a firewall act on it. The audit log has
what is known of people; this has also what nobody known did.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from flask import Flask, Response, request

_log = structlog.get_logger("regulars.attempts")

_TELLING: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "bad_credentials",
    HTTPStatus.FORBIDDEN: "not_allowed",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many",
}


def install(app: Flask) -> None:
    """Note each answer that turned somebody away."""
    app.after_request(_note_refusal)


def note(what: str) -> None:
    """Write an attempt down.

    Args:
        what: `password`, `code`, `pin`, `passkey`, `form_token`, or why an answer refused.
    """
    _log.warning(
        "attempt",
        what=what,
        route=request.url_rule.rule if request.url_rule else "",
        address=request.remote_addr,
    )


def _note_refusal(response: Response) -> Response:
    what = _TELLING.get(response.status_code)
    if what is not None:
        note(what)
    return response

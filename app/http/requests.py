"""What every request gets: an id, a line in the log, and headers that keep browsers safe."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

import structlog
from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
)
from werkzeug.datastructures import ImmutableMultiDict

from app.errors import NotFound
from app.http import origins
from app.http.proxies import BY_PROXY
from app.ids import new_id
from app.metrics import Metrics

_log = structlog.get_logger("regulars.request")

_CALLERS_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; manifest-src 'self'"
)

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Flask-WTF compares the Referer over https, so it must reach our own host.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

STRICT_TRANSPORT = "max-age=31536000"
"""For a year a browser that came by https comes by nothing else."""

STATIC_SECONDS = 3600

API_PREFIX = "/v1/"
PAYMENTS_PREFIX = "/v1/inbound/"
"""Below it other systems tell of payments; they sign, and bring no key."""


class StorableRequest(Request):
    """A request whose pages get no NUL: PostgreSQL keeps it in no text, and nobody types one."""

    @property
    def parameter_storage_class(self) -> type[ImmutableMultiDict[str, Any]]:  # type: ignore[override]
        """Give what holds the address's and a form's values. A program is told of its fault."""
        return ImmutableMultiDict if self.path.startswith(API_PREFIX) else _WithoutNul


class _WithoutNul(ImmutableMultiDict[str, Any]):
    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__((name, _without_nul(value)) for name, value in pairs)


def _without_nul(value: Any) -> Any:
    """Give a value; what is no text is a file, which no form takes."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def install(app: Flask) -> None:
    """Give every request of the app its id, its log line and its headers."""
    app.session_interface = _PageSessions()
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


class _PageSessions(SecureCookieSessionInterface):
    """The session in the cookie, for pages; a program brings its key and no cookies.

    A request of another site finds an empty session, and its answer sets no cookie.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session, or give None for one that stays empty."""
        if request.path.startswith(API_PREFIX):
            return None
        if not origins.may_use_session(request):
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, if the request may."""
        if origins.may_use_session(request):
            super().save_session(app, session, response)


def request_id() -> str:
    """Give the id of the request under way."""
    found = g.get("request_id")
    return str(found) if found else ""


def is_api() -> bool:
    """Say whether the caller is a program."""
    return request.path.startswith(API_PREFIX)


def is_payments() -> bool:
    """Say whether the caller is a system that tells of payments."""
    return request.path.startswith(PAYMENTS_PREFIX)


def _begin() -> None:
    # An id from a proxy in front is kept, so that its log and ours can be laid side by side; one
    # that a browser made up is not.
    brought = request.headers.get("X-Request-Id", "") if BY_PROXY in request.environ else ""
    # A program's request is found again by its id, so that one is never brought.
    is_kept = _CALLERS_ID.fullmatch(brought) and not is_api()
    g.request_id = brought if is_kept else new_id("req")
    g.started_at = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    # The calls that need a key look at their address when they know whose it is.
    is_looked_at_later = is_api() and not is_payments()
    if not is_looked_at_later and "\0" in request.path:
        raise NotFound("There is nothing at this address.")


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    _measure(response)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    if request.endpoint != "static":
        # Pages hold people's data, and Back must show what is true now.
        response.headers.setdefault("Cache-Control", "no-store")
        _write_line(response)
    return response


def _measure(response: Response) -> None:
    metrics: Metrics = current_app.extensions["regulars.metrics"]
    metrics.count_request(
        method=request.method,
        route=_route(),
        status=response.status_code,
        seconds=time.perf_counter() - g.started_at,
    )


def _route() -> str:
    return request.url_rule.rule if request.url_rule else ""


def _write_line(response: Response) -> None:
    # The route's pattern and no query string: both could hold what a person typed.
    _log.info(
        "request",
        method=request.method,
        route=_route(),
        status=response.status_code,
        milliseconds=round((time.perf_counter() - g.started_at) * 1000, 1),
    )


def _forget(_error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()

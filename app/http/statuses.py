"""The one table from kinds of errors to HTTP statuses (spec section 5)."""

from __future__ import annotations

from http import HTTPStatus

from app import errors

_STATUSES: tuple[tuple[type[errors.RegularsError], HTTPStatus], ...] = (
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.InvalidApiKey, HTTPStatus.UNAUTHORIZED),
    (errors.InvalidSignature, HTTPStatus.UNAUTHORIZED),
    (errors.WrongContentType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.PermissionDenied, HTTPStatus.FORBIDDEN),
    (errors.IdempotencyConflict, HTTPStatus.CONFLICT),
    (errors.SourceConflict, HTTPStatus.CONFLICT),
    (errors.RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.Refused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.RegularsError, HTTPStatus.BAD_REQUEST),
)


def status_of(error: errors.RegularsError) -> HTTPStatus:
    """Give the status of an error: the first kind of the table that it is."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))

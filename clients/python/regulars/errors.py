"""What can go wrong. Every answer that is no success becomes one of these."""

from __future__ import annotations


class RegularsError(Exception):
    """Anything that this client raises."""


class ConnectionFailed(RegularsError):
    """The server did not answer, however often it was asked. The same key may be tried again."""


class SignatureInvalid(RegularsError):
    """A webhook is not from Regulars, was changed on the way, or is too old."""


class ApiError(RegularsError):
    """The server refused.

    Attributes:
        status: the HTTP status.
        code: the stable code, such as `insufficient_points`.
        message: what to do, in a sentence.
        param: the field that is at fault, if one is.
        request_id: names the request in the server's log.
    """

    def __init__(
        self, message: str, *, status: int, code: str, param: str | None, request_id: str | None
    ) -> None:
        super().__init__(f"{message} ({code}, request {request_id})")
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id


class InvalidRequest(ApiError):
    """The request is malformed (400, 405, 413, 415)."""


class AuthenticationFailed(ApiError):
    """The key is missing, wrong, revoked or expired (401)."""


class PermissionDenied(ApiError):
    """The key may not do this (403)."""


class NotFound(ApiError):
    """There is no such object for this key (404)."""


class IdempotencyConflict(ApiError):
    """The idempotency key was used for another request (409)."""


class Refused(ApiError):
    """Well-formed, but impossible now; `code` says why (422). Nothing was changed."""


class RateLimited(ApiError):
    """Too many requests, also after waiting (429)."""


class ServerFailed(ApiError):
    """The server is broken or busy, also after trying again (5xx)."""


_KINDS: dict[int, type[ApiError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: IdempotencyConflict,
    422: Refused,
    429: RateLimited,
}
_FIRST_SERVER_STATUS = 500


def kind_of(status: int) -> type[ApiError]:
    """Give the error that a status means."""
    if status >= _FIRST_SERVER_STATUS:
        return ServerFailed
    return _KINDS.get(status, InvalidRequest)

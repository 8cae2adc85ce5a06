"""Sending one POST to an address that somebody else chose, without being led anywhere else.

Every address that the name resolves to is judged, and the judged address is the one that is
connected to; the name stays in Host and TLS. No redirect is followed, no proxy of the environment
is used, little of the answer is read, and all of it ends with one deadline.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from app import clock
from app.rules.addresses import is_public
from app.services.webhook_deliveries import Answer

DEADLINE_SECONDS = 10.0
"""For all of it: name, connection, sending, answer (spec section 6)."""

ANSWER_BYTES_MAX = 2048

_RESOLVERS = 16
_resolving = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")


class Refused(Exception):
    """The address may not be asked, or cannot be found; the text says why."""


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allows_private: bool = False,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Answer:
    """Send a body and give what came back, or why nothing did; never raises for the receiver."""
    started = time.monotonic()
    try:
        answer = _post(url, headers, body, allows_private, started + deadline_seconds)
    except Refused as refusal:
        answer = Answer(duration_ms=0, error=str(refusal))
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        is_late = time.monotonic() - started >= deadline_seconds
        words = f"No answer within {deadline_seconds:g} s" if is_late else _words_of(error)
        answer = Answer(duration_ms=0, error=words)
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    return Answer(
        duration_ms=milliseconds,
        status=answer.status,
        error=answer.error,
        start=answer.start,
        retry_after_seconds=answer.retry_after_seconds,
    )


def resolve(host: str, port: int, *, allows_private: bool, seconds: float) -> list[str]:
    """Give the addresses of a host, all of which may be asked.

    Raises:
        Refused: there is none, or any of them is not public.
    """
    found: Future[list[tuple[object, ...]]] = _resolving.submit(
        socket.getaddrinfo,  # type: ignore[arg-type]  # its overloads confuse the executor's type
        host,
        port,
        type=socket.SOCK_STREAM,
    )
    try:
        rows = found.result(timeout=max(0.01, seconds))
    except (OSError, UnicodeError, TimeoutError):
        raise Refused(f"The host {host} cannot be found.") from None
    addresses = [str(row[4][0]) for row in rows]  # type: ignore[index]  # as getaddrinfo gives them
    if not addresses:
        raise Refused(f"The host {host} has no address.")
    if not allows_private and not all(is_public(address) for address in addresses):
        raise Refused(f"The host {host} is not on the public internet.")
    return list(dict.fromkeys(addresses))


def _post(
    url: str, headers: Mapping[str, str], body: bytes, allows_private: bool, ends_at: float
) -> Answer:
    parts = urlsplit(url)
    host, port = _host_of(parts, allows_private)
    seconds = ends_at - time.monotonic()
    addresses = resolve(host, port, allows_private=allows_private, seconds=seconds)
    for address in addresses[:-1]:
        with suppress(NewConnectionError, ConnectTimeoutError):
            return _post_to(address, (host, port), parts, headers, body, ends_at)
    return _post_to(addresses[-1], (host, port), parts, headers, body, ends_at)


def _post_to(  # noqa: PLR0917 - one attempt
    address: str,
    place: tuple[str, int],
    parts: SplitResult,
    headers: Mapping[str, str],
    body: bytes,
    ends_at: float,
) -> Answer:
    seconds = max(0.01, ends_at - time.monotonic())
    connection = _connection(parts.scheme, place[0], address, place[1], seconds)
    # A time-out of the socket begins anew with every byte, so a drip could go on for ever.
    watch = threading.Timer(seconds, _cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        return _exchange(connection, parts, headers, body)
    finally:
        watch.cancel()
        connection.close()


def _exchange(
    connection: HTTPConnection, parts: SplitResult, headers: Mapping[str, str], body: bytes
) -> Answer:
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    host = parts.netloc.rpartition("@")[2]
    connection.request(
        "POST",
        target,
        body=body,
        headers={
            "Host": host,
            "Content-Type": "application/json",
            "User-Agent": "Regulars-Webhooks/1",
            "Connection": "close",
            **headers,
        },
        preload_content=False,
        decode_content=False,
    )
    response = connection.getresponse()
    start = response.read(ANSWER_BYTES_MAX, decode_content=False)
    return Answer(
        duration_ms=0,
        status=response.status,
        start=start.decode("utf-8", "replace").replace("\x00", "�")[:500],
        retry_after_seconds=_asked_seconds(response.headers.get("Retry-After", "").strip()),
    )


def _asked_seconds(text: str) -> int | None:
    """Read a Retry-After: seconds, or a date (RFC 9110, section 10.2.3)."""
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0, round((moment.astimezone(UTC) - clock.now()).total_seconds()))


def _host_of(parts: SplitResult, allows_private: bool) -> tuple[str, int]:
    schemes = {"https": 443, "http": 80} if allows_private else {"https": 443}
    if parts.scheme not in schemes or not parts.hostname or parts.username is not None:
        raise Refused("The address is no plain https address.")
    return parts.hostname, parts.port or schemes[parts.scheme]


def _connection(scheme: str, host: str, address: str, port: int, seconds: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(address, port, timeout=seconds)
    return HTTPSConnection(
        address,
        port,
        timeout=seconds,
        ssl_context=ssl.create_default_context(),
        server_hostname=host,
        assert_hostname=host,
    )


def _cut(connection: HTTPConnection) -> None:
    """End whatever the connection waits for."""
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            connection.sock.close()


def _words_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) or "SSL" in type(error).__name__:
        return "The certificate does not hold, or TLS failed."
    if "Refused" in type(error).__name__ or "NewConnection" in type(error).__name__:
        return "The connection was refused."
    return f"The connection broke ({type(error).__name__})."

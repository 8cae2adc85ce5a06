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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from app import clock
from app.rules.addresses import is_public
from app.services.webhooks.deliveries import Answer

DEADLINE_SECONDS = 10.0
"""For all of it: name, connection, sending, answer (spec section 6)."""

ANSWER_BYTES_MAX = 2048

_Rows = list[tuple[object, ...]]


class Refused(Exception):
    """The address may not be asked, or cannot be found; the text says why."""


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allows_private: bool = False,
    hosts: Sequence[str] = (),
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Answer:
    """Send a body and give what came back, or why nothing did; never raises for the receiver.

    Args:
        hosts: the only names that may be asked, as the setting has them; none means any.
    """
    started = time.monotonic()
    try:
        _check_listed(url, hosts)
        answer = _post(url, headers, body, allows_private, started + deadline_seconds)
    except Refused as refusal:
        answer = Answer(duration_ms=0, error=str(refusal))
    except (OSError, HTTPException, ValueError) as error:
        is_late = time.monotonic() - started >= deadline_seconds
        words = f"No answer within {deadline_seconds:g} s" if is_late else _words_of(error)
        answer = Answer(duration_ms=0, error=words)
    return replace(answer, duration_ms=round((time.monotonic() - started) * 1000, 1))


def resolve(host: str, port: int, *, allows_private: bool, seconds: float) -> list[str]:
    """Give the addresses of a host, all of which may be asked.

    Raises:
        Refused: there is none, or any of them is not public.
    """
    try:
        rows = _looks.up(host, port).result(timeout=max(0.01, seconds))
    except (OSError, UnicodeError, TimeoutError):
        raise Refused(f"The host {host} cannot be found.") from None
    addresses = [str(row[4][0]) for row in rows]  # type: ignore[index]  # as getaddrinfo gives them
    if not addresses:
        raise Refused(f"The host {host} has no address.")
    if not allows_private and not all(is_public(address) for address in addresses):
        raise Refused(f"The host {host} is not on the public internet.")
    return list(dict.fromkeys(addresses))


class _LookUps:
    """Look-ups of names under way: one for each name, which all who ask for it wait for.

    The system's resolver cannot be broken off. A name whose server is silent holds one thread,
    however often it is asked for, and nobody else's.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], Future[_Rows]] = {}
        self._lock = threading.Lock()

    def up(self, host: str, port: int) -> Future[_Rows]:
        """Give the look-up of a name, begun now unless it is under way."""
        with self._lock:
            found = self._under_way.get((host, port))
            if found is not None:
                return found
            found = self._under_way[host, port] = Future()
        thread = threading.Thread(target=self._look, args=(host, port, found), daemon=True)
        thread.start()
        return found

    def _look(self, host: str, port: int, found: Future[_Rows]) -> None:
        try:
            rows: _Rows = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            self._end(host, port)
            found.set_exception(error)
        else:
            self._end(host, port)
            found.set_result(rows)

    def _end(self, host: str, port: int) -> None:
        with self._lock:
            del self._under_way[host, port]


_looks = _LookUps()


def _post(
    url: str, headers: Mapping[str, str], body: bytes, allows_private: bool, ends_at: float
) -> Answer:
    parts = urlsplit(url)
    host, port = _host_of(parts, allows_private)
    seconds = ends_at - time.monotonic()
    addresses = resolve(host, port, allows_private=allows_private, seconds=seconds)
    raw = _connect(addresses, port, ends_at)
    with _cut_at(ends_at, raw):
        return _exchange(raw, host, parts, headers, body, ends_at)


def _connect(addresses: list[str], port: int, ends_at: float) -> socket.socket:
    """Connect to the first address that takes it; nothing has been sent before one does.

    Raises:
        OSError: none does.
    """
    for at, address in enumerate(addresses):
        is_last = at == len(addresses) - 1
        # A dead address leaves time for the next one.
        seconds = _left(ends_at) / (1 if is_last else 2)
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError:
            if is_last:
                raise
    raise AssertionError("the last address connects or raises")


@contextmanager
def _cut_at(ends_at: float, raw: socket.socket) -> Iterator[None]:
    """Cut a connection when the deadline comes, whatever it waits for.

    A time-out of a socket begins anew with every byte, so a drip could go on for ever.
    """
    # The file descriptor may move into a TLS socket; a copy of it cuts the same connection.
    knife = raw.dup()
    watch = threading.Timer(max(0, ends_at - time.monotonic()), _cut, [knife])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        knife.close()
        raw.close()


def _exchange(  # noqa: PLR0917 - one attempt
    raw: socket.socket,
    host: str,
    parts: SplitResult,
    headers: Mapping[str, str],
    body: bytes,
    ends_at: float,
) -> Answer:
    raw.settimeout(_left(ends_at))
    # Its socket is there already, so that this name is never looked up.
    connection = HTTPConnection("receiver.invalid")
    connection.sock = (
        ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        if parts.scheme == "https"
        else raw
    )
    try:
        return _sent(connection, parts, headers, body)
    finally:
        connection.close()


def _sent(
    connection: HTTPConnection, parts: SplitResult, headers: Mapping[str, str], body: bytes
) -> Answer:
    path = parts.path or "/"
    connection.request(
        "POST",
        f"{path}?{parts.query}" if parts.query else path,
        body=body,
        headers={
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": "Regulars-Webhooks/1",
            "Connection": "close",
            **headers,
        },
    )
    with connection.getresponse() as response:
        is_success = 200 <= response.status < 300  # noqa: PLR2004 - 2xx
        asked = "" if is_success else (response.getheader("Retry-After") or "").strip()
        return Answer(
            duration_ms=0,
            status=response.status,
            start=_start_of(response),
            retry_after_seconds=_asked_seconds(asked),
        )


def _start_of(response: HTTPResponse) -> str:
    """Read where the answer begins; its status is in already, so a break here is no failure."""
    read = b""
    with suppress(OSError, HTTPException, ValueError):
        while len(read) < ANSWER_BYTES_MAX and (more := response.read1(ANSWER_BYTES_MAX)):
            read += more
    return read[:ANSWER_BYTES_MAX].decode("utf-8", "replace").replace("\x00", "�")[:500]


def _asked_seconds(text: str) -> int | None:
    """Read a Retry-After: seconds, or a date (RFC 9110, section 10.2.3)."""
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0, round((moment.astimezone(UTC) - clock.now()).total_seconds()))
    except (ValueError, OverflowError):
        return None


def _host_of(parts: SplitResult, allows_private: bool) -> tuple[str, int]:
    schemes = {"https": 443, "http": 80} if allows_private else {"https": 443}
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
        raise Refused("The address is no plain https address.")
    return parts.hostname, parts.port or schemes[parts.scheme]


def _check_listed(url: str, hosts: Sequence[str]) -> None:
    host = (urlsplit(url).hostname or "").rstrip(".")
    is_listed = any(
        host == each or (each.startswith(".") and host.endswith(each)) for each in hosts
    )
    if hosts and not is_listed:
        raise Refused(f"The host {host} is not among those that this installation sends to.")


def _left(ends_at: float) -> float:
    """Give what is left until the deadline.

    Raises:
        TimeoutError: nothing is.
    """
    seconds = ends_at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _cut(knife: socket.socket) -> None:
    """End whatever the connection waits for."""
    with suppress(OSError):
        knife.shutdown(socket.SHUT_RDWR)


def _words_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "The certificate does not hold, or TLS failed."
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused."
    return f"The connection broke ({type(error).__name__})."

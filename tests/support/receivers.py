"""Real receivers of webhooks on this machine, well-behaved and otherwise."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came in, and how to answer it.

    Attributes:
        answer: called with the request's number, from 1; writes the answer.
        arrived_at: when each request came, in Unix seconds.
    """

    answer: Callable[[BaseHTTPRequestHandler, int], None]
    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> list[str]:
        """List the `webhook-id` of every request."""
        with self.lock:
            return [headers["webhook-id"] for headers, _ in self.received]


def status(*codes: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Answer with these statuses in turn, the last one for ever."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        handler.send_response(codes[min(number, len(codes)) - 1])
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(b"noted")

    return answer


def slow(seconds: float) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Answer well, but late."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        time.sleep(seconds)
        status(200)(handler, number)

    return answer


def held(until: threading.Event) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Answer well, once something has happened."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        until.wait()
        status(200)(handler, number)

    return answer


def dripping(handler: BaseHTTPRequestHandler, _number: int) -> None:
    """Answer one letter at a time, for ever."""
    try:
        while True:
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        return


def dripping_body(head: str) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Answer with a head at once and a body of one letter at a time, for ever."""

    def answer(handler: BaseHTTPRequestHandler, _number: int) -> None:
        try:
            handler.wfile.write(head.encode())
            while True:
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    return answer


def endless(handler: BaseHTTPRequestHandler, _number: int) -> None:
    """Answer well, with a body that never ends."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65_536)
    except OSError:
        return


def reset(handler: BaseHTTPRequestHandler, _number: int) -> None:
    """Begin an answer and break the connection in the middle of it."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


class _Server(ThreadingHTTPServer):
    """Takes as many connections at once as a shop's server; of more than five, Python's drops some.

    A dropped one comes again after one second, then three and seven more: too late on a busy
    machine for an attempt's deadline.
    """

    request_queue_size = 128
    daemon_threads = True


@contextmanager
def receiving(answer: Callable[[BaseHTTPRequestHandler, int], None]) -> Iterator[Receiver]:
    """Serve a receiver for the length of the block."""
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # Who sent it was killed in the middle: nothing came in.
                self.close_connection = True
                return
            with receiver.lock:
                receiver.received.append(
                    ({name.lower(): value for name, value in self.headers.items()}, body)
                )
                receiver.arrived_at.append(time.time())
                number = len(receiver.received)
            receiver.answer(self, number)

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):
                # A receiver that breaks its own connection has nothing more to say.
                self.close_connection = True

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.url = f"http://localhost:{server.server_port}/hooks?shop=quay"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

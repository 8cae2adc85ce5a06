"""A real server for what needs a network: browsers, clients, checkers. It is the product's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

THREADS = 8
PATIENCE_SECONDS = 10
LOOK_SECONDS = 0.05
"""How often the server looks whether the test is over."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app on a free port of this machine and give its address."""
    sockets: dict[int, Any] = {}
    # Typed as one of several kinds of server, of which one address gives this one.
    server: Any = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=THREADS)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            wasyncore.loop(timeout=LOOK_SECONDS, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://localhost:{server.effective_port}"
    finally:
        is_over.set()
        thread.join()
        server.task_dispatcher.shutdown()
        for each in list(sockets.values()):
            each.close()


def said(port: int, message: bytes) -> bytes:
    """Give all that a server on this machine answers until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as line:
        line.sendall(message)
        found = b""
        while piece := line.recv(65_536):
            found += piece
    return found

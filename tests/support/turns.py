"""Counting how often somebody waits for PostgreSQL: a socket between the two that watches."""

from __future__ import annotations

import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

from app.db.database import Database
from tests.cast import Cast

SOCKET_NAME = ".s.PGSQL.5432"
CHUNK_BYTES = 65_536


class Turns:
    """How many round trips were made: answers that followed a question."""

    def __init__(self) -> None:
        self.count = 0
        self._is_asked = False

    def asked(self) -> None:
        """Something went to the server."""
        self._is_asked = True

    def answered(self) -> None:
        """Something came from the server."""
        self.count += self._is_asked
        self._is_asked = False


@contextmanager
def turns_counted(cast: Cast) -> Iterator[tuple[Cast, Turns]]:
    """Give the cast on a database that is reached through the counter, and the counter."""
    url = make_url(cast.database.url)
    server = Path(str(url.query["host"])) / SOCKET_NAME
    turns = Turns()
    with tempfile.TemporaryDirectory(prefix="turns-") as folder:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(Path(folder) / SOCKET_NAME))
        listening.listen()
        threading.Thread(target=_accept, args=(listening, server, turns), daemon=True).start()
        through = url.set(query={"host": folder})
        database = Database(through.render_as_string(hide_password=False))
        try:
            yield replace(cast, database=database), turns
        finally:
            database.engine.dispose()
            listening.close()


def _accept(listening: socket.socket, server: Path, turns: Turns) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        behind = socket.socket(socket.AF_UNIX)
        behind.connect(str(server))
        threading.Thread(target=_carry, args=(client, behind, turns), daemon=True).start()


def _carry(client: socket.socket, behind: socket.socket, turns: Turns) -> None:
    with client, behind, selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ, (behind, turns.asked))
        ready.register(behind, selectors.EVENT_READ, (client, turns.answered))
        while True:
            for key, _ in ready.select():
                other, note = key.data
                source: socket.socket = key.fileobj  # type: ignore[assignment]
                data = source.recv(CHUNK_BYTES)
                if not data:
                    return
                note()
                other.sendall(data)

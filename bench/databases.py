"""Databases to measure on: durable, as in a shop, and gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db.database import Database
from app.migrations.running import upgrade
from tests.support.postgres import Server, start_server

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
}
"""A shop's settings, where the tests' server trades safety for speed."""

KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def new(kind: str) -> Iterator[Database]:
    """Give an empty, migrated database of one of `KINDS`."""
    if kind == "PostgreSQL":
        with postgresql() as (database, _):
            yield database
        return
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        upgrade(database.engine)
        yield database
        database.engine.dispose()


@contextmanager
def postgresql() -> Iterator[tuple[Database, Server]]:
    """Give an empty, migrated database of PostgreSQL, and the server that it is on."""
    with start_server(settings=DURABLE) as server:
        server.create_database("bench")
        database = Database(server.url("bench"))
        upgrade(database.engine)
        yield database, server
        database.engine.dispose()

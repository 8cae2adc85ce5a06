"""Databases to measure on: durable, as in a shop, and gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db import Database
from app.migrations.running import upgrade
from tests.support.postgres import start_server

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
    with _url(kind) as url:
        database = Database(url)
        upgrade(database.engine)
        yield database
        database.engine.dispose()


@contextmanager
def _url(kind: str) -> Iterator[str]:
    if kind == "SQLite":
        with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}"
    else:
        with start_server(settings=DURABLE) as server:
            server.create_database("bench")
            yield server.url("bench")

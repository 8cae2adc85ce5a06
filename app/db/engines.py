"""Engines of SQLite and PostgreSQL, and what each connection is set to."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.errors import translated

_SQLITE_FIXED_IN = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Versions in which the meeting of a checkpoint and a commit no longer corrupts a WAL database."""

SQLITE_BUSY_SECONDS = 15
"""How long a connection waits for a writer of another process."""

CONNECTIONS_KEPT = 10
CONNECTIONS_MOST = 30
"""Connections that one process keeps open to PostgreSQL, and opens at most; see docs/running.md."""

IDLE_SECONDS = 1
"""A connection that was idle for this long is pinged before it is used."""

KEEPS_PREPARED = "regulars_keeps_prepared"
"""The option of an engine that says whether its connections keep statements prepared."""

IMMEDIATE = "regulars_immediate"
"""The option of an engine whose transactions begin as SQLite's writers do."""

_USED_AT = "regulars.used_at"


def is_sound(version: tuple[int, ...]) -> bool:
    """Return whether a version of SQLite may be written to by several processes."""
    # Only the three patched lines, and what came after the newest of them, have the repair.
    newest = _SQLITE_FIXED_IN[0]
    return version >= newest or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in _SQLITE_FIXED_IN
    )


def make_engine(url: str, *, prepares: bool) -> Engine:
    """Create the engine of a database.

    Args:
        prepares: whether connections to PostgreSQL keep the statements that come often prepared. A
            pooler that gives each transaction another connection may not know them there.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    engine = create_engine(
        url,
        # psycopg deallocates what it prepared with each rollback; `pipelines` prepares instead.
        connect_args={"prepare_threshold": None},
        execution_options={KEEPS_PREPARED: prepares},
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MOST - CONNECTIONS_KEPT,
        hide_parameters=True,
    )
    event.listen(engine, "checkin", _on_checkin)
    event.listen(engine, "checkout", partial(_on_checkout, engine.dialect))
    return engine


def _on_checkin(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _on_checkout(
    dialect: Dialect, connection: DBAPIConnection, record: ConnectionPoolEntry, _fairy: object
) -> None:
    """Ping a connection that has been idle.

    One in steady use is not pinged, which would cost every act a round trip: should its server be
    gone, the act that finds out is answered with 503, and the whole pool is disposed of.
    """
    used_at = record.info.get(_USED_AT)
    if used_at is None or time.monotonic() - used_at < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _sqlite_engine(url: str) -> Engine:
    path = make_url(url).database
    engine = create_engine(
        url,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
        pool_size=20,
        # An error's text goes to the log, and parameters hold what people typed.
        hide_parameters=True,
    )
    if path:
        event.listen(engine, "do_connect", partial(_make_file, Path(path)))
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _make_file(path: Path, *_connecting: object) -> None:
    """Make the file of a database that nobody has asked for yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Members' data is its owner's alone; the log beside the file gets the same mode.
        path.touch(mode=0o600)


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling is off: the "begin" event below decides.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL lost acknowledged commits in simulated power cuts
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    _forget_statistics(connection)


def _forget_statistics(connection: sqlite3.Connection) -> None:
    """Empty what ANALYZE or PRAGMA optimize has written, and plan without it.

    By those statistics one workspace has nearly all rows of a table, so that SQLite takes an index
    that begins with the workspace for useless and reads the table.
    """
    # A file that may not be written, or that another process is writing, is left as it is.
    with suppress(sqlite3.OperationalError):
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"
        )
        for (table,) in found.fetchall():
            if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
                connection.execute("ANALYZE sqlite_master")


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(IMMEDIATE, False)
    # Straight to the driver: each request begins twice, and SQLAlchemy's way there is long.
    driver: Any = connection.connection.driver_connection
    with translated(connection, driver):
        driver.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")

"""Engines and sessions, and the only commit in the product.

`writing()` commits at the end of its block and rolls back on any exception; `reading()` never
commits; `ask_alone` sends what is a transaction of its own. On SQLite a writer begins with BEGIN
IMMEDIATE and waits in one queue of the process, since SQLite's own busy handler starves writers; on
PostgreSQL the services lock rows.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Table,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from app import statements
from app.statements import Call, Row

_IMMEDIATE = "regulars_immediate"

_SQLITE_FIXED_IN = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Versions in which the meeting of a checkpoint and a commit no longer corrupts a WAL database."""

SQLITE_BUSY_SECONDS = 15

_USED_AT = "regulars.used_at"

IDLE_SECONDS = 1
"""A connection that was idle for so long is asked whether it is alive before it is used."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC. SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - as SQLAlchemy calls it
    ) -> datetime | None:
        """Refuse naive times, store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - as SQLAlchemy calls it
    ) -> datetime | None:
        """Give the time back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables' base. Every constraint has a name, so that migrations and errors can use it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[Base]) -> Table:
    """Give a model's table, for statements that go past the ORM."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - narrows a type that SQLAlchemy leaves wide
    return table


CONNECTIONS_KEPT = 10
CONNECTIONS_MOST = 30
"""So many may be open to PostgreSQL, by one process; see docs/running.md."""


class Database:
    """One database: its engine and the two ways into it.

    Args:
        prepares: whether connections to PostgreSQL keep the statements that come often prepared. A
            pooler that gives each transaction another connection may not know them there.
    """

    def __init__(self, url: str, *, prepares: bool = True) -> None:
        self.url = url
        self.engine = _engine(url, prepares=prepares)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._write_queue = threading.Lock()
        self._writer = self.engine
        self._reader = self.engine
        self._alone = self.engine
        if self.is_sqlite:
            self._writer = self.engine.execution_options(**{_IMMEDIATE: True})
        else:
            # One snapshot for the whole block, so that two reads never contradict each other.
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # What is sent up to one Sync is a transaction for PostgreSQL. psycopg waits for BEGIN.
            self._alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose work is committed when the block ends, or not at all."""
        queue = self._write_queue if self.is_sqlite else nullcontext()
        new_session = WritingSession(self._writer, expire_on_commit=False)
        with queue, new_session as session, session.begin():
            yield session
            statements.finish(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the data and changes nothing."""
        # Closing rolls back, and unlike a rollback it leaves what was read usable.
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    def ask_alone(self, *calls: Call) -> list[list[Row]]:
        """Send statements that are a transaction of their own, and give the rows that each found.

        On PostgreSQL it takes one round trip. On SQLite there may be one statement, and it may only
        read: writers wait in the queue of `writing`.
        """
        with self._alone.connect() as connection:
            return statements.send(connection, calls)

    def warnings(self) -> list[str]:
        """Say what is known to be dangerous about this database's library."""
        if self.is_sqlite and not _sqlite_is_sound(sqlite3.sqlite_version_info):
            return [
                f"SQLite {sqlite3.sqlite_version} can corrupt a WAL database when several "
                "processes write to it. Keep to one process, or use SQLite 3.51.3 or PostgreSQL."
            ]
        return []


class WritingSession(Session):
    """A session whose reads see the statements that `app.statements` lets wait."""

    def begin_nested(self) -> SessionTransaction:
        """Begin a savepoint; what waits belongs before it."""
        statements.begin_savepoint(self)
        return super().begin_nested()


@event.listens_for(WritingSession, "after_soft_rollback")
def _forget_what_waits(session: Session, ended: SessionTransaction) -> None:
    statements.forget_waiting(session, to_savepoint=ended.nested)


@event.listens_for(WritingSession, "do_orm_execute")
def _send_before_reading(state: ORMExecuteState) -> None:
    statements.send_waiting(state.session)


def is_deadlock(error: DBAPIError) -> bool:
    """Say whether PostgreSQL took this transaction back to let another one go on (40P01, 40001)."""
    return getattr(error.orig, "sqlstate", None) in {"40P01", "40001"}


def _sqlite_is_sound(version: tuple[int, ...]) -> bool:
    # Only the three patched lines, and what came after the newest of them, have the repair.
    newest = _SQLITE_FIXED_IN[0]
    return version >= newest or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in _SQLITE_FIXED_IN
    )


def _engine(url: str, *, prepares: bool) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    engine = create_engine(
        url,
        # What psycopg prepares it lets go of with each rollback, and all else with it.
        connect_args={"prepare_threshold": None},
        execution_options={statements.KEEPS_PREPARED: prepares},
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
    """Ask a connection that has been idle whether its server is still there.

    One in steady use is not asked, which would cost every act a round trip: should its server have
    gone, the act that finds out is answered with 503, and SQLAlchemy lets go of the whole pool.
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
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    # Straight to the driver: each request begins twice, and SQLAlchemy's way there is long.
    driver: Any = connection.connection.driver_connection
    with statements.told_by_sqlalchemy(connection, driver):
        driver.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")

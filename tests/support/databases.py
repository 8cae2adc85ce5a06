"""Databases for tests: migrated once, then copied, so that each test has its own empty one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import create_engine, make_url, text

from app.db.database import Database
from app.migrations.running import upgrade
from tests.support.postgres import Server, connect

_TEMPLATE = "regulars_template"
_number = count(1)


class Maker(Protocol):
    """Makes databases of one kind."""

    def new(self) -> Iterator[Database]:
        """Give one empty, migrated database and remove it afterwards."""


class SqliteMaker:
    """Copies a migrated file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.template = folder / "template.db"
        database = Database(f"sqlite:///{self.template}")
        upgrade(database.engine)
        database.engine.dispose()

    @contextmanager
    def new(self) -> Iterator[Database]:
        """Give one empty, migrated database and remove it afterwards."""
        path = self._folder / f"test{next(_number)}.db"
        shutil.copy(self.template, path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.engine.dispose()
        for leftover in self._folder.glob(f"{path.name}*"):
            leftover.unlink()


class PostgresMaker:
    """Clones a migrated database of a private server, and empties a clone for the next test.

    Emptying takes a tenth of the time of cloning. A clone whose schema or statistics a test has
    changed is dropped instead.

    Attributes:
        empty: the names of the clones that wait for their next test.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.empty: list[str] = []
        server.create_database(_TEMPLATE)
        engine = create_engine(server.url(_TEMPLATE))
        upgrade(engine)
        engine.dispose()
        with connect(server.folder, database=_TEMPLATE) as connection:
            self._schema = _schema(connection)
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                "AND tablename <> 'alembic_version'"
            ).fetchall()
        self._tables = [name for (name,) in found]

    @contextmanager
    def new(self) -> Iterator[Database]:
        """Give one empty, migrated database and empty or remove it afterwards."""
        name = self.empty.pop() if self.empty else self._clone()
        database = Database(self._server.url(name))
        yield database
        database.engine.dispose()
        if emptied := self._emptied(name):
            self.empty.append(emptied)
        else:
            self._server.drop_database(name)

    def _clone(self) -> str:
        name = f"regulars_test{next(_number)}"
        self._server.create_database(name, template=_TEMPLATE)
        return name

    def _emptied(self, name: str) -> str | None:
        """Empty a clone and return its new name, or return None if it is not as it was.

        Under its old name, a thread that outlives its test finds nothing.
        """
        try:
            with connect(self._server.folder, database=name) as connection:
                connection.execute(_END_OTHERS)
                if _schema(connection) != self._schema:
                    return None
                # Triggers that keep tables append-only, and foreign keys, are of no concern here.
                connection.execute("SET LOCAL session_replication_role = replica")
                large = {found for (found,) in connection.execute(_LARGE).fetchall()}
                deleted = "; ".join(
                    f"TRUNCATE {each} CASCADE" if each in large else f"DELETE FROM {each}"
                    for each in self._tables
                )
                connection.execute(deleted.encode())
            renamed = f"regulars_test{next(_number)}"
            self._server.rename_database(name, renamed)
        except psycopg.Error:
            return None
        return renamed


_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

_LARGE = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND pg_relation_size(oid) > 10 * 8192
"""
"""More pages than PostgreSQL takes a new table to have, so that plans depend on the past."""

_CATALOGS = (
    *("pg_attribute", "pg_constraint", "pg_extension", "pg_index", "pg_namespace", "pg_proc"),
    *("pg_statistic", "pg_trigger", "pg_type"),
)


def _schema(connection: psycopg.Connection) -> tuple[object, ...]:
    """Return what differs once a table, an index, a trigger, a function or statistics change."""
    counts = ", ".join(
        f"(SELECT (count(*), sum(xmin::text::bigint))::text FROM {name})" for name in _CATALOGS
    )
    row = connection.execute(f"SELECT {counts}".encode()).fetchone()
    assert row is not None
    return row


def terminate_connections(database: Database) -> None:
    """End every connection to a PostgreSQL database from its side, as a restart of it does."""
    engine = create_engine(database.url)
    with engine.connect() as own:
        own.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


@contextmanager
def unreachable(database: Database) -> Iterator[None]:
    """End every connection to a database, and refuse new ones until the block ends."""
    lose = _file_moved_away if database.is_sqlite else _connections_refused
    with lose(database):
        yield


@contextmanager
def _file_moved_away(database: Database) -> Iterator[None]:
    path = Path(str(make_url(database.url).database))
    database.engine.dispose()
    moved = {
        each: each.with_name(f"moved-{each.name}") for each in path.parent.glob(f"{path.name}*")
    }
    for before, after in moved.items():
        before.rename(after)
    # SQLite makes a file that is missing, but opens no folder.
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        for before, after in moved.items():
            after.rename(before)


@contextmanager
def _connections_refused(database: Database) -> Iterator[None]:
    url = make_url(database.url)
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def allow(answer: str) -> None:
        with server.connect() as own:
            own.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {answer}"))
            own.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = :name"
                ),
                {"name": url.database},
            )

    allow("false")
    try:
        yield
    finally:
        allow("true")
        server.dispose()

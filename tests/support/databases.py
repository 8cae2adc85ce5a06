"""Databases for tests: migrated once, then cloned, so that each test has its own empty one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, make_url, text

from app.db.database import Database
from app.migrations.running import upgrade
from tests.support.postgres import Server

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
    """Clones a migrated database of a private server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.create_database(_TEMPLATE)
        engine = create_engine(server.url(_TEMPLATE))
        upgrade(engine)
        engine.dispose()

    @contextmanager
    def new(self) -> Iterator[Database]:
        """Give one empty, migrated database and remove it afterwards."""
        name = f"regulars_test{next(_number)}"
        self._server.create_database(name, template=_TEMPLATE)
        database = Database(self._server.url(name))
        yield database
        database.engine.dispose()
        self._server.drop_database(name)


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

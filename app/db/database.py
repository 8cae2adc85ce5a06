"""Sessions, and the only commit in the product.

`writing()` commits at the end of its block and rolls back on any exception; `reading()` never
commits; `ask_alone` sends what is a transaction of its own. On SQLite a writer begins with BEGIN
IMMEDIATE and waits in one queue of the process, since SQLite's own busy handler starves writers; on
PostgreSQL the services lock rows.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from app.db import statements
from app.db.engines import IMMEDIATE, is_sound, make_engine
from app.db.statements import Call, Row


class Database:
    """One database: its engine and the two ways into it.

    Args:
        prepares: whether connections to PostgreSQL keep the statements that come often prepared. A
            pooler that gives each transaction another connection may not know them there.
    """

    def __init__(self, url: str, *, prepares: bool = True) -> None:
        self.url = url
        self.engine = make_engine(url, prepares=prepares)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._write_queue = threading.Lock()
        self._writer = self.engine
        self._reader = self.engine
        self._alone = self.engine
        if self.is_sqlite:
            self._writer = self.engine.execution_options(**{IMMEDIATE: True})
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
        if self.is_sqlite and not is_sound(sqlite3.sqlite_version_info):
            return [
                f"SQLite {sqlite3.sqlite_version} can corrupt a WAL database when several "
                "processes write to it. Keep to one process, or use SQLite 3.51.3 or PostgreSQL."
            ]
        return []


class WritingSession(Session):
    """A session whose reads see the statements that are deferred."""

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin the transaction.

        Raises:
            NotImplementedError: a savepoint was asked for. Deferred statements do not know to which
                one they belong.
        """
        if nested:
            raise NotImplementedError("deferred statements and savepoints do not go together")
        return super().begin()


@event.listens_for(WritingSession, "do_orm_execute")
def _send_deferred(state: ORMExecuteState) -> None:
    statements.send_waiting(state.session)

"""Statements that are compiled once and sent together, for the acts that a queue waits for.

`execute` sends the deferred statements and its own at once, and returns the rows of its own.
`defer` lets a statement wait for the next of them, for the next read, or for COMMIT. On PostgreSQL
what is sent together takes one round trip (libpq's pipeline); on SQLite there is none to save.

The logger `regulars.statements` logs each statement at level DEBUG.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Select, Table, TextClause, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase

from app.db.bulk import insert_many
from app.db.engines import KEEPS_PREPARED
from app.db.errors import translated
from app.db.pipelines import Pipeline

_WAITING = "regulars.waiting"
_AT_COMMIT = "regulars.at_commit"
_PIPELINE = "regulars.pipeline"

IN_BULK_COUNT = 20
"""More rows of one table than this are written by COPY, which has its own round trips."""

_log = logging.getLogger("regulars.statements")

Built = Select[*tuple[Any, ...]] | UpdateBase | TextClause
"""What a `Statement` is built of."""

Row = Any
"""A named tuple of a statement's columns, by their keys, as Python values."""


class Statement:
    """A Core statement with named parameters, compiled once for each kind of database.

    Args:
        build: makes the statement for a dialect's name, `sqlite` or `postgresql`.
        columns: the columns that an INSERT gives, or None for all of the table. Every one has to
            be given with each call: the table's Python defaults are not asked.
    """

    def __init__(
        self,
        build: Callable[[str], Built],
        *,
        columns: Sequence[str] | None = None,
    ) -> None:
        self._build = build
        self._columns = columns
        self.table: Table | None = None
        self._compiled: dict[str, _Compiled] = {}

    @classmethod
    def inserting(cls, table: Table) -> Statement:
        """Make the INSERT of a whole row; many of them at once are written in bulk."""
        made = cls(lambda _: insert(table))
        made.table = table
        return made

    def __call__(self, **values: Any) -> Call:
        """Give the statement with its values."""
        return Call(self, values)

    def compiled_for(self, dialect: Dialect) -> _Compiled:
        """Give the text for a database's driver, and how values go in and come out."""
        known = self._compiled.get(dialect.name)
        if known is None:
            known = _Compiled(self._build(dialect.name), self._columns, dialect)
            self._compiled[dialect.name] = known
        return known


class Call:
    """A statement and its values.

    Attributes:
        error: what sending it raises if it returns no rows, or None.
    """

    __slots__ = ("error", "statement", "values")

    def __init__(self, statement: Statement, values: Mapping[str, Any]) -> None:
        self.statement = statement
        self.values = values
        self.error: type[Exception] | None = None

    def or_raise(self, error: type[Exception] | None) -> Call:
        """Set the error that sending the statement raises if it returns no rows."""
        self.error = error
        return self


class _Compiled:
    def __init__(
        self,
        built: Built,
        columns: Sequence[str] | None,
        dialect: Dialect,
    ) -> None:
        compiled: Any = built.compile(dialect=dialect, column_keys=columns)
        self.sql, self._order = _numbered(compiled)
        self.encoded = self.sql.encode()
        self._into = {
            name: process
            for name, bind in compiled.binds.items()
            if (process := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        self._fixed = {
            name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required
        }
        shown = [] if isinstance(built, TextClause) else list(built.exported_columns)
        self.gives_rows = bool(shown)
        self._row = namedtuple("Row", [str(column.key) for column in shown])  # type: ignore[misc]
        self._out_of = [
            (index, process)
            for index, column in enumerate(shown)
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        given = {**self._fixed, **values}
        for name, process in self._into.items():
            given[name] = process(given[name])
        return [given[name] for name in self._order]

    def row(self, found: Sequence[Any]) -> Row:
        values = list(found)
        for index, process in self._out_of:
            values[index] = process(values[index])
        return self._row(*values)


def _numbered(compiled: Any) -> tuple[str, Sequence[str]]:
    """Give a statement's text with numbered marks, and the names of the values in their order."""
    if compiled.positional:
        return str(compiled), compiled.positiontup
    numbers: dict[str, int] = {}

    def mark(found: re.Match[str]) -> str:
        name = found[1]
        return f"${numbers.setdefault(name, len(numbers) + 1)}" if name else "%"

    text = re.sub(r"%(?:\((\w+)\)s|%)", mark, str(compiled))
    return text, list(numbers)


def insert_for(dialect_name: str) -> Any:
    """Give the INSERT of a dialect, which knows ON CONFLICT."""
    return postgresql.insert if dialect_name == "postgresql" else sqlite.insert


def execute(session: Session, *calls: Call) -> list[list[Row]]:
    """Send statements, after what waits, and give the rows that each of them found."""
    session.flush()
    waiting = session.info.pop(_WAITING, [])
    return send(session.connection(), [*waiting, *calls])[len(waiting) :]


class Reply:
    """The rows of one statement of a `Batch`, once it is sent."""

    __slots__ = ("rows",)

    rows: list[Row]

    @property
    def first(self) -> Row | None:
        """The first row, or None."""
        return self.rows[0] if self.rows else None


class Batch:
    """Statements that are sent together, each with its reply.

    The parts of an act add what each has to read, and judge their replies after `send`.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._calls: list[Call] = []
        self._replies: list[Reply] = []

    def add(self, call: Call) -> Reply:
        """Add a statement; its reply has rows once the batch is sent."""
        reply = Reply()
        self._calls.append(call)
        self._replies.append(reply)
        return reply

    def send(self) -> None:
        """Send the statements in the order in which they were added."""
        for reply, rows in zip(self._replies, execute(self._session, *self._calls), strict=True):
            reply.rows = rows


def defer(session: Session, call: Call) -> None:
    """Defer a statement until the next read, or until COMMIT.

    Its rows are dropped, after `Call.or_raise` has judged them.

    What the session itself has to write goes before it.
    """
    session.info.setdefault(_WAITING, []).append(call)


def send_waiting(session: Session) -> None:
    """Send what waits, if anything does."""
    if session.info.get(_WAITING):
        execute(session)


def at_commit(session: Session, make_calls: Callable[[], Iterable[Call]]) -> None:
    """Let statements follow all others of the transaction; `make_calls` is called at COMMIT."""
    session.info.setdefault(_AT_COMMIT, []).append(make_calls)


def finish(session: Session) -> None:
    """Send what waits, with COMMIT behind it; for the one place that commits, `Database.writing`.

    The session's own commit then has nothing to send.
    """
    session.flush()
    for make_calls in session.info.pop(_AT_COMMIT, []):
        for call in make_calls():
            defer(session, call)
    if any(call.error for call in session.info.get(_WAITING, [])):
        # What may fail without an error of the database must not have COMMIT behind it.
        execute(session)
    waiting: list[Call] = session.info.pop(_WAITING, [])
    if len(waiting) > IN_BULK_COUNT:
        waiting = _write_in_bulk(session, waiting)
    if waiting:
        send(session.connection(), waiting, and_commit=True)


def _write_in_bulk(session: Session, waiting: Sequence[Call]) -> list[Call]:
    """Write the rows of the tables that many rows wait for, and give what else there is."""
    rows: defaultdict[Statement, list[Call]] = defaultdict(list)
    for call in waiting:
        rows[call.statement].append(call)
    for statement, calls in rows.items():
        table = statement.table
        if table is not None and len(calls) > IN_BULK_COUNT:
            names = [column.name for column in table.c]
            insert_many(session, table, ([call.values[name] for name in names] for call in calls))
            waiting = [call for call in waiting if call.statement is not statement]
    return list(waiting)


def send(
    connection: Connection, calls: Sequence[Call], *, and_commit: bool = False
) -> list[list[Row]]:
    """Send statements together, and give the rows that each of them found."""
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    compiled = [call.statement.compiled_for(dialect) for call in calls]
    values = [one.parameters(call.values) for one, call in zip(compiled, calls, strict=True)]
    if _log.isEnabledFor(logging.DEBUG):
        for one, given in zip(compiled, values, strict=True):
            _log.debug("%s", one.sql, extra={"sql": one.sql, "given": given})
    with translated(connection, driver):
        if dialect.name == "sqlite":
            found = [
                driver.execute(one.sql, given).fetchall()
                for one, given in zip(compiled, values, strict=True)
            ]
        else:
            asked = [(one.encoded, given) for one, given in zip(compiled, values, strict=True)]
            found = _pipeline_of(connection).exchange(asked, and_commit=and_commit)
    for call, rows in zip(calls, found, strict=True):
        if call.error is not None and not rows:
            raise call.error
    return [
        [one.row(row) for row in rows] if one.gives_rows else []
        for one, rows in zip(compiled, found, strict=True)
    ]


def _pipeline_of(connection: Connection) -> Pipeline:
    pipeline = connection.info.get(_PIPELINE)
    if pipeline is None:
        driver: Any = connection.connection.driver_connection
        keeps = connection.engine.get_execution_options()[KEEPS_PREPARED]
        pipeline = connection.info[_PIPELINE] = Pipeline(driver, keeps=keeps)
    return pipeline

"""Listening to the statements that reach the database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from app.db.database import Database


@dataclass(frozen=True)
class Statement:
    """One statement as the driver gets it, with its values as text."""

    sql: str
    values: str


@contextmanager
def statements_heard(database: Database) -> Iterator[list[Statement]]:
    """Give a list that fills with the statements that reach the database inside the block."""
    heard: list[Statement] = []

    def hear(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
        heard.append(Statement(sql, repr(values)))

    sent_together = _Handler(heard)
    logger = logging.getLogger("regulars.statements")
    level = logger.level
    event.listen(database.engine, "before_cursor_execute", hear)
    logger.addHandler(sent_together)
    logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        logger.setLevel(level)
        logger.removeHandler(sent_together)
        event.remove(database.engine, "before_cursor_execute", hear)


@dataclass(frozen=True)
class Transaction:
    """One transaction of a database, with the statements that were sent in it."""

    is_writing: bool
    statements: list[Statement]


@contextmanager
def transactions_heard(database: Database) -> Iterator[list[Transaction]]:
    """Yield a list that holds the block's transactions once the block has ended."""
    heard: list[Transaction] = []
    begun: list[tuple[bool, int]] = []

    def hear(connection: Any) -> None:
        options = connection.get_execution_options()
        is_reading = "regulars_immediate" not in options and (
            database.is_sqlite or "postgresql_readonly" in options
        )
        begun.append((not is_reading, len(statements)))

    event.listen(database.engine, "begin", hear)
    try:
        with statements_heard(database) as statements:
            yield heard
    finally:
        event.remove(database.engine, "begin", hear)
    ends = [*(start for _, start in begun[1:]), len(statements)]
    heard += [
        Transaction(is_writing, statements[start:end])
        for (is_writing, start), end in zip(begun, ends, strict=True)
    ]


class _Handler(logging.Handler):
    """Hears what `app.db.statements` sends past SQLAlchemy's own events."""

    def __init__(self, heard: list[Statement]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        told: Any = record
        self._heard.append(Statement(told.sql, repr(told.given)))

"""Many rows of one table at once: COPY on PostgreSQL, one prepared INSERT on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from app.db.errors import translated


def insert_many(session: Session, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Insert many rows.

    Args:
        rows: each with a value for every column of the table, in the table's order.
    """
    session.flush()
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    into = [
        (at, process)
        for at, column in enumerate(table.c)
        if (
            process := column.type.dialect_impl(connection.dialect).bind_processor(
                connection.dialect
            )
        )
    ]
    processed = (_processed(row, into) for row in rows)
    sql = bulk_sql(table, connection.dialect.name)
    with translated(connection, driver):
        if connection.dialect.name == "sqlite":
            driver.executemany(sql, processed)
            return
        with driver.cursor() as cursor, cursor.copy(sql) as to:
            for row in processed:
                to.write_row(row)


def bulk_sql(table: Table, dialect_name: str) -> str:
    """Return the statement that takes many whole rows of a table."""
    names = ", ".join(column.name for column in table.c)
    if dialect_name == "postgresql":
        return f"COPY {table.name} ({names}) FROM STDIN"
    marks = ", ".join("?" for _ in table.c)
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names


def _processed(row: Sequence[Any], into: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for at, process in into:
        values[at] = process(values[at])
    return values

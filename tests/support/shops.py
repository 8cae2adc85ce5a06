"""The shop that most tests play in: made by the services once, then copied as rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.db.database import Database
from app.models.registry import metadata
from app.services import totals
from tests import factories
from tests.cast import Cast


@dataclass(frozen=True)
class _Made:
    """A shop of one kind of database.

    Attributes:
        rows: the rows of each table that has some: tuples on SQLite, COPY's bytes on PostgreSQL.
    """

    cast: Cast
    rows: dict[str, Any]


_made: dict[bool, _Made] = {}


def shop_in(database: Database) -> Cast:
    """Put the shop into an empty database, and return it."""
    made = _made.get(database.is_sqlite)
    if made is None:
        cast = factories.make_cast(database)
        _made[database.is_sqlite] = _Made(cast, _read(database))
        return cast
    _write(database, made.rows)
    # A test before may have moved the shop, whose time zone a process remembers.
    totals._zones.clear()
    return replace(made.cast, database=database)


def _read(database: Database) -> dict[str, Any]:
    connection = database.engine.raw_connection()
    driver: Any = connection.driver_connection
    try:
        names = [table.name for table in metadata.sorted_tables]
        rows = {name: _rows(driver, name, is_sqlite=database.is_sqlite) for name in names}
    finally:
        connection.close()
    return {name: found for name, found in rows.items() if found}


def _rows(driver: Any, name: str, *, is_sqlite: bool) -> Any:
    if is_sqlite:
        return driver.execute(f"SELECT * FROM {name}").fetchall()
    with driver.cursor() as cursor, cursor.copy(f"COPY {name} TO STDOUT") as copied:
        return b"".join(copied)


def _write(database: Database, rows: dict[str, Any]) -> None:
    connection = database.engine.raw_connection()
    driver: Any = connection.driver_connection
    try:
        if database.is_sqlite:
            driver.execute("BEGIN IMMEDIATE")
        for name, found in rows.items():
            if database.is_sqlite:
                marks = ", ".join("?" for _ in found[0])
                driver.executemany(f"INSERT INTO {name} VALUES ({marks})", found)
            else:
                with driver.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as to:
                    to.write(found)
        driver.commit()
    finally:
        connection.close()

"""Errors of the drivers, as SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError


def is_deadlock(error: DBAPIError) -> bool:
    """Return whether PostgreSQL ended this transaction to let another go on (40P01, 40001)."""
    return getattr(error.orig, "sqlstate", None) in {"40P01", "40001"}


@contextmanager
def translated(connection: Connection, driver: DBAPIConnection) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy raises them.

    If the server is gone, all connections of the pool are disposed of.
    """
    dialect = connection.dialect
    driver_errors: Any = dialect.loaded_dbapi.Error
    try:
        yield
    except driver_errors as error:
        is_gone = dialect.is_disconnect(error, driver, None)
        if is_gone:
            connection.invalidate(error)
            # The others of the pool met the same end; they are not tried one by one.
            connection.engine.dispose()
        raise DBAPIError.instance(
            None,
            None,
            error,
            driver_errors,
            hide_parameters=True,
            connection_invalidated=is_gone,
            dialect=dialect,
        ) from error
    except BaseException:
        # Interrupted in the middle, a pipeline closes its connection; a rollback would find it so.
        if getattr(driver, "closed", False):
            connection.invalidate()
        raise

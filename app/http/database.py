"""The database of the current Flask app, and its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, g
from sqlalchemy.orm import Session

from app.db.database import Database

_EXTENSION = "regulars.database"


def install(app_extensions: dict[str, Any], database: Database) -> None:
    """Make `database` the one that `writing()` and `reading()` use in this Flask app."""
    app_extensions[_EXTENSION] = database


def of(app_extensions: dict[str, Any]) -> Database:
    """Return the database of a Flask app's extensions."""
    database = app_extensions[_EXTENSION]
    assert isinstance(database, Database)  # noqa: S101 - narrows the type of Flask's untyped dict
    return database


def current() -> Database:
    """Return the database of the current Flask app."""
    return of(current_app.extensions)


@contextmanager
def writing() -> Iterator[Session]:
    """Open a session of the current app's database that commits at the end of the block."""
    with current().writing() as session:
        yield session
        # COMMIT comes next. Of one that gets no answer nobody knows whether it counted.
        g.may_have_committed = True


def may_have_committed() -> bool:
    """Return whether this request has come as far as a COMMIT in `writing()`."""
    return bool(g.get("may_have_committed"))


@contextmanager
def reading() -> Iterator[Session]:
    """Open a read-only session of the current app's database."""
    with current().reading() as session:
        yield session

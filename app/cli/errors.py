"""Commands that tell what is wrong in a sentence; the trace is for what nobody foresaw."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, OperationalError


class Command(click.Command):
    """A command by itself."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with _told_plainly():
            return super().invoke(ctx)


class Group(AppGroup):
    """Commands of one kind."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run one of them."""
        with _told_plainly():
            return super().invoke(ctx)


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if _has_no_tables(error):
            raise click.ClickException(
                "This database has no tables yet. Run: flask --app wsgi db upgrade"
            ) from None
        if not isinstance(error, OperationalError):
            raise
        words = str(error.orig).strip().splitlines()[0]
        raise click.ClickException(f"The database does not answer: {words}") from None
    except sqlite3.OperationalError as error:
        raise click.ClickException(f"The database cannot be read or written: {error}") from None
    except sqlite3.DatabaseError as error:
        raise click.ClickException(f"That is no whole database: {error}") from None
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _has_no_tables(error: DBAPIError) -> bool:
    # PostgreSQL's code of an unknown table; SQLite has words alone.
    is_postgresqls = getattr(error.orig, "sqlstate", None) == "42P01"
    return is_postgresqls or str(error.orig).startswith("no such table")

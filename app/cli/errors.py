"""Commands that print what is wrong in a sentence, and a traceback only for what nobody foresaw."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, OperationalError

from app.errors import RegularsError


class Command(click.Command):
    """A command by itself."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with _in_a_sentence():
            return super().invoke(ctx)


class Group(AppGroup):
    """Commands of one kind."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run one of them."""
        with _in_a_sentence():
            return super().invoke(ctx)


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except RegularsError as error:
        raise click.ClickException(error.message) from error
    except DBAPIError as error:
        raise _simplified(error) from None
    except sqlite3.OperationalError as error:
        raise click.ClickException(f"The database cannot be read or written: {error}") from None
    except sqlite3.DatabaseError as error:
        raise click.ClickException(f"That is no whole database: {error}") from None
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _simplified(error: DBAPIError) -> Exception:
    """Return what to raise for a database's error: the error itself if nobody foresaw it."""
    if _has_no_tables(error):
        return click.ClickException(
            "This database has no tables yet. Run: flask --app wsgi db upgrade"
        )
    if not isinstance(error, OperationalError):
        return error
    words = str(error.orig).strip().splitlines()[0]
    return click.ClickException(f"The database does not answer: {words}")


def _has_no_tables(error: DBAPIError) -> bool:
    # PostgreSQL's code of an unknown table; SQLite has words alone.
    is_postgresqls = getattr(error.orig, "sqlstate", None) == "42P01"
    return is_postgresqls or str(error.orig).startswith("no such table")

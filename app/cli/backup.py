"""`flask --app wsgi backup` and `restore`: one file that holds the whole database.

A backup sees one moment, and nobody waits for it. What it prints says where all chains stand in
it; a restore prints the same.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import click
import psycopg
from flask.cli import with_appcontext
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, make_url

from app.cli.errors import Command
from app.cli.ledger import print_heads
from app.db.database import Database
from app.http.database import current
from app.migrations.running import upgrade

SQLITE_START = b"SQLite format 3\0"
POSTGRESQL_START = b"PGDMP"

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backup", cls=Command)
@click.argument("file", type=_FILE)
@with_appcontext
def backup(file: Path) -> None:
    """Write the whole database into FILE, while it is in use, and print where all chains stand."""
    if file.exists():
        raise click.ClickException(f"{file} is there already. Name another file.")
    database = current()
    _finished(file, lambda part: _save(database, part))
    click.echo(f"Kept in {file}. It holds members' data and secrets: keep it as you keep the till.")


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def restore(file: Path) -> None:
    """Fill an empty database from FILE, and print where all chains stand."""
    database = current()
    _check_kind(database, file)
    if database.is_sqlite:
        _fill_sqlite(database, file)
    else:
        _fill_postgresql(database, file)
    upgrade(database.engine)
    with database.reading() as session:
        print_heads(session)
    click.echo("Restored. Compare the lines with those of the backup, then run `ledger verify`.")


def _save(database: Database, part: Path) -> None:
    if not database.is_sqlite:
        _dump(database, part)
        return
    _copy_sqlite(_path_of(database), part)
    copy = Database(f"sqlite:///{part}")
    with copy.reading() as session:
        print_heads(session)
    copy.engine.dispose()
    with closing(sqlite3.connect(part)) as kept:
        # One file that is whole by itself: reading it makes no log beside it.
        kept.execute("PRAGMA journal_mode=DELETE")


def _dump(database: Database, part: Path) -> None:
    with database.reading() as session:
        # pg_dump sees the very state that the heads are read from.
        snapshot = session.scalar(text("SELECT pg_export_snapshot()"))
        words = (f"--snapshot={snapshot}", "--format=custom", f"--file={part}")
        _run(session.connection(), "pg_dump", *words)
        print_heads(session)


def _fill_sqlite(database: Database, file: Path) -> None:
    path = _path_of(database)
    if _has_tables(path):
        raise click.ClickException(f"There is a database at {path} already. Move it away first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    for log in ("-wal", "-shm"):
        # Those of the empty one would be read into what takes its place.
        path.with_name(path.name + log).unlink(missing_ok=True)
    _finished(path, lambda part: _copy_sqlite(file, part))


def _has_tables(path: Path) -> bool:
    """Say whether a database is more than the empty file that any command leaves."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as known:
        (count,) = known.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(count)


def _fill_postgresql(database: Database, file: Path) -> None:
    with database.engine.connect() as connection:
        if inspect(connection).get_table_names():
            raise click.ClickException("This database is not empty. Make a new one, and name it.")
        _run(
            connection,
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            str(file.absolute()),
        )


def _run(connection: Connection, program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs against the database of a connection."""
    path = shutil.which(program)
    if path is None:
        raise click.ClickException(f"{program} is not there. Install PostgreSQL's client programs.")
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - narrows the type of the driver's
    known = driver.info
    # The password goes by the environment: the words of a command can be read by everybody here.
    environment = {**os.environ, "PGPASSWORD": known.password}
    where = [f"--host={known.host}", f"--port={known.port}", f"--username={known.user}"]
    _call(
        [path, "--no-owner", "--no-privileges", f"--dbname={known.dbname}", *where, *words],
        environment,
    )


def _call(words: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise click.ClickException(done.stderr.strip() or f"{words[0]} failed.")


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database in one step, as of one moment; writers go on beside it."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise click.ClickException(f"{source} is damaged: {found}")


def _finished(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file that is whole or not there; only its owner may read it."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(target)
    finally:
        for suffix in ("", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _check_kind(database: Database, file: Path) -> None:
    with file.open("rb") as opened:
        start = opened.read(len(SQLITE_START))
    wanted = SQLITE_START if database.is_sqlite else POSTGRESQL_START
    if not start.startswith(wanted):
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        raise click.ClickException(f"{file} is no backup of a {kind} database.")


def _path_of(database: Database) -> Path:
    path = make_url(database.url).database
    if not path:
        raise click.ClickException("A database in memory has no backup.")
    return Path(path)

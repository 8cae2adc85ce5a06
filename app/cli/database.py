"""`flask --app wsgi db …`: migrations."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from app.cli.errors import Group
from app.db.database import Database
from app.http.database import current
from app.migrations import distributing
from app.migrations.running import differences
from app.migrations.running import upgrade as run_migrations

group = Group("db", help="Migrate the database.")


@group.command()
def upgrade() -> None:
    """Bring the database to the newest revision."""
    run_migrations(current().engine)
    click.echo("The database is up to date.")


@group.command()
@click.option("--role", required=True, help="Whom web and worker processes connect as.")
def distribute(role: str) -> None:
    """Spread the tables of a PostgreSQL with Citus over its machines, by workspace."""
    run_migrations(current().engine)
    try:
        for said in distributing.distribute(current().engine, role):
            click.echo(said)
    except distributing.DistributionError as error:
        raise click.ClickException(str(error)) from None


@group.command()
def check() -> None:
    """Prove that models and migrations agree, on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'check.db'}")
        run_migrations(database.engine)
        found = differences(database.engine)
        database.engine.dispose()
    if found:
        raise click.ClickException("Models and migrations differ:\n" + "\n".join(found))
    click.echo("Models and migrations agree.")

"""`python -m bench.workspaces`: fill a workspace of any size in the database of DATABASE_URL.

It migrates the database and makes a merchant of its own. Run again with the same numbers, it
continues where an interrupted run stopped.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import closing

import click

from app.config import from_environment
from app.db.database import Database
from app.migrations.running import upgrade
from app.models.merchants import SANDBOX, Merchant
from app.sandbox import seeding
from app.services import merchants, workspaces
from bench import bulk, lives
from bench.lives import Batch, Shop


@click.command()
@click.option("--members", "member_count", type=click.IntRange(1, 50_000_000), default=10_000)
@click.option("--entries", "entry_count", type=click.IntRange(0, 500_000_000), default=100_000)
@click.option("--merchant", "name", default="Harbour at size", show_default=True)
def main(member_count: int, entry_count: int, name: str) -> None:
    """Fill the sandbox of a merchant with members and ledger entries."""
    settings = from_environment(os.environ)
    database = Database(settings.database_url, prepares=settings.prepares_statements)
    run(database, member_count, entry_count, name)


def run(database: Database, member_count: int, entry_count: int, name: str) -> None:
    """Fill a workspace, and print its id and, for a new merchant, the owner's password."""
    upgrade(database.engine)
    workspace_id = _workspace_of(database, name)
    with database.writing() as session:
        shop = bulk.open_shop(session, workspace_id=workspace_id)
        known_count = bulk.count_members(session, workspace_id=workspace_id)
    due = [
        batch
        for batch in bulk.batches(member_count, entry_count)
        if batch.number * bulk.BATCH_MEMBERS >= known_count
    ]
    if known_count:
        click.echo(f"{known_count:,} members are there already; going on.")
    fill(database, shop, due, label=f"{name}, {member_count:,} members")
    click.echo(f"{workspace_id} is ready.")


def fill(database: Database, shop: Shop, due: Sequence[Batch], *, label: str) -> None:
    """Write batches to a workspace, and see to it that all indexes exist afterwards."""
    if sum(batch.entry_count for batch in due) >= bulk.WORTH_NO_INDEX:
        click.echo(
            "Indexes are made at the end. If this is killed, run it again before use.", err=True
        )
        with database.writing() as session:
            bulk.drop_indexes(session)
    worked_out = lives.work_out(shop, due)
    bar = click.progressbar(length=len(due), label=label, file=sys.stderr)
    try:
        with closing(worked_out), bar as steps:
            for several in bulk.together(worked_out):
                with database.writing() as session:
                    bulk.write(session, shop=shop, several=several)
                steps.update(len(several))
    finally:
        with database.writing() as session:
            bulk.make_indexes(session)


def _workspace_of(database: Database, name: str) -> str:
    """Return the id of the sandbox of a merchant, who is created if there is none of that name."""
    with database.reading() as session:
        known = [each for each in merchants.list_merchants(session) if each.name == name]
    merchant = known[0] if known else _open_business(database, name)
    with database.reading() as session:
        return workspaces.get_workspace(session, merchant_id=merchant.id, mode=SANDBOX).id


def _open_business(database: Database, name: str) -> Merchant:
    # An address of its own: no two people of an installation sign in with the same email.
    email = f"owner-{secrets.token_hex(3)}@example.com"
    with database.writing() as session:
        merchant, password = seeding.open_business(session, name=name, email=email)
    click.echo(f"Sign in with {email}  {password}")
    return merchant


if __name__ == "__main__":
    main()

"""`flask --app wsgi demo …`: made-up data, as much as is asked for."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import closing

import click

from app.cli.errors import Group
from app.http.database import current, reading, writing
from app.migrations.running import upgrade
from app.models.merchants import SANDBOX, Merchant
from app.services import demo, demo_bulk, demo_lives, merchants, staff
from app.services.demo_lives import Batch, Shop

group = Group("demo", help="Make test data.")


@group.command()
@click.option("--members", "member_count", type=click.IntRange(1, 50_000_000), default=10_000)
@click.option("--entries", "entry_count", type=click.IntRange(0, 500_000_000), default=100_000)
@click.option("--merchant", "name", default="Harbour at size", show_default=True)
def seed(member_count: int, entry_count: int, name: str) -> None:
    """Migrate, and fill the sandbox of a merchant of its own.

    Run again with the same numbers, it goes on where it stopped.
    """
    upgrade(current().engine)
    workspace_id = _workspace_of(_find_or_make(name))
    with writing() as session:
        shop = demo_bulk.open_shop(session, workspace_id=workspace_id)
        there = demo_bulk.count_members(session, workspace_id=workspace_id)
    due = [
        batch
        for batch in demo_bulk.batches(member_count, entry_count)
        if batch.number * demo_bulk.BATCH_MEMBERS >= there
    ]
    if there:
        click.echo(f"{there:,} members are there already; going on.")
    if sum(batch.entry_count for batch in due) >= demo_bulk.WORTH_NO_INDEX:
        click.echo("Indexes are made at the end. If this is broken off, run it again before use.")
        with writing() as session:
            demo_bulk.drop_indexes(session)
    try:
        _write(shop, due, label=f"{name}, {member_count:,} members")
    finally:
        click.echo("Making the indexes …")
        with writing() as session:
            demo_bulk.make_indexes(session)
    click.echo(f"{workspace_id} is ready.")


def _write(shop: Shop, due: Sequence[Batch], *, label: str) -> None:
    worked_out = demo_lives.work_out(shop, due)
    with click.progressbar(length=len(due), label=label) as steps, closing(worked_out):
        for several in demo_bulk.together(worked_out):
            with writing() as session:
                demo_bulk.write(session, shop=shop, several=several)
            steps.update(len(several))


def _find_or_make(name: str) -> Merchant:
    with reading() as session:
        known = [each for each in merchants.list_merchants(session) if each.name == name]
    if known:
        return known[0]
    # Its own, since no two people of an installation have one email.
    email = f"owner-{secrets.token_hex(3)}@example.com"
    with writing() as session:
        merchant, password = demo.open_business(session, name=name, email=email)
    click.echo(f"Sign in with {email}  {password}")
    return merchant


def _workspace_of(merchant: Merchant) -> str:
    with reading() as session:
        return staff.get_workspace(session, merchant_id=merchant.id, mode=SANDBOX).id

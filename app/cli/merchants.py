"""`flask --app wsgi merchants …`: the businesses of this installation."""

from __future__ import annotations

import click

from app.cli.errors import Group
from app.http.database import reading, writing
from app.services import merchants

group = Group("merchants", help="Make and list merchants.")


@group.command()
@click.option("--name", required=True)
@click.option("--currency", default="EUR", show_default=True)
@click.option("--time-zone", default="Europe/Dublin", show_default=True)
def create(name: str, currency: str, time_zone: str) -> None:
    """Make a merchant with an empty sandbox and live workspace; prints its id."""
    with writing() as session:
        merchant = merchants.create(session, name=name, currency=currency, time_zone=time_zone)
    click.echo(merchant.id)


@group.command("list")
def list_() -> None:
    """List the merchants."""
    with reading() as session:
        for merchant in merchants.list_merchants(session):
            click.echo(f"{merchant.id}  {merchant.name}")

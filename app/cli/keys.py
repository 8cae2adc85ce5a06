"""`flask --app wsgi keys …`: API keys."""

from __future__ import annotations

import click

from app.cli.errors import Group
from app.cli.options import merchant_id_of
from app.http.database import writing
from app.rules.actors import SYSTEM
from app.services import workspaces
from app.services.api_keys import keys

group = Group("keys", help="Make API keys.")


@group.command()
@click.option("--workspace", "mode", required=True, type=click.Choice(["sandbox", "live"]))
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, help="Such as points:write. All without any.")
@click.option("--merchant", "merchant_id", help="Needed where there are several merchants.")
def create(mode: str, name: str, scopes: tuple[str, ...], merchant_id: str | None) -> None:
    """Make a key; prints it, and this is the only time that it is shown."""
    merchant_id = merchant_id_of(merchant_id)
    with writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=merchant_id, mode=mode)
        made = keys.create(
            session, workspace=workspace, name=name, scopes=scopes or None, by=SYSTEM
        )
    click.echo(made.secret)

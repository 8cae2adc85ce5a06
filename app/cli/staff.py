"""`flask --app wsgi staff …`: who may sign in."""

from __future__ import annotations

import sys

import click

from app.cli.errors import Group
from app.cli.options import merchant_id_of
from app.http.database import writing
from app.rules.actors import STAFF_ROLES, SYSTEM
from app.services.staff import people

group = Group("staff", help="Make staff, and let them in again.")


@group.command()
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice(STAFF_ROLES))
@click.option("--merchant", "merchant_id", help="Needed where there are several merchants.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read it from standard input.")
def create(email: str, name: str, role: str, merchant_id: str | None, password_stdin: bool) -> None:  # noqa: ARG001 - click passes every option
    """Make a person of staff; prints their id."""
    merchant_id = merchant_id_of(merchant_id)
    password = sys.stdin.readline().rstrip("\n")
    with writing() as session:
        person = people.create(
            session,
            merchant_id=merchant_id,
            email=email,
            name=name,
            role=role,
            password=password,
            by=SYSTEM,
        )
    click.echo(person.id)


@group.command()
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, required=True, help="Read it from standard input.")
@click.option("--without-second-step", is_flag=True, help="Take it away, too: it is lost.")
def recover(email: str, password_stdin: bool, without_second_step: bool) -> None:  # noqa: ARG001 - click passes every option
    """Let in again who is locked out: sets a password, and ends their sign-ins."""
    password = sys.stdin.readline().rstrip("\n")
    with writing() as session:
        person = people.recover(
            session,
            email=email,
            password=password,
            by=SYSTEM,
            keeps_second_factor=not without_second_step,
        )
    click.echo(f"{person.name} signs in with the new password.")
    if without_second_step:
        click.echo("Set up the second step again.")
    elif person.has_second_factor:
        click.echo("The second step is asked for as before.")

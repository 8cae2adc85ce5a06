"""Which merchant a command means."""

from __future__ import annotations

import click

from app.http.database import reading
from app.services import merchants


def merchant_id_of(named: str | None) -> str:
    """Give the id of the merchant that is named, or of the installation's only one.

    Raises:
        ClickException: there is none, or it has to be named.
    """
    with reading() as session:
        known = [each.id for each in merchants.list_merchants(session)]
    if named in known or (named is None and len(known) == 1):
        return named or known[0]
    said = f"There is no merchant {named}." if named else "Name the merchant with --merchant."
    raise click.ClickException(f"{said} `flask --app wsgi merchants list` shows their ids.")

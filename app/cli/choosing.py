"""What a command means that names no merchant."""

from __future__ import annotations

import click

from app.db import reading
from app.services import merchants


def only_merchant_id() -> str:
    """Give the id of the installation's one merchant.

    Raises:
        ClickException: there is none, or more than one.
    """
    with reading() as session:
        known = merchants.list_merchants(session)
    if len(known) == 1:
        return known[0].id
    raise click.ClickException(
        "Name the merchant with --merchant. `flask --app wsgi merchants list` shows their ids."
    )

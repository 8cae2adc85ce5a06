"""The command line's groups, registered on the Flask app."""

from __future__ import annotations

from flask import Flask

from app.cli.backup import backup, restore
from app.cli.database import group as database
from app.cli.demo import group as demo
from app.cli.keys import group as keys
from app.cli.ledger import group as ledger
from app.cli.merchants import group as merchants
from app.cli.serve import serve
from app.cli.staff import group as staff
from app.cli.worker import worker


def register(app: Flask) -> None:
    """Give the app its commands."""
    for command in (backup, database, demo, keys, ledger, merchants, restore, serve, staff, worker):
        app.cli.add_command(command)

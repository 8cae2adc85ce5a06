"""Regulars itself, with an owner signed in."""

from __future__ import annotations

from pathlib import Path

from werkzeug.test import Client

from app.db.database import Database
from app.factory import create_app
from bench import shops
from bench.sites.serving import Order, serve
from tests.support.settings import make_settings


def open_site(order: Order) -> Client:
    """Build the app as it is served, and sign in without a password: any workspace will do."""
    database = Database(order.url)
    settings = make_settings(database, Path(order.folder), testing=False)
    app = create_app(settings, database)
    return shops.sign_in(app, order.workspace_id)


if __name__ == "__main__":
    serve(open_site)

"""Regulars itself, with an owner signed in."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from werkzeug.test import Client

from app.db import Database
from app.factory import create_app
from app.models.merchants import Workspace
from app.models.staff import Staff
from app.services import staff
from bench.sites.serving import Order, serve
from tests.support.settings import make_settings


def open_site(order: Order) -> Client:
    """Build the app as it is served, and sign in without a password: any workspace will do."""
    database = Database(order.url)
    settings = make_settings(database, Path(order.folder), testing=False)
    app = create_app(settings, database)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = _token(database, order.workspace_id, settings.session_hours)
    return client


def _token(database: Database, workspace_id: str, hours: int) -> str:
    with database.writing() as session:
        workspace = session.get_one(Workspace, workspace_id)
        owner = session.scalars(
            select(Staff)
            .where(Staff.merchant_id == workspace.merchant_id, Staff.role == "owner")
            .limit(1)
        ).one()
        made = staff.open_session(
            session, owner, mode=workspace.mode, hours=hours, has_second_factor=True
        )
        return made.token


if __name__ == "__main__":
    serve(open_site)

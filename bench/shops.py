"""Filled workspaces to measure on: new ones, or those of a database that the environment names."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from app.db.database import Database
from app.http.database import of
from app.migrations.running import upgrade
from app.models.merchants import Workspace
from app.models.staff import Staff
from app.models.totals import WorkspaceTotals
from app.services.staff import sign_ins
from bench import bulk, databases, workspaces
from tests import factories
from tests.cast import Cast

SMALL = (10_000, 100_000)
LARGE = (
    int(os.environ.get("BENCH_MEMBERS", "100000")),
    int(os.environ.get("BENCH_ENTRIES", "1000000")),
)
"""Members and entries."""

READY = {"SQLite": "BENCH_SQLITE_URL", "PostgreSQL": "BENCH_POSTGRESQL_URL"}
"""Variables that name a database to measure on; what it lacks is made, and stays."""

REWARDS = {"Any hot drink": 450, "Cake of the day": 600}
"""What the members of a new workspace redeem, with its cost in points."""

HOURS = 12


@dataclass(frozen=True)
class Filled:
    """A filled workspace.

    Attributes:
        seconds: how long it took to fill it, or None if it was there.
    """

    workspace_id: str
    seconds: float | None


@contextmanager
def opened(kind: str) -> Iterator[Database]:
    """Give the database of a kind that the environment names, or a new one."""
    url = os.environ.get(READY[kind])
    if not url:
        with databases.new(kind) as database:
            yield database
        return
    database = Database(url)
    upgrade(database.engine)
    yield database
    database.engine.dispose()


def find_or_fill(database: Database, size: tuple[int, int]) -> Filled:
    """Give a workspace of so many members and entries."""
    with database.reading() as session:
        known = session.scalar(
            select(WorkspaceTotals.workspace_id)
            .group_by(WorkspaceTotals.workspace_id)
            .having(func.sum(WorkspaceTotals.member_count) == size[0])
            .limit(1)
        )
    if known:
        return Filled(known, None)
    cast = factories.make_cast(database, domain=f"{size[0]}.example.com")
    return Filled(cast.workspace_id, _fill(cast, size))


def _fill(cast: Cast, size: tuple[int, int]) -> float:
    """Fill a workspace and return the seconds that it took."""
    database = cast.database
    for name, points_cost in REWARDS.items():
        factories.make_reward(cast, name, points_cost=points_cost)
    with database.writing() as session:
        shop = bulk.open_shop(session, workspace_id=cast.workspace_id)
    began = time.perf_counter()
    workspaces.fill(database, shop, list(bulk.batches(*size)), label=f"{size[0]:,} members")
    seconds = time.perf_counter() - began
    if not database.is_sqlite:
        # Otherwise autovacuum would come to it in the midst of measuring.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text("VACUUM"))
    return seconds


def sign_in(app: Flask, workspace_id: str) -> FlaskClient:
    """Give a browser in which the workspace's owner is signed in, without a password."""
    with of(app.extensions).writing() as session:
        workspace = session.get_one(Workspace, workspace_id)
        owner = session.scalars(
            select(Staff)
            .where(Staff.merchant_id == workspace.merchant_id, Staff.role == "owner")
            .limit(1)
        ).one()
        made = sign_ins.open_session(
            session, owner, mode=workspace.mode, hours=HOURS, has_second_factor=True
        )
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = made.token
    return client

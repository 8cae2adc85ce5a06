"""The sandbox's seed: the same each time, and a ledger that fits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import clock
from app.db.database import Database
from app.models.ledger import KINDS, LedgerEntry
from app.models.members import Customer, Member
from app.models.rewards import REWARD_TYPES, Reward
from app.sandbox import seeding
from app.services import merchants, workspaces
from app.services.ledger import verify

NOW = datetime(2026, 3, 12, 14, 32, tzinfo=UTC)


def seed(database: Database, member_count: int = 150) -> str:
    """Seed a new merchant's sandbox and give the workspace's id."""
    with clock.set_to(NOW), database.writing() as session:
        merchant = merchants.create(session, name="Harbour Roasters")
        assert seeding.seed(session, merchant_id=merchant.id, member_count=member_count)
        return workspaces.get_workspace(session, merchant_id=merchant.id, mode="sandbox").id


def test_the_seed_fits_and_is_rich(database: Database) -> None:
    workspace_id = seed(database)

    with database.reading() as session:
        report = verify.verify_workspace(session, workspace_id=workspace_id)
        owing = session.scalars(
            select(Member.balance).where(Member.workspace_id == workspace_id, Member.balance < 0)
        ).all()
        kinds = set(
            session.scalars(
                select(LedgerEntry.kind).where(LedgerEntry.workspace_id == workspace_id)
            )
        )
        types = set(session.scalars(select(Reward.type).where(Reward.workspace_id == workspace_id)))
        tiers = set(session.scalars(select(Member.tier).where(Member.workspace_id == workspace_id)))
    assert report.fault is None
    assert report.reward_count == 10
    assert report.entry_count > 500
    assert kinds == set(KINDS)
    assert types == set(REWARD_TYPES)
    assert tiers == {"bronze", "silver", "gold"}
    assert {-205, -85, -40} <= set(owing)


def test_a_filled_sandbox_is_left_alone(sqlite: Database) -> None:
    seed(sqlite)
    with sqlite.writing() as session:
        merchant = merchants.list_merchants(session)[0]
        assert not seeding.seed(session, merchant_id=merchant.id)


def test_an_interrupted_seed_leaves_nothing(sqlite: Database) -> None:
    with pytest.raises(ZeroDivisionError), sqlite.writing() as session:  # noqa: PT012
        merchant = merchants.create(session, name="Harbour Roasters")
        seeding.seed(session, merchant_id=merchant.id, member_count=20)
        raise ZeroDivisionError

    with sqlite.reading() as session:
        assert session.scalars(select(Member.id)).first() is None
        assert merchants.list_merchants(session) == []


def test_the_seed_is_the_same_each_time(sqlite: Database, postgres: Database) -> None:
    assert _balances(sqlite) == _balances(postgres)


def _balances(database: Database) -> list[tuple[str, int, int]]:
    workspace_id = seed(database)
    with database.reading() as session:
        rows = session.execute(
            select(Customer.name, Member.balance, Member.entry_count)
            .join(Member.customer)
            .where(Member.workspace_id == workspace_id)
        )
        return sorted((row[0], row[1], row[2]) for row in rows)

"""Totals that pages read instead of summing the ledger; `ledger verify` compares them with it.

Each is spread over several rows (slots), so that acts at the same moment do not wait for one row; a
total is the sum of its slots, which may be negative one by one.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, ForeignKeyConstraint, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.models.columns import ID_CHARACTERS


class DayTotals(Base):
    """What happened on one day of the merchant's time zone.

    The points of each kind are signed as in the ledger. `visit_count` counts the members with an
    award or a redemption on that day; `seen_count` those who have not been seen since that day.
    """

    __tablename__ = "day_totals"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    award_points: Mapped[int] = mapped_column(BigInteger)
    award_count: Mapped[int] = mapped_column(BigInteger)
    redemption_points: Mapped[int] = mapped_column(BigInteger)
    redemption_count: Mapped[int] = mapped_column(BigInteger)
    reversal_points: Mapped[int] = mapped_column(BigInteger)
    reversal_count: Mapped[int] = mapped_column(BigInteger)
    cancellation_points: Mapped[int] = mapped_column(BigInteger)
    cancellation_count: Mapped[int] = mapped_column(BigInteger)
    adjustment_points: Mapped[int] = mapped_column(BigInteger)
    adjustment_count: Mapped[int] = mapped_column(BigInteger)
    visit_count: Mapped[int] = mapped_column(BigInteger)
    seen_count: Mapped[int] = mapped_column(BigInteger)


class WorkspaceTotals(Base):
    """What all members of a workspace have together; `owed_points` is of those below zero."""

    __tablename__ = "workspace_totals"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    member_count: Mapped[int] = mapped_column(BigInteger)
    outstanding_points: Mapped[int] = mapped_column(BigInteger)
    below_zero_count: Mapped[int] = mapped_column(BigInteger)
    owed_points: Mapped[int] = mapped_column(BigInteger)


class RewardTotals(Base):
    """How many redemptions of a reward there are that were not cancelled."""

    __tablename__ = "reward_totals"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "reward_id"], ["rewards.workspace_id", "rewards.id"]),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    reward_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    taken_count: Mapped[int] = mapped_column(BigInteger)


class TierTotals(Base):
    """How many active members of a program are in a tier; "" is for those in none."""

    __tablename__ = "tier_totals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "program_id"], ["programs.workspace_id", "programs.id"]
        ),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    program_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    tier: Mapped[str] = mapped_column(String(40), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    member_count: Mapped[int] = mapped_column(BigInteger)

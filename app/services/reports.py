"""The figures of the Today page, read from the totals, and what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session, joinedload

from app import clock
from app.models.ledger import KINDS, LedgerEntry
from app.models.members import Member
from app.services import totals
from app.services.names import read_names

CHART_DAYS = 30
"""The days of the chart and of “Seen in 30 days”, today among them."""

BELOW_ZERO_ROWS = 5
ACTIVITY_ROWS = 8


@dataclass
class Day:
    """One day in the merchant's time zone.

    Attributes:
        points: by kind, signed as in the ledger.
        visit_count: the members with an award or a redemption.
        last_seen_count: the members who have not been seen since.
    """

    on: date
    points: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    visit_count: int = 0
    last_seen_count: int = 0

    @property
    def issued(self) -> int:
        """Points awarded."""
        return self.points["award"]

    @property
    def redeemed(self) -> int:
        """Points spent, as a positive number, before cancellations."""
        return -self.points["redemption"]

    @property
    def change(self) -> int:
        """How the outstanding points moved."""
        return sum(self.points.values())


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What Today shows.

    Attributes:
        days: the last `CHART_DAYS` days, today last.
        outstanding: all balances together.
        seen_count: members who visited or enrolled on one of the shown days.
        below_zero: members who owe most, at most `BELOW_ZERO_ROWS`.
        owed_points: what all members below zero owe together, as a positive number.
    """

    days: Sequence[Day]
    outstanding: int
    member_count: int
    seen_count: int
    below_zero: Sequence[Member]
    below_zero_count: int
    owed_points: int

    @property
    def today(self) -> Day:
        """The day that is not over yet."""
        return self.days[-1]

    def total(self, kind: str) -> int:
        """Sum the shown days' signed points of a kind."""
        return sum(day.points[kind] for day in self.days)

    @property
    def opening(self) -> int:
        """What was outstanding when the first shown day began."""
        return self.outstanding - sum(day.change for day in self.days)

    @property
    def outstanding_by_day(self) -> list[int]:
        """What was outstanding at the end of each shown day."""
        level, levels = self.opening, []
        for day in self.days:
            level += day.change
            levels.append(level)
        return levels


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One thing that just happened; `entry` is None when a member joined."""

    at: datetime
    member: Member
    entry: LedgerEntry | None
    actor_name: str | None
    location_name: str | None


def get_overview(session: Session, *, workspace_id: str, time_zone: str) -> Overview:
    """Read the figures of Today."""
    today = clock.now().astimezone(ZoneInfo(time_zone)).date()
    days = _read_days(session, workspace_id, today)
    whole = totals.read_workspace(session, workspace_id=workspace_id)
    return Overview(
        days=days,
        member_count=whole["member_count"],
        outstanding=whole["outstanding_points"],
        below_zero_count=whole["below_zero_count"],
        owed_points=whole["owed_points"],
        seen_count=sum(day.last_seen_count for day in days),
        below_zero=(_list_below_zero(session, workspace_id) if whole["below_zero_count"] else []),
    )


def list_activity(
    session: Session, *, workspace_id: str, limit: int = ACTIVITY_ROWS
) -> Sequence[Activity]:
    """List what happened last, newest first."""
    found = [
        *_latest_entries(session, workspace_id, limit),
        *_latest_joins(session, workspace_id, limit),
    ]
    found.sort(key=lambda each: each.at, reverse=True)
    return found[:limit]


def _read_days(session: Session, workspace_id: str, today: date) -> list[Day]:
    days = [Day(today - timedelta(days=back)) for back in reversed(range(CHART_DAYS))]
    known = {day.on: day for day in days}
    for on, sums in totals.read_days(session, workspace_id=workspace_id, since=days[0].on).items():
        # An entry never lies before its predecessor, so after a clock stepped back one may lie
        # ahead of today.
        day = known[min(on, today)]
        for kind in KINDS:
            day.points[kind] += sums[f"{kind}_points"]
            day.counts[kind] += sums[f"{kind}_count"]
        day.visit_count += sums["visit_count"]
        day.last_seen_count += sums["seen_count"]
    return days


def _list_below_zero(session: Session, workspace_id: str) -> Sequence[Member]:
    return session.scalars(
        select(Member)
        # Written out, as the index of those who owe says it.
        .where(Member.workspace_id == workspace_id, Member.balance < literal_column("0"))
        .options(joinedload(Member.customer))
        .order_by(Member.balance, Member.id)
        .limit(BELOW_ZERO_ROWS)
    ).all()


def _latest_entries(session: Session, workspace_id: str, limit: int) -> list[Activity]:
    entries = session.scalars(
        select(LedgerEntry)
        .options(joinedload(LedgerEntry.member).joinedload(Member.customer))
        .where(LedgerEntry.workspace_id == workspace_id)
        .order_by(LedgerEntry.recorded_at.desc(), LedgerEntry.id.desc())
        .limit(limit)
    ).all()
    names = read_names(
        session,
        workspace_id=workspace_id,
        ids=(each for entry in entries for each in (entry.actor_id, entry.location_id)),
    )
    return [
        Activity(
            at=entry.recorded_at,
            member=entry.member,
            entry=entry,
            actor_name=names.get(entry.actor_id),
            location_name=names.get(entry.location_id),
        )
        for entry in entries
    ]


def _latest_joins(session: Session, workspace_id: str, limit: int) -> list[Activity]:
    members = session.scalars(
        select(Member)
        .where(Member.workspace_id == workspace_id)
        .options(joinedload(Member.customer))
        .order_by(Member.id.desc())
        .limit(limit)
    )
    return [
        Activity(
            at=member.created_at, member=member, entry=None, actor_name=None, location_name=None
        )
        for member in members
    ]

"""The figures of the Today page, read from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, joinedload

from app import clock
from app.models.api_keys import ApiKey
from app.models.inbound import InboundSource
from app.models.ledger import KINDS, LedgerEntry
from app.models.members import Member
from app.models.programs import Location
from app.models.staff import Staff

CHART_DAYS = 30
SEEN_DAYS = 30
BELOW_ZERO_ROWS = 5
ACTIVITY_ROWS = 8


@dataclass
class Day:
    """One day's points in the merchant's time zone: `points` by kind, signed as in the ledger."""

    on: date
    points: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    seen_count: int = 0

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
    days = _read_days(session, workspace_id, ZoneInfo(time_zone))
    totals = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Member.balance), 0),
            func.count().filter(Member.balance < 0),
            func.coalesce(func.sum(Member.balance).filter(Member.balance < 0), 0),
            func.count().filter(Member.last_seen_at >= clock.now() - timedelta(days=SEEN_DAYS)),
        ).where(Member.workspace_id == workspace_id)
    ).one()
    return Overview(
        days=days,
        member_count=totals[0],
        outstanding=int(totals[1]),
        below_zero_count=totals[2],
        owed_points=-int(totals[3]),
        seen_count=totals[4],
        below_zero=_list_below_zero(session, workspace_id) if totals[2] else [],
    )


def count_below_zero(session: Session, *, workspace_id: str) -> int:
    """Count the members who owe points."""
    return (
        session.scalar(
            select(func.count()).where(Member.workspace_id == workspace_id, Member.balance < 0)
        )
        or 0
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


def _read_days(session: Session, workspace_id: str, zone: ZoneInfo) -> list[Day]:
    today = clock.now().astimezone(zone).date()
    days = [Day(today - timedelta(days=back)) for back in reversed(range(CHART_DAYS))]
    starts = [datetime.combine(day.on, time.min, zone) for day in days]
    number = _day_number(starts)
    in_window = (
        LedgerEntry.workspace_id == workspace_id,
        LedgerEntry.recorded_at >= starts[0],
    )
    sums = session.execute(
        select(number.label("day"), LedgerEntry.kind, func.sum(LedgerEntry.points), func.count())
        .where(*in_window)
        .group_by(number, LedgerEntry.kind)
    )
    for index, kind, points, count in sums:
        days[index].points[kind] = int(points)
        days[index].counts[kind] = count
    seen = session.execute(
        select(number.label("day"), func.count(LedgerEntry.member_id.distinct()))
        .where(*in_window, LedgerEntry.kind.in_(("award", "redemption")))
        .group_by(number)
    )
    for index, count in seen:
        days[index].seen_count = count
    return days


def _day_number(starts: Sequence[datetime]) -> ColumnElement[int]:
    """Give the index of the day that an entry falls on; both databases compare instants alike."""
    return case(
        *((LedgerEntry.recorded_at < start, index) for index, start in enumerate(starts[1:])),
        else_=len(starts) - 1,
    )


def _list_below_zero(session: Session, workspace_id: str) -> Sequence[Member]:
    return session.scalars(
        select(Member)
        .where(Member.workspace_id == workspace_id, Member.balance < 0)
        .options(joinedload(Member.customer))
        .order_by(Member.balance, Member.id)
        .limit(BELOW_ZERO_ROWS)
    ).all()


def _latest_entries(session: Session, workspace_id: str, limit: int) -> list[Activity]:
    rows = session.execute(
        select(
            LedgerEntry, func.coalesce(Staff.name, ApiKey.name, InboundSource.name), Location.name
        )
        .outerjoin(Staff, Staff.id == LedgerEntry.actor_id)
        .outerjoin(ApiKey, ApiKey.id == LedgerEntry.actor_id)
        .outerjoin(InboundSource, InboundSource.id == LedgerEntry.actor_id)
        .outerjoin(
            Location,
            (Location.workspace_id == LedgerEntry.workspace_id)
            & (Location.id == LedgerEntry.location_id),
        )
        .options(joinedload(LedgerEntry.member).joinedload(Member.customer))
        .where(LedgerEntry.workspace_id == workspace_id)
        .order_by(LedgerEntry.recorded_at.desc(), LedgerEntry.id.desc())
        .limit(limit)
    )
    return [
        Activity(
            at=entry.recorded_at,
            member=entry.member,
            entry=entry,
            actor_name=actor_name,
            location_name=location_name,
        )
        for entry, actor_name, location_name in rows
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

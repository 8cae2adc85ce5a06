"""Totals of days and workspaces, kept in the transactions that change them, exact when read.

What an act changes is added up in the session and written right before COMMIT, always in the same
order, so that acts hold these rows for a moment only and never wait for each other in a ring.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Select, bindparam, func, select
from sqlalchemy.orm import Session

from app.db import statements
from app.db.base import Base, table_of
from app.db.statements import Call, Statement
from app.models.members import Member
from app.models.merchants import Merchant, Workspace
from app.models.totals import DayTotals, RewardTotals, TierTotals, WorkspaceTotals
from app.rules.ledger import VISITS, Entry, LockedMember

SHARDS = 16
"""On PostgreSQL; SQLite has one writer at a time anyhow."""

_SLOT = "regulars.totals_slot"
_SUMS = "regulars.totals_sums"


def _amounts(model: type[Base]) -> Sequence[str]:
    return [column.name for column in table_of(model).c if not column.primary_key]


def _adding(model: type[Base]) -> Statement:
    """Give the statement that adds to a row of totals, or makes it."""
    table = table_of(model)

    def build(dialect_name: str) -> statements.Built:
        insert = statements.insert_for(dialect_name)(table)
        add: statements.Built = insert.on_conflict_do_update(
            index_elements=[column.name for column in table.primary_key],
            set_={name: table.c[name] + insert.excluded[name] for name in _amounts(model)},
        )
        return add

    return Statement(build)


_ADDING: Mapping[type[Base], Statement] = {
    model: _adding(model) for model in (DayTotals, RewardTotals, TierTotals, WorkspaceTotals)
}

_zones: dict[str, ZoneInfo] = {}
"""A workspace's time zone; a merchant's never changes once it is made."""


def zone_of(session: Session, workspace_id: str) -> ZoneInfo:
    """Give the time zone by which a workspace's days begin."""
    known = _zones.get(workspace_id)
    if known is None:
        name = session.scalars(
            select(Merchant.time_zone)
            .join(Workspace, Workspace.merchant_id == Merchant.id)
            .where(Workspace.id == workspace_id)
        ).one()
        known = _zones[workspace_id] = ZoneInfo(name)
    return known


def count_member(session: Session, *, workspace_id: str, seen_at: datetime) -> None:
    """Count a new member, who was seen when it was made."""
    on = seen_at.astimezone(zone_of(session, workspace_id)).date()
    add_to_workspace(session, workspace_id, {"member_count": 1})
    add_to_day(session, workspace_id, on, {"seen_count": 1})


def count_entry(session: Session, entry: Entry, *, before: LockedMember) -> None:
    """Count an entry; `before` is the member before it."""
    workspace_id, after = entry.workspace_id, entry.balance_after
    zone = zone_of(session, workspace_id)
    on = entry.recorded_at.astimezone(zone).date()
    of_day = {f"{entry.kind}_points": entry.points, f"{entry.kind}_count": 1}
    if entry.kind in VISITS:
        if before.last_visit_at is None or before.last_visit_at.astimezone(zone).date() != on:
            of_day["visit_count"] = 1
        seen_on = before.last_seen_at.astimezone(zone).date()
        if seen_on < on:
            of_day["seen_count"] = 1
            add_to_day(session, workspace_id, seen_on, {"seen_count": -1})
    add_to_day(session, workspace_id, on, of_day)
    add_to_workspace(
        session,
        workspace_id,
        {
            "outstanding_points": entry.points,
            "below_zero_count": (after < 0) - (before.balance < 0),
            "owed_points": max(0, -after) - max(0, -before.balance),
        },
    )


def count_taken(session: Session, *, workspace_id: str, reward_id: str, change: int) -> None:
    """Count redemptions of a reward that were made, or, below zero, cancelled."""
    key = {"workspace_id": workspace_id, "reward_id": reward_id, "slot": _slot(session)}
    _add_up(session, RewardTotals, key, {"taken_count": change})


def count_move(
    session: Session, member: Member | LockedMember, *, previous_tier: str | None
) -> None:
    """Count a member who came from one tier into another; a closed one is counted in none."""
    if member.is_closed:
        return
    for tier, change in ((previous_tier, -1), (member.tier, 1)):
        count_in_tier(
            session,
            workspace_id=member.workspace_id,
            program_id=member.program_id,
            tier=tier,
            change=change,
        )


def count_in_tier(
    session: Session, *, workspace_id: str, program_id: str, tier: str | None, change: int
) -> None:
    """Count active members who came into a tier, or, below zero, left it; None is no tier."""
    key = {
        "workspace_id": workspace_id,
        "program_id": program_id,
        "tier": tier or "",
        "slot": _slot(session),
    }
    _add_up(session, TierTotals, key, {"member_count": change})


def read_tiers(session: Session, *, workspace_id: str) -> dict[tuple[str, str | None], int]:
    """Give how many active members each tier of each program has; those with none are left out."""
    statement = (
        select(TierTotals.program_id, TierTotals.tier, func.sum(TierTotals.member_count))
        .where(TierTotals.workspace_id == workspace_id)
        .group_by(TierTotals.program_id, TierTotals.tier)
    )
    return {
        (program_id, tier or None): int(count)
        for program_id, tier, count in session.execute(statement)
        if count
    }


def read_rewards(session: Session, *, workspace_id: str) -> dict[str, int]:
    """Give how often each reward was taken and kept; those that never were are left out."""
    statement = (
        select(RewardTotals.reward_id, func.sum(RewardTotals.taken_count))
        .where(RewardTotals.workspace_id == workspace_id)
        .group_by(RewardTotals.reward_id)
    )
    return {reward_id: int(count) for reward_id, count in session.execute(statement)}


def read_days(
    session: Session, *, workspace_id: str, since: date | None = None
) -> dict[date, Mapping[str, int]]:
    """Give each day's totals by the columns of `DayTotals`, summed over the slots."""
    statement: Select[*tuple[Any, ...]] = (
        select(DayTotals.day, *_summed(DayTotals))
        .where(DayTotals.workspace_id == workspace_id)
        .group_by(DayTotals.day)
    )
    if since is not None:
        statement = statement.where(DayTotals.day >= bindparam("since", since, type_=Date))
    return {on: _named(DayTotals, sums) for on, *sums in session.execute(statement)}


def read_workspace(session: Session, *, workspace_id: str) -> Mapping[str, int]:
    """Give the totals of a workspace by the columns of `WorkspaceTotals`, summed over the slots."""
    row = session.execute(
        select(*_summed(WorkspaceTotals)).where(WorkspaceTotals.workspace_id == workspace_id)
    ).one()
    return {name: int(total) for name, total in row._mapping.items()}


def _named(model: type[Base], sums: Sequence[Any]) -> Mapping[str, int]:
    return {name: int(total) for name, total in zip(_amounts(model), sums, strict=True)}


def _summed(model: type[Base]) -> list[Any]:
    table = table_of(model)
    return [func.coalesce(func.sum(table.c[name]), 0).label(name) for name in _amounts(model)]


def add_to_day(session: Session, workspace_id: str, on: date, amounts: Mapping[str, int]) -> None:
    """Add to the columns of `DayTotals` of one day."""
    key = {"workspace_id": workspace_id, "day": on, "slot": _slot(session)}
    _add_up(session, DayTotals, key, amounts)


def add_to_workspace(session: Session, workspace_id: str, amounts: Mapping[str, int]) -> None:
    """Add to the columns of `WorkspaceTotals`."""
    key = {"workspace_id": workspace_id, "slot": _slot(session)}
    _add_up(session, WorkspaceTotals, key, amounts)


_Sums = defaultdict[tuple[type[Base], tuple[tuple[str, Any], ...]], Counter[str]]
"""What a transaction adds to the columns of rows, by their model and key."""


def _add_up(
    session: Session, model: type[Base], key: Mapping[str, Any], amounts: Mapping[str, int]
) -> None:
    sums: _Sums | None = session.info.get(_SUMS)
    if sums is None:
        sums = session.info[_SUMS] = defaultdict(Counter)
        statements.at_commit(session, lambda: _adding_calls(session.info.pop(_SUMS)))
    sums[model, tuple(key.items())].update(amounts)


def _adding_calls(sums: _Sums) -> list[Call]:
    """Return the statements that add to the rows, without those that would add nothing.

    All transactions take the rows in the same order, so that no two wait for each other.
    """
    in_order = sorted(sums.items(), key=lambda each: (each[0][0].__tablename__, each[0][1]))
    return [
        _ADDING[model](**dict(key), **{name: amounts[name] for name in _amounts(model)})
        for (model, key), amounts in in_order
        if any(amounts.values())
    ]


def _slot(session: Session) -> int:
    """Give the slot of this transaction."""
    known = session.info.get(_SLOT)
    if known is None:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        known = session.info[_SLOT] = 0 if is_sqlite else secrets.randbelow(SHARDS)
    return int(known)

"""How many points staff may give by hand: per award and per shift, by role or by person.

A shift is the last twelve hours: it needs no time zone, and signing out does not end it. What was
given counts until it is taken back. An approved act counts for who approved it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from app import clock, errors
from app.db.base import UtcDateTime
from app.db.statements import Batch, Row, Statement
from app.models.columns import JsonObject
from app.models.ledger import LedgerEntry
from app.models.merchants import LIVE
from app.models.staff import Allowance, Staff
from app.rules.actors import STAFF_ROLES, Actor, Approval, Permission
from app.services import workspaces
from app.services.audit import trail

SHIFT_HOURS = 12
POINTS_MAX = 1_000_000_000

APPROVER_ROLES = ("owner", "manager")


@dataclass(frozen=True)
class Limits:
    """The most points of one award, and of one shift; None is no limit."""

    per_award_points: int | None = None
    per_shift_points: int | None = None


CASHIER_LIMITS = Limits(1000, 10_000)
"""What a new merchant's cashiers may give until an owner says otherwise."""


def set_default(session: Session, *, merchant_id: str) -> None:
    """Give a new merchant's cashiers their limits."""
    session.add(
        Allowance(
            merchant_id=merchant_id,
            holder="cashier",
            per_award_points=CASHIER_LIMITS.per_award_points,
            per_shift_points=CASHIER_LIMITS.per_shift_points,
        )
    )


def get_roles(session: Session, *, merchant_id: str) -> Mapping[str, Limits]:
    """Give the limits of every role."""
    known = _known(session, merchant_id)
    return {role: known.get(role, Limits()) for role in STAFF_ROLES}


def get_own(session: Session, *, merchant_id: str, staff_id: str) -> Limits | None:
    """Give the limits that are one person's own, or None: as their role."""
    return _known(session, merchant_id).get(staff_id)


def get_people(session: Session, *, merchant_id: str) -> Mapping[str, Limits]:
    """Give the limits that hold for each person of a merchant."""
    known = _known(session, merchant_id)
    people = session.execute(select(Staff.id, Staff.role).where(Staff.merchant_id == merchant_id))
    return {staff_id: known.get(staff_id, known.get(role, Limits())) for staff_id, role in people}


def set_for(
    session: Session, *, merchant_id: str, holder: str, limits: Limits | None, by: Actor
) -> None:
    """Set the limits of a role or of one person.

    Args:
        holder: a role, or a person's id.
        limits: None lets a person have their role's limits again.

    Raises:
        InvalidParameter: a limit is out of bounds.
        NotFound: there is no such role or person here.
        PermissionDenied: not an owner.
    """
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can change staff.")
    _check_holder(session, merchant_id, holder)
    _check_bounds(limits)
    row = session.get(Allowance, (merchant_id, holder), with_for_update=True)
    before = Limits(row.per_award_points, row.per_shift_points) if row is not None else None
    if limits is None and row is not None:
        session.delete(row)
    if limits is not None:
        if row is None:
            row = Allowance(merchant_id=merchant_id, holder=holder)
            session.add(row)
        row.per_award_points = limits.per_award_points
        row.per_shift_points = limits.per_shift_points
    if before != limits:
        workspace = workspaces.get_workspace(session, merchant_id=merchant_id, mode=LIVE)
        trail.record(
            session,
            workspace_id=workspace.id,
            act="staff.allowance",
            by=by,
            subject_id=holder,
            before=_told(before),
            after=_told(limits),
        )


def set_roles(
    session: Session, *, merchant_id: str, limits: Mapping[str, Limits], by: Actor
) -> None:
    """Set the limits of several roles, by the role's name; see `set_for`."""
    for role, each in limits.items():
        set_for(session, merchant_id=merchant_id, holder=role, limits=each, by=by)


def _check_holder(session: Session, merchant_id: str, holder: str) -> None:
    person = session.scalar(
        select(Staff.id).where(Staff.merchant_id == merchant_id, Staff.id == holder)
    )
    if holder not in STAFF_ROLES and person is None:
        raise errors.NotFound("There is no such role or person here.")


def _check_bounds(limits: Limits | None) -> None:
    for name in ("per_award_points", "per_shift_points"):
        points = getattr(limits, name, None)
        if points is not None and not 0 <= points <= POINTS_MAX:
            raise errors.InvalidParameter(name, f"Give 0 to {POINTS_MAX:,} points, or nothing.")


def given_points(session: Session, *, workspace_id: str, staff_id: str) -> int:
    """Sum what a person has given by hand in this shift, less what was taken back of it."""
    return given_by(session, workspace_id=workspace_id, staff_id=staff_id).get(staff_id, 0)


def given_by(
    session: Session, *, workspace_id: str, staff_id: str | None = None
) -> Mapping[str, int]:
    """Sum what each person has given by hand in this shift, less what was taken back of it."""
    statement = _given(workspace_id, clock.now() - timedelta(hours=SHIFT_HOURS))
    if staff_id is not None:
        statement = statement.where(_answered_for_by(staff_id))
    return {person: int(points) for person, points in session.execute(statement)}


def _given(workspace_id: Any, since: Any) -> Select[str, int]:
    """Sum what each person answers for since an instant, less what was taken back of it."""
    answers_for = func.coalesce(LedgerEntry.approved_by, LedgerEntry.actor_id)
    reversal = aliased(LedgerEntry)
    taken_back = (
        select(func.coalesce(func.sum(reversal.points), 0))
        .where(
            reversal.workspace_id == workspace_id,
            reversal.reverses_id == LedgerEntry.id,
        )
        .scalar_subquery()
    )
    return (
        select(
            answers_for.label("staff_id"),
            func.sum(LedgerEntry.points + taken_back).label("points"),
        )
        .where(
            LedgerEntry.workspace_id == workspace_id,
            LedgerEntry.recorded_at > since,
            LedgerEntry.actor_kind == "staff",
            or_(LedgerEntry.kind == "award", LedgerEntry.kind == "adjustment"),
            LedgerEntry.points > 0,
        )
        .group_by(answers_for)
    )


def _answered_for_by(staff_id: Any) -> ColumnElement[bool]:
    # Two conditions, each with an index of its own.
    return or_(
        LedgerEntry.approved_by == staff_id,
        and_(LedgerEntry.actor_id == staff_id, LedgerEntry.approved_by.is_(None)),
    )


_STAFF_ID = bindparam("staff_id", type_=String)

_LIMITS = Statement(
    lambda _: (
        select(Allowance.per_award_points, Allowance.per_shift_points)
        .join(Staff, Staff.merchant_id == Allowance.merchant_id)
        .where(Staff.id == _STAFF_ID, Allowance.holder.in_((Staff.id, Staff.role)))
        .order_by(case((Allowance.holder == Staff.id, 0), else_=1))
        .limit(1)
    )
)
"""The person's own limits, else their role's."""

_HAS_A_SHIFT_LIMIT = (
    select(Allowance.holder)
    .join(Staff, Staff.merchant_id == Allowance.merchant_id)
    .where(
        Staff.id == _STAFF_ID,
        Allowance.holder.in_((Staff.id, Staff.role)),
        Allowance.per_shift_points.is_not(None),
    )
    .correlate(None)
    .exists()
)

_HOLD_GIVER = Statement(
    lambda _: (
        select(Staff.id)
        .where(Staff.id == _STAFF_ID, _HAS_A_SHIFT_LIMIT)
        .with_for_update(key_share=True, of=Staff)
    )
)
"""Serialises the awards of a person with a shift limit: locks their row until the commit."""

_GIVEN_IN_SHIFT = Statement(
    lambda _: _given(
        bindparam("workspace_id", type_=String), bindparam("since", type_=UtcDateTime)
    ).where(_answered_for_by(_STAFF_ID), _HAS_A_SHIFT_LIMIT)
)


def _approver() -> Select[Any]:
    approver = aliased(Staff)
    approver_id = bindparam("approver_id", type_=String)
    return (
        select(approver.id)
        .join(Staff, Staff.merchant_id == approver.merchant_id)
        .where(
            Staff.id == _STAFF_ID,
            approver.id == approver_id,
            approver.id != Staff.id,
            approver.status == "active",
            or_(*(approver.role == role for role in APPROVER_ROLES)),
        )
    )


_APPROVER = Statement(lambda _: _approver())


class AllowanceCheck:
    """Reads what an actor may give with the statements of an act, and judges it.

    Awards by staff with a shift limit are serialised: their row is locked until the commit, before
    their points are summed.
    """

    def __init__(
        self, batch: Batch, *, workspace_id: str, by: Actor, approval: Approval | None
    ) -> None:
        self._approval = approval
        self._is_limited = by.kind == "staff" and by.id is not None
        if not self._is_limited:
            return
        answers_for = approval.staff_id if approval is not None else by.id
        self._limits = batch.add(_LIMITS(staff_id=answers_for))
        batch.add(_HOLD_GIVER(staff_id=answers_for))
        self._given = batch.add(
            _GIVEN_IN_SHIFT(
                workspace_id=workspace_id,
                staff_id=answers_for,
                since=clock.now() - timedelta(hours=SHIFT_HOURS),
            )
        )
        if approval is not None:
            self._approver = batch.add(_APPROVER(approver_id=approval.staff_id, staff_id=by.id))

    def judge(self, points: int) -> None:
        """Refuse points beyond what the person may give, or the manager who approves it.

        Raises:
            AllowanceExceeded: it is too much for the person; a manager can approve it.
            PermissionDenied: it is too much for the manager who approves, or they may not.
        """
        if not self._is_limited:
            return
        if self._approval is not None and not self._approver.rows:
            raise errors.PermissionDenied("Another manager or an owner has to approve this.")
        given = self._given.first
        problem = _problem(self._limits.rows, given.points if given else 0, points)
        if problem is None:
            return
        if self._approval is not None:
            raise errors.PermissionDenied(
                f"This is more than who approves it may give. {problem} Ask an owner."
            )
        raise errors.AllowanceExceeded(f"{problem} A manager can approve it here.")


def _problem(limits: Sequence[Row], given_points: int, points: int) -> str | None:
    if not limits:
        return None
    most = limits[0].per_award_points
    if most is not None and points > most:
        return f"The limit is {most:,} points at once."
    most = limits[0].per_shift_points
    if most is None:
        return None
    left = most - given_points
    if points > left:
        return f"The limit is {most:,} points a shift, and {max(left, 0):,} are left."
    return None


def _known(session: Session, merchant_id: str) -> Mapping[str, Limits]:
    rows = session.scalars(select(Allowance).where(Allowance.merchant_id == merchant_id))
    return {row.holder: Limits(row.per_award_points, row.per_shift_points) for row in rows}


def _told(limits: Limits | None) -> JsonObject:
    if limits is None:
        return {"limits": "as the role"}
    return {"perAward": limits.per_award_points, "perShift": limits.per_shift_points}

"""The way of every act through the ledger: lock and read, decide, write.

An act adds what it has to read to one `Batch`, which is one round trip. What depends on the
member's state comes after the `MemberLock`. What the act decides is pure (`rules.ledger`,
`rules.redeeming`). What `post` writes waits for COMMIT, which is the second round trip. Nothing
else in the product inserts an entry or changes a balance.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, false, func, select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.db import statements
from app.db.base import Base, table_of
from app.db.statements import Batch, Statement
from app.models.columns import JsonObject
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.programs import Program
from app.models.redemptions import Redemption
from app.models.staff import Staff
from app.rules import hashing, ledger
from app.rules.actors import Actor
from app.rules.ledger import Entry, LockedMember, Posting
from app.services import outbox, snapshots, totals
from app.services.audit import trail


def columns_of(shape: type[Any], model: type[Base]) -> list[ColumnElement[Any]]:
    """Return a table's columns, labelled with the attributes of a dataclass and in their order.

    Attributes of the dataclass that the table does not have are left out.
    """
    known = [each.name for each in fields(shape) if hasattr(model, each.name)]
    return [getattr(model, name).label(name) for name in known]


_WORKSPACE_ID = bindparam("workspace_id", type_=String)


def _member_rows() -> Select[*tuple[Any, ...]]:
    """Return the statement that reads members; its parameter `staff_id` is who acts, or ""."""
    own_email = select(Staff.email_key).where(Staff.id == bindparam("staff_id", type_=String))
    is_actor = (Customer.email_key != "") & (Customer.email_key == own_email.scalar_subquery())
    return (
        select(
            *columns_of(LockedMember, Member),
            Program.tiers.label("tiers"),
            func.coalesce(is_actor, false()).label("is_actor"),
        )
        .join(
            Program,
            (Program.workspace_id == Member.workspace_id) & (Program.id == Member.program_id),
        )
        .join(
            Customer,
            (Customer.workspace_id == Member.workspace_id) & (Customer.id == Member.customer_id),
        )
    )


def _locking(member_id: Any) -> tuple[Statement, Statement]:
    """Return the statements that hold a member's program and lock the member's row."""
    is_member = (Member.workspace_id == _WORKSPACE_ID, Member.id == member_id)
    program_id = select(Member.program_id).where(*is_member).scalar_subquery()
    is_program = (Program.workspace_id == _WORKSPACE_ID, Program.id == program_id)
    return (
        Statement(lambda _: select(Program.id).where(*is_program).with_for_update(read=True)),
        Statement(lambda _: _member_rows().where(*is_member).with_for_update(of=Member)),
    )


def _owner_in(model: type[LedgerEntry | Redemption]) -> Any:
    chosen = (model.workspace_id == _WORKSPACE_ID, model.id == bindparam("of_id", type_=String))
    return select(model.member_id).where(*chosen).scalar_subquery()


_BY_MEMBER = _locking(bindparam("of_id", type_=String))
_BY_ENTRY = _locking(_owner_in(LedgerEntry))
_BY_REDEMPTION = _locking(_owner_in(Redemption))

_INSERT_ENTRY = Statement.inserting(table_of(LedgerEntry))

_CARRIED = (
    *("entry_count", "balance", "lifetime_points", "qualifying_points"),
    *("head_hash", "last_entry_at", "last_seen_at", "last_visit_at", "tier"),
)

_CARRY_FORWARD = Statement(
    lambda _: update(table_of(Member)).where(
        Member.workspace_id == bindparam("of_workspace"), Member.id == bindparam("of_member")
    ),
    columns=_CARRIED,
)

_COLUMN_NAMES = {"metadata_": "metadata"}
"""Attributes of an entry whose column has another name."""


class MemberLock:
    """Locks a member's row with the statements of an act, until the transaction ends.

    The program's row is held against changes first, so that a tier is judged by rules that stay
    until the commit. Everything that locks both takes them in this order.
    """

    def __init__(
        self,
        batch: Batch,
        statements_: tuple[Statement, Statement],
        *,
        workspace_id: str,
        of_id: str,
        staff_id: str = "",
    ) -> None:
        hold, lock = statements_
        batch.add(hold(workspace_id=workspace_id, of_id=of_id))
        self._reply = batch.add(lock(workspace_id=workspace_id, of_id=of_id, staff_id=staff_id))

    @classmethod
    def of_member(
        cls, batch: Batch, *, workspace_id: str, member_id: str, by: Actor | None
    ) -> MemberLock:
        """Lock a member by their id; `by` decides `is_actor`."""
        staff_id = by.id if by and by.kind == "staff" else ""
        return cls(
            batch, _BY_MEMBER, workspace_id=workspace_id, of_id=member_id, staff_id=staff_id or ""
        )

    @classmethod
    def of_entry(cls, batch: Batch, *, workspace_id: str, entry_id: str) -> MemberLock:
        """Lock the member whose ledger has an entry."""
        return cls(batch, _BY_ENTRY, workspace_id=workspace_id, of_id=entry_id)

    @classmethod
    def of_redemption(cls, batch: Batch, *, workspace_id: str, redemption_id: str) -> MemberLock:
        """Lock the member who redeemed."""
        return cls(batch, _BY_REDEMPTION, workspace_id=workspace_id, of_id=redemption_id)

    def member(self, *, open_only: bool = False) -> LockedMember:
        """Return the member as they are now.

        Raises:
            NotFound: no such member in this workspace.
            MemberClosed: the member is closed and `open_only`.
        """
        row = self._reply.first
        return checked(LockedMember(*row) if row else None, open_only=open_only)


def checked(member: LockedMember | None, *, open_only: bool) -> LockedMember:
    """Return a member who is there and, if `open_only`, not closed.

    Raises:
        NotFound, MemberClosed: they are not.
    """
    if member is None:
        raise errors.NotFound("There is no such member here.", param="account_id")
    if open_only and member.is_closed:
        raise errors.MemberClosed
    return member


def lock_member(session: Session, *, workspace_id: str, member_id: str) -> LockedMember:
    """Lock a member's row until the transaction ends and return the member as they are now.

    Raises:
        NotFound: no such member in this workspace.
    """
    batch = Batch(session)
    lock = MemberLock.of_member(batch, workspace_id=workspace_id, member_id=member_id, by=None)
    batch.send()
    return lock.member()


def lock_members(
    session: Session, *, workspace_id: str, member_ids: Collection[str]
) -> dict[str, LockedMember]:
    """Lock several members as `lock_member` does, in the order of their ids."""
    chosen = (Member.workspace_id == workspace_id, Member.id.in_(sorted(member_ids)))
    of_them = select(Member.program_id).where(*chosen)
    session.execute(
        select(Program.id)
        .where(Program.workspace_id == workspace_id, Program.id.in_(of_them))
        .order_by(Program.id)
        .with_for_update(read=True)
    )
    rows = session.execute(
        _member_rows().where(*chosen).order_by(Member.id).with_for_update(of=Member),
        {"staff_id": ""},
    )
    return {row.id: LockedMember(*row) for row in rows}


def post(
    session: Session, member: LockedMember, posting: Posting, *, by: Actor
) -> tuple[Entry, LockedMember]:
    """Write the next entry of a locked member with the totals, and return the entry and the member.

    This is the only code that inserts a ledger entry.
    """
    entry = ledger.next_entry(member, posting, by=by, now=clock.now(), salt=hashing.new_salt())
    after = ledger.member_after(member, entry)
    values = {each.name: getattr(entry, each.name) for each in fields(Entry)}
    statements.defer(
        session,
        _INSERT_ENTRY(**{_COLUMN_NAMES.get(name, name): each for name, each in values.items()}),
    )
    statements.defer(
        session,
        _CARRY_FORWARD(
            of_workspace=member.workspace_id,
            of_member=member.id,
            **{name: getattr(after, name) for name in _CARRIED},
        ),
    )
    totals.count_entry(session, entry, before=member)
    if after.tier != member.tier:
        _move_tier(session, after, entry, previous_tier=member.tier)
    return entry, after


def tell(  # noqa: PLR0917 - one act, its event and its line of the audit log
    session: Session, event_type: str, act: str, member: LockedMember, entry: Entry, by: Actor
) -> None:
    """Write the event of an entry and its line of the audit log."""
    outbox.emit(
        session,
        event_type,
        workspace_id=member.workspace_id,
        member=member,
        entry_id=entry.id,
        data=snapshots.transaction(entry),
    )
    after: JsonObject = {"balance": entry.balance_after, "points": entry.points}
    if entry.approved_by:
        after["approvedBy"] = entry.approved_by
    trail.record(
        session,
        workspace_id=member.workspace_id,
        act=act,
        by=by,
        subject_id=entry.id,
        member_id=member.id,
        before={"balance": entry.balance_after - entry.points},
        after=after,
    )


def _move_tier(
    session: Session, member: LockedMember, entry: Entry, *, previous_tier: str | None
) -> None:
    totals.count_move(session, member, previous_tier=previous_tier)
    outbox.emit(
        session,
        "loyalty.tier.changed",
        workspace_id=member.workspace_id,
        member=member,
        entry_id=entry.id,
        data={**snapshots.account(member), "previousTier": previous_tier},
    )

"""The ledger's acts: award, reverse, adjust, and the one function that inserts an entry.

Spec sections 2 and 3. Every act locks the member's row first, so one member's writes follow each
other and different members never wait. Nothing else in the product changes a balance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, inspect, select, update
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app import clock, errors, statements
from app.db import Base, object_of_row, table_of
from app.ids import new_id
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.programs import Program
from app.models.staff import Staff
from app.rules import hashing, inputs
from app.rules.actors import Actor, Approval, Permission, may_undo
from app.rules.tiers import tier_key
from app.services import allowances, audit, idempotency, outbox, snapshots, totals
from app.services.idempotency import Once, Outcome
from app.statements import Call, Row, Statement

DEFAULT_RULE = "award"
"""The rule that a source is unique under, unless an earning rule names another."""


@dataclass(frozen=True)
class Source:
    """What an award is for, such as a payment; unique for ever per workspace and rule."""

    type: str
    id: str
    rule: str = DEFAULT_RULE


@dataclass(frozen=True, kw_only=True)
class Award:
    """What is given, as `award` takes it."""

    points: int
    reason: str
    note: str = ""
    metadata: Mapping[str, Any] | None = None
    source: Source | None = None
    occurred_at: datetime | None = None
    approval: Approval | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an act wants written; the ledger adds the rest."""

    kind: str
    points: int
    reason: str
    note: str = ""
    metadata: Mapping[str, Any] | None = None
    lifetime_change: int = 0
    qualifying_change: int = 0
    reverses_id: str | None = None
    redemption_id: str | None = None
    source: Source | None = None
    occurred_at: datetime | None = None
    approval: Approval | None = None
    id: str | None = None


def _attributes(model: type[Base]) -> Sequence[tuple[str, str]]:
    """Give the names of a table's columns, each as the attribute and as the column."""
    return [(each.key, each.columns[0].name) for each in inspect(model).column_attrs]


_PROGRAM_OF_MEMBER = (
    select(Member.program_id)
    .where(Member.workspace_id == bindparam("workspace_id"), Member.id == bindparam("member_id"))
    .scalar_subquery()
)

_HOLD_PROGRAM = Statement(
    lambda _: (
        select(Program.id)
        .where(Program.workspace_id == bindparam("workspace_id"), Program.id == _PROGRAM_OF_MEMBER)
        .with_for_update(read=True)
    )
)


def _member_rows() -> Select[*tuple[Any, ...]]:
    return (
        select(
            *table_of(Member).c,
            Program.tiers.label("tiers"),
            Customer.email_key.label("email_key"),
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


_LOCK_MEMBER = Statement(
    lambda _: (
        _member_rows()
        .where(
            Member.workspace_id == bindparam("workspace_id"), Member.id == bindparam("member_id")
        )
        .with_for_update(of=Member)
    )
)

_EMAIL_OF_STAFF = Statement(
    lambda _: select(Staff.email_key).where(Staff.id == bindparam("staff_id"))
)

_INSERT_ENTRY = Statement.inserting(table_of(LedgerEntry))

_CARRY_FORWARD = Statement(
    lambda _: update(table_of(Member)).where(
        Member.workspace_id == bindparam("of_workspace"), Member.id == bindparam("of_member")
    ),
    columns=(
        *("entry_count", "balance", "lifetime_points", "qualifying_points"),
        *("head_hash", "last_entry_at", "last_seen_at", "last_visit_at", "tier"),
    ),
)

_ENTRY_ATTRIBUTES = _attributes(LedgerEntry)
_MEMBER_ATTRIBUTES = _attributes(Member)


def lock_member(
    session: Session, *, workspace_id: str, member_id: str, open_only: bool = True
) -> Member:
    """Lock a member's row until the transaction ends and give it as it is now.

    The program's row is held against changes first, so that a tier is judged by rules that stay
    until the commit. Everything that locks both takes them in this order.

    Raises:
        NotFound: no such member in this workspace.
        MemberClosed: the member is closed and `open_only`.
    """
    statements.ask(session, *_locking(workspace_id, member_id))
    member = session.scalar(
        select(Member)
        .where(Member.workspace_id == workspace_id, Member.id == member_id)
        .options(joinedload(Member.program), joinedload(Member.customer))
        .execution_options(populate_existing=True)
    )
    return checked_open(member, open_only=open_only)


def _locking(workspace_id: str, member_id: str) -> list[Call]:
    return [
        lock(workspace_id=workspace_id, member_id=member_id)
        for lock in (_HOLD_PROGRAM, _LOCK_MEMBER)
    ]


def lock_members(
    session: Session, *, workspace_id: str, member_ids: Collection[str]
) -> dict[str, Member]:
    """Lock several members as `lock_member` does, in the order of their ids; closed ones too.

    They stand for their rows without a session's help, as those of `award` do.
    """
    chosen = (Member.workspace_id == workspace_id, Member.id.in_(sorted(member_ids)))
    of_them = select(Member.program_id).where(*chosen)
    session.execute(
        select(Program.id)
        .where(Program.workspace_id == workspace_id, Program.id.in_(of_them))
        .order_by(Program.id)
        .with_for_update(read=True)
    )
    rows = session.execute(
        _member_rows().where(*chosen).order_by(Member.id).with_for_update(of=Member)
    )
    return {row.id: _standing_for(row) for row in rows}


def _standing_for(row: Row) -> Member:
    """Give the member of a row of `_member_rows`, with what an act needs of program and customer.

    A read of its own would cost the till one more round trip, and the totals are written by
    statement anyhow.
    """
    return object_of_row(
        Member,
        {
            **{name: getattr(row, column) for name, column in _MEMBER_ATTRIBUTES},
            "program": object_of_row(Program, {"tiers": row.tiers}),
            "customer": object_of_row(Customer, {"email_key": row.email_key}),
        },
    )


def _locked_one(rows: Sequence[Row]) -> Member:
    return checked_open(_standing_for(rows[0]) if rows else None)


def checked_open(member: Member | None, *, open_only: bool = True) -> Member:
    """Give a member that is there and, if `open_only`, not closed.

    Raises:
        NotFound, MemberClosed: it is not.
    """
    if member is None:
        raise errors.NotFound("There is no such member here.", param="account_id")
    if open_only and member.is_closed:
        raise errors.MemberClosed
    return member


def check_not_oneself(session: Session, member: Member, *, by: Actor) -> None:
    """Refuse a person who would give points or a reward to themselves.

    A member is a person of staff when both have the same email.

    Raises:
        PermissionDenied: they are.
    """
    for rows in statements.ask(session, *_asking_who(by)):
        _check_not(member, rows)


def _asking_who(by: Actor) -> list[Call]:
    return [_EMAIL_OF_STAFF(staff_id=by.id)] if by.kind == "staff" else []


def _check_not(member: Member, staff: Sequence[Row]) -> None:
    email_key = member.customer.email_key
    if email_key and any(person.email_key == email_key for person in staff):
        raise errors.PermissionDenied("This member is you. Ask a colleague to do it.")


def append(session: Session, member: Member, line: Line, *, by: Actor) -> LedgerEntry:
    """Write the next entry of a member whose row is locked, and bring its totals up to date.

    This is the only code that inserts a ledger entry.
    """
    now = clock.now()
    # A server clock that steps back must not put an entry before its predecessor.
    recorded_at = max(now, member.last_entry_at) if member.last_entry_at else now
    metadata = dict(line.metadata or {})
    salt = hashing.new_salt()
    values = {
        "workspace_id": member.workspace_id,
        "id": line.id or new_id("ptx"),
        "member_id": member.id,
        "seq": member.entry_count + 1,
        "kind": line.kind,
        "points": line.points,
        "balance_after": member.balance + line.points,
        "lifetime_after": member.lifetime_points + line.lifetime_change,
        "qualifying_after": member.qualifying_points + line.qualifying_change,
        "reason": line.reason,
        "note": line.note or None,
        "metadata_": metadata,
        "salt": salt,
        "text_digest": hashing.text_digest(
            salt=salt, reason=line.reason, note=line.note or None, metadata=metadata
        ),
        "actor_kind": by.kind,
        "actor_id": by.id,
        "location_id": by.location_id,
        "recorded_at": recorded_at,
        "occurred_at": line.occurred_at or recorded_at,
        "reverses_id": line.reverses_id,
        "redemption_id": line.redemption_id,
        "source_type": line.source.type if line.source else None,
        "source_id": line.source.id if line.source else None,
        "source_rule": line.source.rule if line.source else None,
        "device_id": by.device_id,
        "approved_by": line.approval.staff_id if line.approval else None,
    }
    entry = object_of_row(LedgerEntry, values)
    digest = hashing.entry_hash(previous_hash=member.head_hash, content=hashing.hashed_text(entry))
    vars(entry)["hash"] = values["hash"] = digest
    statements.leave(
        session, _INSERT_ENTRY(**{column: values[name] for name, column in _ENTRY_ATTRIBUTES})
    )
    _carry_forward(session, member, entry)
    return entry


def award(
    session: Session,
    *,
    workspace_id: str,
    member_id: str,
    points: int,
    reason: str,
    by: Actor,
    note: str = "",
    metadata: Mapping[str, Any] | None = None,
    source: Source | None = None,
    occurred_at: datetime | None = None,
    approval: Approval | None = None,
    once: Once | None = None,
) -> Outcome[LedgerEntry]:
    """Give points (spec section 3).

    The same `once` key, or the same `source`, gives the first award again and moves nothing.

    Raises:
        InvalidParameter, MissingParameter: points or texts are out of bounds.
        AllowanceExceeded: more than the actor may give without an `approval`.
        PermissionDenied: the role may not, the actor is the member, or the approval does not do.
        NotFound, MemberClosed, IdempotencyConflict: as they say.
    """
    if not by.may(Permission.AWARD):
        raise errors.PermissionDenied("Your role may look, but not award points. Ask a cashier.")
    given = checked_award(
        Award(
            points=points,
            reason=reason,
            note=note,
            metadata=metadata,
            source=source,
            occurred_at=occurred_at,
            approval=approval,
        )
    )
    entry_id = new_id("ptx")
    claims = claims_of(given, member_id=member_id, once=once)
    allowing = allowances.asking(workspace_id=workspace_id, by=by, approval=approval)
    answers = statements.ask(
        session,
        *(
            idempotency.claiming(
                workspace_id=workspace_id, once=key, asked=what, result_id=entry_id
            )
            for key, what in claims
        ),
        *allowing,
        *_asking_who(by),
        *_locking(workspace_id, member_id),
    )
    first = _first_award(session, workspace_id, claims, answers)
    if first is not None:
        return first
    del answers[: len(claims)]
    allowances.judge(answers[: len(allowing)], points=given.points, approval=approval)
    member = _locked_one(answers[-1])
    if by.kind == "staff":
        _check_not(member, answers[len(allowing)])
    return Outcome(write_award(session, member, given, entry_id=entry_id, by=by))


def checked_award(given: Award) -> Award:
    """Give an award with its points and texts held to their bounds.

    Raises:
        InvalidParameter, MissingParameter: something is out of bounds.
    """
    if given.source is not None:
        inputs.checked_caller_id(
            given.source.type, param="source", most=inputs.SOURCE_TYPE_CHARACTERS_MAX
        )
        inputs.checked_caller_id(given.source.id, param="source")
    return replace(
        given,
        points=inputs.checked_points(given.points),
        reason=_checked_reason(given.reason),
        note=_checked_note(given.note),
        metadata=inputs.checked_metadata(given.metadata),
    )


def claims_of(given: Award, *, member_id: str, once: Once | None) -> list[tuple[Once, str]]:
    """Give the keys under which an award acts once, each with the fingerprint of what it is for."""
    source, occurred_at = given.source, given.occurred_at
    claims = []
    if once is not None:
        asked = {
            "member": member_id,
            "points": given.points,
            "reason": given.reason,
            "note": given.note,
            "metadata": given.metadata,
            "source": [source.type, source.id, source.rule] if source else None,
            "occurred_at": hashing.instant(occurred_at) if occurred_at else None,
        }
        claims.append((once, once.asked or idempotency.fingerprint("award", asked)))
    if source is not None:
        named = idempotency.fingerprint(
            "source", {"type": source.type, "id": source.id, "rule": source.rule}
        )
        claims.append((Once(idempotency.SOURCE_SCOPE, named), named))
    return claims


def write_award(
    session: Session, member: Member, given: Award, *, entry_id: str, by: Actor
) -> LedgerEntry:
    """Write an award that is allowed, to a member whose row is locked."""
    line = Line(
        id=entry_id,
        kind="award",
        points=given.points,
        reason=given.reason,
        note=given.note,
        metadata=given.metadata,
        lifetime_change=given.points,
        qualifying_change=given.points,
        source=given.source,
        occurred_at=given.occurred_at,
        approval=given.approval,
    )
    entry = append(session, member, line, by=by)
    _tell(session, "loyalty.points.earned", "ledger.award", member, entry, by)
    return entry


def reverse(
    session: Session,
    *,
    workspace_id: str,
    entry_id: str,
    reason: str,
    by: Actor,
    points: int | None = None,
    note: str = "",
    metadata: Mapping[str, Any] | None = None,
    once: Once | None = None,
) -> Outcome[LedgerEntry]:
    """Take back an award or a positive adjustment, whole or in part (spec section 3).

    Args:
        points: how many, or None for all that is left.

    Raises:
        AlreadyReversed: nothing is left to take back.
        ExceedsReversible: `points` is more than is left.
        NotReversible: the entry is of a kind that can't be reversed.
        PermissionDenied: not the actor's own act, or too long ago for the role.
    """
    if points is not None:
        points = inputs.checked_points(points)
    reason = _checked_reason(reason)
    note = _checked_note(note)
    metadata = inputs.checked_metadata(metadata)
    reversal_id = new_id("ptx")
    asked = idempotency.fingerprint(
        "reverse",
        {
            "entry": entry_id,
            "points": points,
            "reason": reason,
            "note": note,
            "metadata": metadata,
        },
    )
    first = idempotency.claim(
        session, workspace_id=workspace_id, once=once, asked=asked, result_id=reversal_id
    )
    if first is not None:
        return Outcome(get_entry(session, workspace_id=workspace_id, entry_id=first), "key")
    original = get_entry(session, workspace_id=workspace_id, entry_id=entry_id)
    _check_reversible_kind(original)
    _check_may_undo(by, original)
    member = lock_member(
        session, workspace_id=workspace_id, member_id=original.member_id, open_only=False
    )
    # Only now, with the member locked, can no other reversal come between.
    points = _points_to_reverse(session, original, points)
    line = Line(
        id=reversal_id,
        kind="reversal",
        points=-points,
        reason=reason,
        note=note,
        metadata=metadata,
        qualifying_change=-points if original.kind == "award" else 0,
        reverses_id=original.id,
    )
    entry = append(session, member, line, by=by)
    _tell(session, "loyalty.points.reversed", "ledger.reverse", member, entry, by)
    return Outcome(entry)


def adjust(
    session: Session,
    *,
    workspace_id: str,
    member_id: str,
    points: int,
    reason: str,
    by: Actor,
    note: str = "",
    allow_negative: bool = False,
    approval: Approval | None = None,
    once: Once | None = None,
) -> Outcome[LedgerEntry]:
    """Correct a balance by a signed number of points (spec section 3).

    Neither lifetime points nor the tier move.

    Raises:
        BalanceWouldGoNegative: it would leave less than nothing and `allow_negative` is off.
        AllowanceExceeded: more than the actor may give without an `approval`.
        PermissionDenied: the role may not adjust, the actor is the member, or the approval does
            not do.
    """
    if not by.may(Permission.ADJUST):
        raise errors.PermissionDenied("A manager has to do this. Ask one to adjust the balance.")
    points = inputs.checked_signed_points(points)
    reason = _checked_reason(reason)
    note = _checked_note(note)
    entry_id = new_id("ptx")
    asked = idempotency.fingerprint(
        "adjust",
        {
            "member": member_id,
            "points": points,
            "reason": reason,
            "note": note,
            "allow_negative": allow_negative,
        },
    )
    first = idempotency.claim(
        session, workspace_id=workspace_id, once=once, asked=asked, result_id=entry_id
    )
    if first is not None:
        return Outcome(get_entry(session, workspace_id=workspace_id, entry_id=first), "key")
    if points > 0:
        allowances.check(
            session, workspace_id=workspace_id, by=by, points=points, approval=approval
        )
    else:
        approval = None
    member = lock_member(session, workspace_id=workspace_id, member_id=member_id)
    if points > 0:
        check_not_oneself(session, member, by=by)
    if points < 0 and member.balance + points < 0 and not allow_negative:
        raise errors.BalanceWouldGoNegative(balance=member.balance, points=points)
    line = Line(
        id=entry_id,
        kind="adjustment",
        points=points,
        reason=reason,
        note=note,
        approval=approval,
    )
    entry = append(session, member, line, by=by)
    _tell(session, "loyalty.points.adjusted", "ledger.adjust", member, entry, by)
    return Outcome(entry)


def get_entry(session: Session, *, workspace_id: str, entry_id: str) -> LedgerEntry:
    """Give one entry.

    Raises:
        NotFound: no such entry in this workspace.
    """
    entry = session.scalar(
        select(LedgerEntry).where(
            LedgerEntry.workspace_id == workspace_id, LedgerEntry.id == entry_id
        )
    )
    if entry is None:
        raise errors.NotFound("There is no such ledger entry here.")
    return entry


def reversed_points(session: Session, *, workspace_id: str, entry_id: str) -> int:
    """Sum what was taken back of an entry so far, as a positive number."""
    total = session.scalar(
        select(func.sum(LedgerEntry.points)).where(
            LedgerEntry.workspace_id == workspace_id, LedgerEntry.reverses_id == entry_id
        )
    )
    return -int(total or 0)


def _carry_forward(session: Session, member: Member, entry: LedgerEntry) -> None:
    previous_tier = member.tier
    seen_at, visit_at = member.last_seen_at, member.last_visit_at
    is_visit = entry.kind in totals.VISITS
    before = totals.Before(member.balance, seen_at, visit_at)
    standing = {
        "entry_count": entry.seq,
        "balance": entry.balance_after,
        "lifetime_points": entry.lifetime_after,
        "qualifying_points": entry.qualifying_after,
        "head_hash": entry.hash,
        "last_entry_at": entry.recorded_at,
        "last_seen_at": max(seen_at, entry.recorded_at) if is_visit else seen_at,
        "last_visit_at": entry.recorded_at if is_visit else visit_at,
        "tier": tier_key(entry.qualifying_after, member.program.tiers),
    }
    statements.leave(
        session,
        _CARRY_FORWARD(of_workspace=member.workspace_id, of_member=member.id, **standing),
    )
    totals.count_entry(session, entry, before=before)
    for name, value in standing.items():
        # Written by the statement above; the session has nothing to write for it.
        set_committed_value(member, name, value)
    if member.tier != previous_tier:
        totals.count_move(session, member, previous_tier=previous_tier)
        outbox.emit(
            session,
            "loyalty.tier.changed",
            workspace_id=member.workspace_id,
            member=member,
            entry_id=entry.id,
            data={**snapshots.account(member), "previousTier": previous_tier},
        )


def _tell(  # noqa: PLR0917 - one act, told once
    session: Session, event_type: str, act: str, member: Member, entry: LedgerEntry, by: Actor
) -> None:
    outbox.emit(
        session,
        event_type,
        workspace_id=member.workspace_id,
        member=member,
        entry_id=entry.id,
        data=snapshots.transaction(entry),
    )
    audit.record(
        session,
        workspace_id=member.workspace_id,
        act=act,
        by=by,
        subject_id=entry.id,
        member_id=member.id,
        before={"balance": entry.balance_after - entry.points},
        after={
            "balance": entry.balance_after,
            "points": entry.points,
            **({"approvedBy": entry.approved_by} if entry.approved_by else {}),
        },
    )


def _first_award(
    session: Session,
    workspace_id: str,
    claims: Sequence[tuple[Once, str]],
    claimed: Sequence[list[Row]],
) -> Outcome[LedgerEntry] | None:
    """Give the award that one of the claims had made already, or None when all of them are ours."""
    for (key, asked), rows in zip(claims, claimed, strict=False):
        first = idempotency.first_result(
            session, rows, workspace_id=workspace_id, once=key, asked=asked
        )
        if first is None:
            continue
        entry = get_entry(session, workspace_id=workspace_id, entry_id=first)
        if key.scope != idempotency.SOURCE_SCOPE:
            return Outcome(entry, "key")
        own = claims[0][0] if len(claims) > 1 else None
        idempotency.point_to(session, workspace_id=workspace_id, once=own, result_id=first)
        return Outcome(entry, "source")
    return None


def _checked_reason(reason: str) -> str:
    return inputs.checked_text(
        reason, param="reason", most=inputs.REASON_CHARACTERS_MAX, required=True
    )


def _checked_note(note: str) -> str:
    return inputs.checked_text(note, param="note", most=inputs.NOTE_CHARACTERS_MAX)


def _check_reversible_kind(original: LedgerEntry) -> None:
    if original.kind == "award" or (original.kind == "adjustment" and original.points > 0):
        return
    if original.kind == "redemption":
        raise errors.NotReversible(
            "A redemption is cancelled, not reversed. Use Cancel on its line."
        )
    raise errors.NotReversible("Only awards and upward adjustments can be reversed.")


def _check_may_undo(by: Actor, original: LedgerEntry) -> None:
    now = clock.now()
    if not may_undo(by, done_by=original.actor_id, done_at=original.recorded_at, now=now):
        raise errors.PermissionDenied(
            "A manager has to do this. You can undo your own acts for 10 minutes."
        )


def _points_to_reverse(session: Session, original: LedgerEntry, points: int | None) -> int:
    left_points = original.points - reversed_points(
        session, workspace_id=original.workspace_id, entry_id=original.id
    )
    if left_points == 0:
        raise _already_reversed(session, original)
    if points is not None and points > left_points:
        raise errors.ExceedsReversible(left_points=left_points)
    return left_points if points is None else points


def _already_reversed(session: Session, original: LedgerEntry) -> errors.AlreadyReversed:
    last = session.execute(
        select(Staff.name, LedgerEntry.recorded_at)
        .select_from(LedgerEntry)
        .outerjoin(Staff, Staff.id == LedgerEntry.actor_id)
        .where(
            LedgerEntry.workspace_id == original.workspace_id,
            LedgerEntry.reverses_id == original.id,
        )
        .order_by(LedgerEntry.seq.desc())
        .limit(1)
    ).first()
    if last is None:
        return errors.AlreadyReversed()
    return errors.AlreadyReversed(reversed_by=last.name, reversed_at=last.recorded_at)

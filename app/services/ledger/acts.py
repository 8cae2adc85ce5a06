"""The ledger's acts: award, reverse, adjust. `posting` is the way they all take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, func, select
from sqlalchemy.orm import Session

from app import clock, errors
from app.db.statements import Batch, Statement
from app.ids import new_id
from app.models.ledger import LedgerEntry
from app.models.staff import Staff
from app.rules import inputs, ledger
from app.rules.actors import Actor, Approval, Permission, may_undo
from app.rules.ledger import Entry, LockedMember, Posting, Source
from app.services import idempotency
from app.services.idempotency import SOURCE_SCOPE, IdempotencyKey
from app.services.ledger import posting
from app.services.ledger.posting import MemberLock
from app.services.results import Replayed, Result
from app.services.staff.allowances import AllowanceCheck


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


_IS_ENTRY = (
    LedgerEntry.workspace_id == bindparam("workspace_id", type_=String),
    LedgerEntry.id == bindparam("entry_id", type_=String),
)

_READ_ENTRY = Statement(lambda _: select(*posting.columns_of(Entry, LedgerEntry)).where(*_IS_ENTRY))

_READ_REVERSED = Statement(
    lambda _: select(func.coalesce(func.sum(LedgerEntry.points), 0).label("points")).where(
        LedgerEntry.workspace_id == bindparam("workspace_id", type_=String),
        LedgerEntry.reverses_id == bindparam("entry_id", type_=String),
    )
)


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
) -> Result[Entry]:
    """Award points.

    Returns:
        The award; the first one, as `Replayed.SOURCE`, if the source was awarded before.

    Raises:
        InvalidParameter, MissingParameter: points or texts are out of bounds.
        AllowanceExceeded: more than the actor may give without an `approval`.
        PermissionDenied: the role may not, the actor is the member, or the approval does not do.
        NotFound, MemberClosed: as they say.
        SourceConflict: the source was awarded to another member, or for other points.
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
    batch = Batch(session)
    claimed = None
    if given.source:
        key = source_key(given.source)
        claimed = batch.add(
            idempotency.claiming(workspace_id=workspace_id, key=key, result_id=entry_id)
        )
    allowance = AllowanceCheck(batch, workspace_id=workspace_id, by=by, approval=approval)
    lock = MemberLock.of_member(batch, workspace_id=workspace_id, member_id=member_id, by=by)
    batch.send()
    if given.source and claimed and not claimed.rows:
        first = _first_of_source(session, workspace_id, given.source)
        return Result(checked_same(first, given, member_id=member_id), Replayed.SOURCE)
    try:
        allowance.judge(given.points)
        member = lock.member(open_only=True)
        ledger.check_not_own(member)
    except errors.RegularsError:
        if given.source:
            # The transaction may go on: a payment is kept together with why it was refused.
            idempotency.release(session, workspace_id=workspace_id, key=source_key(given.source))
        raise
    return Result(write_award(session, member, given, entry_id=entry_id, by=by)[0])


def checked_award(given: Award) -> Award:
    """Return an award with its points and texts held to their bounds.

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


def source_key(source: Source) -> IdempotencyKey:
    """Return the key that an award claims for its source."""
    name = idempotency.fingerprint(
        "source", {"type": source.type, "id": source.id, "rule": source.rule}
    )
    return IdempotencyKey(SOURCE_SCOPE, name, name)


def checked_same(first: Entry, given: Award, *, member_id: str) -> Entry:
    """Return the award that a source had made, if it is the one that is asked for again.

    Raises:
        SourceConflict: it is another member's, or of other points.
    """
    if (first.member_id, first.points) != (member_id, given.points):
        raise errors.SourceConflict(first.id)
    return first


def write_award(
    session: Session, member: LockedMember, given: Award, *, entry_id: str, by: Actor
) -> tuple[Entry, LockedMember]:
    """Write an award that is allowed, and return it and the member after it."""
    entry, after = posting.post(
        session,
        member,
        Posting(
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
        ),
        by=by,
    )
    posting.tell(session, "loyalty.points.earned", "ledger.award", after, entry, by)
    return entry, after


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
) -> Entry:
    """Take back an award or a positive adjustment, whole or in part.

    Args:
        points: how many, or None for all that is left.

    Raises:
        AlreadyReversed: nothing is left to take back.
        ExceedsReversible: `points` is more than is left.
        NotReversible: the entry is of a kind that can't be reversed.
        PermissionDenied: not the actor's own act, or too long ago for the role.
    """
    asked_points = None if points is None else inputs.checked_points(points)
    reason, note = _checked_reason(reason), _checked_note(note)
    metadata = inputs.checked_metadata(metadata)
    ids = {"workspace_id": workspace_id, "entry_id": entry_id}
    batch = Batch(session)
    lock = MemberLock.of_entry(batch, **ids)
    # Read after the lock, so that no other reversal comes between.
    found, reversed_ = batch.add(_READ_ENTRY(**ids)), batch.add(_READ_REVERSED(**ids))
    batch.send()
    original = _entry(found.first)
    ledger.check_reversible(original)
    _check_may_undo(by, original)
    try:
        points = ledger.points_to_reverse(
            original, reversed_points=-int(reversed_.rows[0].points), asked_points=asked_points
        )
    except errors.AlreadyReversed:
        raise _already_reversed(session, original) from None
    entry, after = posting.post(
        session,
        lock.member(),
        Posting(
            id=new_id("ptx"),
            kind="reversal",
            points=-points,
            reason=reason,
            note=note,
            metadata=metadata,
            qualifying_change=-points if original.kind == "award" else 0,
            reverses_id=original.id,
        ),
        by=by,
    )
    posting.tell(session, "loyalty.points.reversed", "ledger.reverse", after, entry, by)
    return entry


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
) -> Entry:
    """Correct a balance by a signed number of points.

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
    reason, note = _checked_reason(reason), _checked_note(note)
    batch = Batch(session)
    allowance = None
    if points > 0:
        allowance = AllowanceCheck(batch, workspace_id=workspace_id, by=by, approval=approval)
    lock = MemberLock.of_member(batch, workspace_id=workspace_id, member_id=member_id, by=by)
    batch.send()
    if allowance:
        allowance.judge(points)
    member = lock.member(open_only=True)
    if points > 0:
        ledger.check_not_own(member)
    ledger.check_adjustable(member, points, allow_negative=allow_negative)
    entry, after = posting.post(
        session,
        member,
        Posting(
            id=new_id("ptx"),
            kind="adjustment",
            points=points,
            reason=reason,
            note=note,
            approval=approval if points > 0 else None,
        ),
        by=by,
    )
    posting.tell(session, "loyalty.points.adjusted", "ledger.adjust", after, entry, by)
    return entry


def get_entry(session: Session, *, workspace_id: str, entry_id: str) -> LedgerEntry:
    """Return one entry.

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


def read_entry(session: Session, *, workspace_id: str, entry_id: str) -> Entry:
    """Return one entry as an act returns it.

    Raises:
        NotFound: no such entry in this workspace.
    """
    batch = Batch(session)
    found = batch.add(_READ_ENTRY(workspace_id=workspace_id, entry_id=entry_id))
    batch.send()
    return _entry(found.first)


def reversed_points(session: Session, *, workspace_id: str, entry_id: str) -> int:
    """Return the sum of what was taken back of an entry so far, as a positive number."""
    batch = Batch(session)
    found = batch.add(_READ_REVERSED(workspace_id=workspace_id, entry_id=entry_id))
    batch.send()
    return -int(found.rows[0].points)


def _entry(row: Any) -> Entry:
    if row is None:
        raise errors.NotFound("There is no such ledger entry here.")
    return Entry(*row)


def _first_of_source(session: Session, workspace_id: str, source: Source) -> Entry:
    first = idempotency.find_first(session, workspace_id=workspace_id, key=source_key(source))
    assert first is not None  # noqa: S101 - it kept the claim from being ours, and it stays for ever
    return read_entry(session, workspace_id=workspace_id, entry_id=first.result_id)


def _checked_reason(reason: str) -> str:
    return inputs.checked_text(
        reason, param="reason", most=inputs.REASON_CHARACTERS_MAX, required=True
    )


def _checked_note(note: str) -> str:
    return inputs.checked_text(note, param="note", most=inputs.NOTE_CHARACTERS_MAX)


def _check_may_undo(by: Actor, original: Entry) -> None:
    now = clock.now()
    if not may_undo(by, done_by=original.actor_id, done_at=original.recorded_at, now=now):
        raise errors.PermissionDenied(
            "A manager has to do this. You can undo your own acts for 10 minutes."
        )


def _already_reversed(session: Session, original: Entry) -> errors.AlreadyReversed:
    """Return the refusal with the name and time of the last reversal."""
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
    ).one()
    return errors.AlreadyReversed(reversed_by=last.name, reversed_at=last.recorded_at)

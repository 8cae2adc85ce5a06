"""What an act posts to a member's ledger, decided from what was read under the member's lock.

Nothing here reads or writes: times, ids and salts are passed in. See docs/ledger.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app import errors
from app.rules import hashing
from app.rules.actors import Actor, Approval
from app.rules.tiers import Tier, tier_key

DEFAULT_RULE = "award"
"""The rule that a source is unique under, unless an earning rule names another."""

VISITS = frozenset({"award", "redemption"})
"""The kinds of entry that show that the member was in the shop."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an award is for, such as a payment; unique for ever per workspace and rule."""

    type: str
    id: str
    rule: str = DEFAULT_RULE


@dataclass(frozen=True, slots=True)
class LockedMember:
    """A member's row under its lock, with what an act needs of the program and the customer.

    The attributes up to `created_at` are those of `models.members.Member`. `is_actor` says whether
    the person of staff who acts has the customer's email.
    """

    workspace_id: str
    id: str
    program_id: str
    customer_id: str
    status: str
    balance: int
    lifetime_points: int
    qualifying_points: int
    tier: str | None
    entry_count: int
    head_hash: str
    last_entry_at: datetime | None
    last_seen_at: datetime
    last_visit_at: datetime | None
    metadata_: Mapping[str, Any]
    created_at: datetime
    tiers: Sequence[Tier]
    is_actor: bool

    @property
    def is_closed(self) -> bool:
        """Whether the member takes no more acts."""
        return self.status == "closed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry: the columns of `models.ledger.LedgerEntry`."""

    workspace_id: str
    id: str
    member_id: str
    seq: int
    kind: str
    points: int
    balance_after: int
    lifetime_after: int
    qualifying_after: int
    reason: str | None
    note: str | None
    metadata_: Mapping[str, Any] | None
    salt: str | None
    text_digest: str
    actor_kind: str
    actor_id: str | None
    location_id: str | None
    recorded_at: datetime
    occurred_at: datetime
    reverses_id: str | None
    redemption_id: str | None
    source_type: str | None
    source_id: str | None
    source_rule: str | None
    device_id: str | None
    approved_by: str | None
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What an act wants posted; `next_entry` adds the rest."""

    id: str
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


def check_not_own(member: LockedMember) -> None:
    """Refuse a person of staff who would give points or a reward to themselves.

    Raises:
        PermissionDenied: they are the member.
    """
    if member.is_actor:
        raise errors.PermissionDenied("This member is you. Ask a colleague to do it.")


def next_entry(
    member: LockedMember, posting: Posting, *, by: Actor, now: datetime, salt: str
) -> Entry:
    """Return the entry that follows a member's newest one."""
    # A server clock that steps back must not put an entry before its predecessor.
    recorded_at = max(now, member.last_entry_at) if member.last_entry_at else now
    metadata = dict(posting.metadata or {})
    note, source = posting.note or None, posting.source
    entry = Entry(
        workspace_id=member.workspace_id,
        id=posting.id,
        member_id=member.id,
        seq=member.entry_count + 1,
        kind=posting.kind,
        points=posting.points,
        balance_after=member.balance + posting.points,
        lifetime_after=member.lifetime_points + posting.lifetime_change,
        qualifying_after=member.qualifying_points + posting.qualifying_change,
        reason=posting.reason,
        note=note,
        metadata_=metadata,
        salt=salt,
        text_digest=hashing.text_digest(
            salt=salt, reason=posting.reason, note=note, metadata=metadata
        ),
        actor_kind=by.kind,
        actor_id=by.id,
        location_id=by.location_id,
        recorded_at=recorded_at,
        occurred_at=posting.occurred_at or recorded_at,
        reverses_id=posting.reverses_id,
        redemption_id=posting.redemption_id,
        source_type=source.type if source else None,
        source_id=source.id if source else None,
        source_rule=source.rule if source else None,
        device_id=by.device_id,
        approved_by=posting.approval.staff_id if posting.approval else None,
        hash="",
    )
    content = hashing.hashed_text(entry)
    return replace(entry, hash=hashing.entry_hash(previous_hash=member.head_hash, content=content))


def member_after(member: LockedMember, entry: Entry) -> LockedMember:
    """Return a member as they are once an entry is posted."""
    seen_at, visit_at = member.last_seen_at, member.last_visit_at
    if entry.kind in VISITS:
        seen_at, visit_at = max(seen_at, entry.recorded_at), entry.recorded_at
    return replace(
        member,
        entry_count=entry.seq,
        balance=entry.balance_after,
        lifetime_points=entry.lifetime_after,
        qualifying_points=entry.qualifying_after,
        head_hash=entry.hash,
        last_entry_at=entry.recorded_at,
        last_seen_at=seen_at,
        last_visit_at=visit_at,
        tier=tier_key(entry.qualifying_after, member.tiers),
    )


def check_reversible(original: Entry) -> None:
    """Refuse to reverse an entry that is neither an award nor an upward adjustment.

    Raises:
        NotReversible: it is another kind.
    """
    if original.kind == "award" or (original.kind == "adjustment" and original.points > 0):
        return
    if original.kind == "redemption":
        raise errors.NotReversible(
            "A redemption is cancelled, not reversed. Use Cancel on its line."
        )
    raise errors.NotReversible("Only awards and upward adjustments can be reversed.")


def points_to_reverse(original: Entry, *, reversed_points: int, asked_points: int | None) -> int:
    """Return how many points of an entry a reversal takes back.

    Args:
        reversed_points: what earlier reversals took back, as a positive number.
        asked_points: how many, or None for all that is left.

    Raises:
        AlreadyReversed: nothing is left.
        ExceedsReversible: more is asked for than is left.
    """
    left_points = original.points - reversed_points
    if left_points == 0:
        raise errors.AlreadyReversed
    if asked_points is not None and asked_points > left_points:
        raise errors.ExceedsReversible(left_points=left_points)
    return left_points if asked_points is None else asked_points


def check_adjustable(member: LockedMember, points: int, *, allow_negative: bool) -> None:
    """Refuse an adjustment that would leave less than nothing, unless that is allowed.

    Raises:
        BalanceWouldGoNegative: it would.
    """
    if points < 0 and member.balance + points < 0 and not allow_negative:
        raise errors.BalanceWouldGoNegative(balance=member.balance, points=points)

"""Reading what the acts wrote down: ledger entries, events and the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.models.audit import AuditEntry
from app.models.idempotency import StoredKey
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.outbox import Event
from app.models.redemptions import Redemption
from tests.cast import Cast


def entries_of(cast: Cast, member: Member) -> Sequence[LedgerEntry]:
    """Give a member's entries, the first one first."""
    with cast.database.reading() as session:
        return session.scalars(
            select(LedgerEntry)
            .where(
                LedgerEntry.workspace_id == cast.workspace_id,
                LedgerEntry.member_id == member.id,
            )
            .order_by(LedgerEntry.seq)
        ).all()


def points_of(cast: Cast, member: Member) -> list[tuple[str, int]]:
    """Give the kind and points of a member's entries, the first one first."""
    return [(entry.kind, entry.points) for entry in entries_of(cast, member)]


def members_of(cast: Cast) -> Sequence[Member]:
    """Give the shop's members in the order of enrolling."""
    with cast.database.reading() as session:
        return session.scalars(
            select(Member).where(Member.workspace_id == cast.workspace_id).order_by(Member.id)
        ).all()


def redemptions_of(cast: Cast, member: Member) -> Sequence[Redemption]:
    """Give a member's redemptions in no order."""
    with cast.database.reading() as session:
        return session.scalars(
            select(Redemption).where(
                Redemption.workspace_id == cast.workspace_id,
                Redemption.member_id == member.id,
            )
        ).all()


def events_of(cast: Cast, event_type: str = "") -> Sequence[Event]:
    """Give the shop's events by their sequence, all or those of one type."""
    statement = select(Event).where(Event.workspace_id == cast.workspace_id)
    if event_type:
        statement = statement.where(Event.type == event_type)
    with cast.database.reading() as session:
        return session.scalars(statement.order_by(Event.sequence, Event.type, Event.id)).all()


def audit_of(cast: Cast, act: str = "", *, live: bool = False) -> Sequence[AuditEntry]:
    """Give the shop's audit entries in the order of writing, all or those of one act.

    Args:
        live: those of the live workspace, where acts on staff are kept.
    """
    where = cast.live_workspace_id if live else cast.workspace_id
    statement = select(AuditEntry).where(AuditEntry.workspace_id == where)
    if act:
        statement = statement.where(AuditEntry.act == act)
    with cast.database.reading() as session:
        return session.scalars(statement.order_by(AuditEntry.recorded_at)).all()


def count_written(cast: Cast) -> dict[str, int]:
    """Count the rows that acts write, by table: nothing may grow when an act is refused."""
    with cast.database.reading() as session:
        return {
            table.__tablename__: session.scalar(
                select(func.count())
                .select_from(table)
                .where(table.workspace_id == cast.workspace_id)
            )
            or 0
            for table in (LedgerEntry, Event, AuditEntry, StoredKey, Redemption, Member)
        }

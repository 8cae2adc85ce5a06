"""Events, written in the transaction of their act (spec section 6).

So an act without its event, or the other way round, cannot be.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app import clock
from app.ids import new_id
from app.models.columns import JsonObject
from app.models.members import Member
from app.models.outbox import Event


def emit(
    session: Session,
    event_type: str,
    *,
    workspace_id: str,
    data: JsonObject,
    member: Member | None = None,
    entry_id: str | None = None,
) -> None:
    """Write an event.

    Args:
        event_type: one of spec section 6's names.
        data: the snapshot, as `app.services.snapshots` shapes it.
        member: whose `seq` orders the event; None for events of no member.
        entry_id: the ledger entry that the act wrote, if any.
    """
    session.add(
        Event(
            workspace_id=workspace_id,
            id=new_id("evt"),
            type=event_type,
            sequence=member.entry_count if member else 0,
            member_id=member.id if member else None,
            entry_id=entry_id,
            data=data,
            created_at=clock.now(),
        )
    )

"""Events, written in the transaction of their act (spec section 6).

So an act without its event, or the other way round, cannot be.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock, errors
from app.db import statements
from app.db.base import table_of
from app.db.statements import Statement
from app.ids import new_id
from app.models.columns import JsonObject
from app.models.members import Member
from app.models.outbox import Event
from app.rules.ledger import LockedMember
from app.services import paging
from app.services.paging import PageRequest, RequestedPage

EVENT_TYPES = (
    "loyalty.account.created",
    "loyalty.account.updated",
    "loyalty.points.earned",
    "loyalty.points.reversed",
    "loyalty.points.adjusted",
    "loyalty.reward.redeemed",
    "loyalty.redemption.fulfilled",
    "loyalty.redemption.cancelled",
    "loyalty.tier.changed",
    "loyalty.reward.created",
    "loyalty.reward.updated",
)
"""Every type of event (spec section 6)."""

TEST_TYPE = "webhook.test"
"""What the button of an endpoint's page sends; nobody is told of it but that endpoint."""


_INSERT = Statement.inserting(table_of(Event))


def emit(
    session: Session,
    event_type: str,
    *,
    workspace_id: str,
    data: JsonObject,
    member: Member | LockedMember | None = None,
    entry_id: str | None = None,
) -> None:
    """Write an event.

    Args:
        event_type: one of spec section 6's names.
        data: the snapshot, as `app.services.snapshots` shapes it.
        member: whose `seq` orders the event; None for events of no member.
        entry_id: the ledger entry that the act wrote, if any.
    """
    statements.defer(
        session,
        _INSERT(
            workspace_id=workspace_id,
            id=new_id("evt"),
            type=event_type,
            sequence=member.entry_count if member else 0,
            member_id=member.id if member else None,
            entry_id=entry_id,
            data=data,
            is_dispatched=False,
            created_at=clock.now(),
        ),
    )


def emit_test(session: Session, *, workspace_id: str, event_id: str) -> None:
    """Write an event that says only that it is a test; whoever asks for it delivers it."""
    session.add(
        Event(
            workspace_id=workspace_id,
            id=event_id,
            type=TEST_TYPE,
            sequence=0,
            data={"message": "A test from Regulars. Nothing happened to anyone."},
            is_dispatched=True,
            created_at=clock.now(),
        )
    )


def get_event(session: Session, *, workspace_id: str, event_id: str) -> Event:
    """Give one event.

    Raises:
        NotFound: no such event in this workspace.
    """
    event = session.scalar(
        select(Event).where(Event.workspace_id == workspace_id, Event.id == event_id)
    )
    if event is None:
        raise errors.NotFound("There is no such event here.")
    return event


def list_events(
    session: Session, *, workspace_id: str, page: PageRequest, event_type: str | None = None
) -> RequestedPage[Event]:
    """List events, the newest first."""
    statement = select(Event).where(Event.workspace_id == workspace_id)
    if event_type is not None:
        statement = statement.where(Event.type == event_type)
    return paging.read_page_by_id(session, statement, Event.id, page, prefix="evt")

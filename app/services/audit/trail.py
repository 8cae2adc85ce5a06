"""The audit log's one writer (spec section 7), and what it knows of things that are deleted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.db import statements
from app.db.base import table_of
from app.db.statements import Statement
from app.ids import new_id
from app.models.audit import AuditEntry
from app.models.columns import JsonObject
from app.rules.actors import Actor

_INSERT = Statement.inserting(table_of(AuditEntry))


def record(
    session: Session,
    *,
    workspace_id: str,
    act: str,
    by: Actor,
    subject_id: str | None = None,
    member_id: str | None = None,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> None:
    """Write down one act, in the act's own transaction.

    Args:
        act: the word of the feature and the verb, such as `ledger.award`.
        before: what changed, as it was; no personal data beyond ids.
        after: what changed, as it is now.
    """
    statements.defer(
        session,
        _INSERT(
            workspace_id=workspace_id,
            id=new_id("aud"),
            act=act,
            actor_kind=by.kind,
            actor_id=by.id,
            location_id=by.location_id,
            device_id=by.device_id,
            member_id=member_id,
            subject_id=subject_id,
            before=before,
            after=after,
            request_id=by.request_id,
            recorded_at=clock.now(),
        ),
    )


def is_recorded(
    session: Session,
    *,
    workspace_id: str,
    act: str,
    subject_id: str,
    before: JsonObject | None = None,
) -> bool:
    """Return whether an act on a subject is in the log.

    Args:
        before: what the entry says of the state before; any state if not given.
    """
    found = session.scalars(
        select(AuditEntry.before).where(
            AuditEntry.workspace_id == workspace_id,
            AuditEntry.subject_id == subject_id,
            AuditEntry.act == act,
        )
    )
    return any(before is None or each == before for each in found)

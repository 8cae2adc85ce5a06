"""Acts on a person of staff, as the audit log keeps them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.models.columns import JsonObject
from app.models.merchants import LIVE
from app.models.staff import Staff
from app.rules.actors import Actor
from app.services import workspaces
from app.services.audit import trail


def record(
    session: Session,
    person: Staff,
    act: str,
    by: Actor,
    *,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> None:
    """Record an act on a person of staff in their merchant's live workspace."""
    workspace = workspaces.get_workspace(session, merchant_id=person.merchant_id, mode=LIVE)
    trail.record(
        session,
        workspace_id=workspace.id,
        act=act,
        by=by,
        subject_id=person.id,
        before=before,
        after=after,
    )


def is_recorded(session: Session, person: Staff, act: str, *, before: JsonObject) -> bool:
    """Return whether an act on a person of staff was recorded with that state before it."""
    workspace = workspaces.get_workspace(session, merchant_id=person.merchant_id, mode=LIVE)
    return trail.is_recorded(
        session, workspace_id=workspace.id, act=act, subject_id=person.id, before=before
    )

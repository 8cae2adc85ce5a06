"""Undo of the award just made, on the member's page and at the counter."""

from __future__ import annotations

from app.http.actors import actor, workspace_id
from app.rules.ledger import Entry
from app.services import idempotency
from app.services.idempotency import IdempotencyKey
from app.services.ledger import acts
from app.web.base_form import SCOPE, act_once


def undo_entry(entry_id: str) -> Entry:
    """Take an award back, and return the reversal.

    The key is the entry's own, so two presses undo once, wherever they are made.
    """
    asked = idempotency.fingerprint("undo", {"entry": entry_id})
    return act_once(
        IdempotencyKey(SCOPE, f"undo {entry_id}", asked),
        lambda session: acts.reverse(
            session, workspace_id=workspace_id(), entry_id=entry_id, reason="Undone", by=actor()
        ),
        lambda session, reversal_id: acts.read_entry(
            session, workspace_id=workspace_id(), entry_id=reversal_id
        ),
    ).value

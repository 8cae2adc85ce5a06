"""Remembering what `ledger verify` found."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.db import statements
from app.models.ledger_checks import LedgerCheck
from app.services.ledger.verify import Report


def note(session: Session, *, workspace_id: str, report: Report, started_at: datetime) -> None:
    """Write down what a walk found, over what the one before it had found."""
    values = {
        "started_at": started_at,
        "ended_at": clock.now(),
        "entry_count": report.entry_count,
        "fault": report.fault or "",
    }
    insert = statements.insert_for(session.get_bind().dialect.name)(LedgerCheck)
    session.execute(
        insert.values(workspace_id=workspace_id, **values).on_conflict_do_update(
            index_elements=["workspace_id"], set_=values
        )
    )


def find_last(session: Session, *, workspace_id: str) -> LedgerCheck | None:
    """Give what the last walk found, if there was one."""
    return session.scalar(select(LedgerCheck).where(LedgerCheck.workspace_id == workspace_id))

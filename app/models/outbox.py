"""Events: what happened, as webhooks tell it (spec section 6)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, true
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, JsonObject, json_column_type, partial_index


class Event(Base):
    """One event, written in the transaction of its act.

    `sequence` is the member's `seq` at the act, or 0 for events of no member. `data` is the
    snapshot that goes into the body. `is_dispatched` says that its deliveries are written; what
    was there before there were deliveries counts as dispatched.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_member", "workspace_id", "member_id", "id"),
        Index("ix_events_entry", "workspace_id", "entry_id"),
        Index("ix_events_type", "workspace_id", "type", "id"),
        # Partial, so that it holds the few rows that wait and not every event there ever was.
        partial_index("ix_events_undispatched", "id", where="NOT is_dispatched"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    sequence: Mapped[int] = mapped_column(Integer)
    member_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    entry_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    data: Mapped[JsonObject] = mapped_column(json_column_type())
    is_dispatched: Mapped[bool] = mapped_column(default=False, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

"""The audit log: every act of staff and keys (spec section 7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime
from app.models.columns import CALLER_ID_CHARACTERS, ID_CHARACTERS, JsonObject, json_column_type


class AuditEntry(Base):
    """Who did what, when, where, with the state before and after.

    Acts on the merchant as a whole (sign-ins, staff) are kept in its live workspace.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_member", "workspace_id", "member_id", "id"),
        Index("ix_audit_entries_request", "workspace_id", "request_id"),
        Index("ix_audit_entries_subject", "workspace_id", "subject_id"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    act: Mapped[str] = mapped_column(String(60))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    member_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    subject_id: Mapped[str | None] = mapped_column(String(CALLER_ID_CHARACTERS))
    before: Mapped[JsonObject | None] = mapped_column(json_column_type())
    after: Mapped[JsonObject | None] = mapped_column(json_column_type())
    request_id: Mapped[str | None] = mapped_column(String(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

"""Where events go (spec section 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, json_column_type


class WebhookEndpoint(Base):
    """One address of a workspace that is told of events.

    `enabled_events` is a list of event types, or `["*"]`. `secret` signs, so it is kept as it is;
    it is shown once and never again.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (CheckConstraint("status IN ('enabled', 'disabled')", name="status"),)

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    enabled_events: Mapped[list[Any]] = mapped_column(json_column_type())
    status: Mapped[str] = mapped_column(String(16))
    secret: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

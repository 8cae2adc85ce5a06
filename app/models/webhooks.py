"""Where events go, and how they got there (spec section 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, json_column_type
from app.models.outbox import Event


class WebhookEndpoint(Base):
    """One address of a workspace that is told of events.

    `enabled_events` is a list of event types, or `["*"]`. `secret` signs, so it is kept as it is;
    it is shown once and never again. While it is rotated, `previous_secret` signs beside it until
    `previous_secret_until`. `failing_since` is when the first of a row of failures was.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (CheckConstraint("status IN ('enabled', 'disabled')", name="status"),)

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    enabled_events: Mapped[list[Any]] = mapped_column(json_column_type())
    status: Mapped[str] = mapped_column(String(16))
    secret: Mapped[str] = mapped_column(String(80))
    previous_secret: Mapped[str | None] = mapped_column(String(80))
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookDelivery(Base):
    """One event for one endpoint: the series of attempts until one succeeds.

    A worker that takes it sets `lease` to a word of its own and `lease_until`; only who holds the
    lease writes the outcome. A lease that ran out, because its worker died, is free again.
    `earlier_attempt_count` is how many of the attempts were made before it was last sent again, so
    that the waits begin anew. `last_status`, `last_error` and `attempted_at` are the latest
    attempt's.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoints.workspace_id", "webhook_endpoints.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["workspace_id", "event_id"], ["events.workspace_id", "events.id"]),
        UniqueConstraint("workspace_id", "endpoint_id", "event_id"),
        CheckConstraint("status IN ('waiting', 'delivered', 'failed')", name="status"),
        Index(
            "ix_webhook_deliveries_due",
            "workspace_id",
            "endpoint_id",
            "status",
            "next_attempt_at",
        ),
        Index("ix_webhook_deliveries_endpoint", "workspace_id", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_status", "workspace_id", "status", "id"),
        Index("ix_webhook_deliveries_event", "workspace_id", "event_id"),
        Index("ix_webhook_deliveries_resend", "workspace_id", "resend_id"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    event_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    status: Mapped[str] = mapped_column(String(16))
    attempt_count: Mapped[int] = mapped_column(Integer)
    earlier_attempt_count: Mapped[int] = mapped_column(Integer)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resend_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    event: Mapped[Event] = relationship(lazy="raise", viewonly=True, overlaps="endpoint")
    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="raise", viewonly=True, overlaps="event")


class WebhookAttempt(Base):
    """One try to deliver: what came back, or why nothing did."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["webhook_deliveries.workspace_id", "webhook_deliveries.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "delivery_id", "number"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    number: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str] = mapped_column(String(200))
    answer_start: Mapped[str] = mapped_column(String(500))
    duration_ms: Mapped[float] = mapped_column(Float)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebhookResend(Base):
    """A range of time that was sent to an endpoint again.

    `since` is inclusive and `until` exclusive. Its deliveries carry its id, by which its progress
    is counted; `delivery_count` is how many they were when it began.
    """

    __tablename__ = "webhook_resends"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoints.workspace_id", "webhook_endpoints.id"],
            ondelete="CASCADE",
        ),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    with_delivered: Mapped[bool]
    delivery_count: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

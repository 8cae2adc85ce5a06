"""Payments that other systems report, and what became of them.

Their tables, their address (`/v1/inbound/`) and their acts in the audit log are called "inbound".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import CALLER_ID_CHARACTERS, ID_CHARACTERS, json_column_type


class PaymentSource(Base):
    """A system that tells of payments, and the secret that it signs with.

    It is found by its id before anyone knows the workspace, so it belongs to merchant and mode.
    `kind` says in which form it tells and signs. The secret is kept as it is, since signatures are
    made with it; while it is replaced, `previous_secret` is good until `previous_secret_until`.
    """

    __tablename__ = "inbound_sources"
    __table_args__ = (
        CheckConstraint("mode IN ('sandbox', 'live')", name="mode"),
        CheckConstraint("kind IN ('regulars', 'stripe', 'shopify')", name="kind"),
        CheckConstraint("status IN ('enabled', 'disabled')", name="status"),
        Index("ix_inbound_sources_merchant", "merchant_id", "mode", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    mode: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    program_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    secret: Mapped[str] = mapped_column(String(255))
    previous_secret: Mapped[str | None] = mapped_column(String(255))
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PaymentEvent(Base):
    """One thing that a source told, once for ever by its own id, and what became of it.

    `message` is what was understood of it: ids and amounts, and nothing personal.
    """

    __tablename__ = "inbound_events"
    __table_args__ = (
        UniqueConstraint("workspace_id", "source_id", "external_id"),
        CheckConstraint(
            "outcome IN ('awarded', 'reversed', 'waiting', 'nothing', 'unmatched', 'refused')",
            name="outcome",
        ),
        Index("ix_inbound_events_source", "workspace_id", "source_id", "id"),
        Index("ix_inbound_events_payment", "workspace_id", "source_id", "payment_id"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("inbound_sources.id"))
    external_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS))
    type: Mapped[str] = mapped_column(String(80))
    payment_id: Mapped[str | None] = mapped_column(String(CALLER_ID_CHARACTERS))
    message: Mapped[dict[str, Any]] = mapped_column(json_column_type())
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(300))
    entry_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Payment(Base):
    """A payment as far as it is known: what was paid, what it earned, what was refunded.

    The row is there from the first event that names the payment, which may be a refund. What the
    award's rule was stands on the award. `refunded_minor` is the total of all refunds so far, and
    `is_refunded_whole` says that all of it was, whatever the amount. `other_…` are the same in the
    customer's own currency, where a shop sells in several.
    """

    __tablename__ = "inbound_payments"
    __table_args__ = (CheckConstraint("refunded_minor >= 0", name="refunded"),)

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("inbound_sources.id"), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    award_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    refunded_minor: Mapped[int] = mapped_column(BigInteger)
    other_currency: Mapped[str] = mapped_column(String(3))
    other_amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    other_refunded_minor: Mapped[int] = mapped_column(BigInteger)
    is_refunded_whole: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PaymentRefund(Base):
    """One refund of a payment, counted once by its own id."""

    __tablename__ = "inbound_refunds"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("inbound_sources.id"), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)
    refund_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

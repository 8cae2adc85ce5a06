"""Registered devices: the tills of a shop, on which staff sign in by PIN."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS


class Device(Base):
    """A till: one browser that a manager has registered for one shop.

    The browser holds a token in a cookie of its own; here is only its SHA-256. A sign-in there
    ends when nobody has touched the page for `idle_minutes`. It is found by the token before anyone
    knows the workspace, so it belongs to merchant and mode.
    """

    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint("mode IN ('sandbox', 'live')", name="mode"),
        CheckConstraint("idle_minutes BETWEEN 1 AND 120", name="idle_minutes"),
        Index("uq_devices_token_hash", "token_hash", unique=True),
        Index("ix_devices_merchant", "merchant_id", "mode", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    mode: Mapped[str] = mapped_column(String(16))
    location_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64))
    idle_minutes: Mapped[int]
    registered_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

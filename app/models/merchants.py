"""Merchants and their two workspaces (spec section 1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS

SANDBOX = "sandbox"
LIVE = "live"


class Merchant(Base):
    """The business. It has staff and two workspaces."""

    __tablename__ = "merchants"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    currency: Mapped[str] = mapped_column(String(3))
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Workspace(Base):
    """One of a merchant's two separate worlds."""

    __tablename__ = "workspaces"
    __table_args__ = (
        UniqueConstraint("merchant_id", "mode"),
        CheckConstraint("mode IN ('sandbox', 'live')", name="mode"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    mode: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def is_live(self) -> bool:
        """Whether what happens here is real."""
        return self.mode == LIVE

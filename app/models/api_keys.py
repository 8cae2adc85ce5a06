"""API keys, and how many requests each may still make (spec section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, json_column_type


class ApiKey(Base):
    """One key of a merchant's workspace.

    The key itself is shown once; here are its SHA-256, its prefix and its last four characters. It
    is found by the hash before anyone knows the workspace, so it belongs to merchant and mode.
    `scopes` is a list such as `["points:write"]`, or None for a key that may do everything.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("mode IN ('sandbox', 'live')", name="mode"),
        Index("uq_api_keys_secret_hash", "secret_hash", unique=True),
        Index("ix_api_keys_merchant", "merchant_id", "mode", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    mode: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(16))
    last_four: Mapped[str] = mapped_column(String(4))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[Any] | None] = mapped_column(json_column_type())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def masked(self) -> str:
        """Give the key as lists show it."""
        return f"{self.prefix}••••{self.last_four}"


class RateBucket(Base):
    """A token bucket that several processes share: when it is full again (`rules.buckets`).

    `name` is a key's id, or the hash of an address that brought no key.
    """

    __tablename__ = "rate_buckets"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    full_at: Mapped[datetime] = mapped_column(UtcDateTime)

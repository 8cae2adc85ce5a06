"""The public link of a member's card."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS


class CardLink(Base):
    """An address at which a member opens their card on a phone, without signing in.

    It is found by its token before anyone knows the workspace, so it belongs to merchant and mode.
    The token is kept as it is, because staff show the link again; what it opens is no secret to
    who can read this table.
    """

    __tablename__ = "card_links"
    __table_args__ = (
        CheckConstraint("mode IN ('sandbox', 'live')", name="mode"),
        Index("uq_card_links_token", "token", unique=True),
        Index("ix_card_links_member", "merchant_id", "mode", "member_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    mode: Mapped[str] = mapped_column(String(16))
    member_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

"""Keys of requests that must act once (spec section 4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import CALLER_ID_CHARACTERS


class StoredKey(Base):
    """One used key: what was asked, and the id of what it made.

    `scope` keeps the dashboard's forms, the API's callers and the sources of awards apart.
    `result_id` is set in the transaction that makes the row, so a committed row always has it. Of
    an API call the first answer is kept word for word; a person's erasure finds it by `result_id`.
    """

    __tablename__ = "idempotency_keys"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    key: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    result_id: Mapped[str | None] = mapped_column(String(CALLER_ID_CHARACTERS))
    answer: Mapped[str | None] = mapped_column(Text)
    answer_status: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

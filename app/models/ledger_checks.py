"""What the last walk of a ledger found, so that somebody notices when nobody looks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime


class LedgerCheck(Base):
    """The last `ledger verify --note` of a workspace; `fault` is empty when all fits."""

    __tablename__ = "ledger_checks"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry_count: Mapped[int] = mapped_column(BigInteger)
    fault: Mapped[str] = mapped_column(Text)

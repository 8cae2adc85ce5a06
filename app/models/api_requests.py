"""The log of API requests, kept for 30 days."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import CALLER_ID_CHARACTERS, ID_CHARACTERS, partial_index


class ApiRequest(Base):
    """One request and what became of it; its id is the answer's `X-Request-Id`.

    `route` is the path's pattern. `body` is what was sent, with personal data masked. `replayed` is
    the answer's `Idempotent-Replayed`, or "".
    """

    __tablename__ = "api_requests"
    __table_args__ = (
        Index("ix_api_requests_recorded", "workspace_id", "recorded_at"),
        Index("ix_api_requests_route", "workspace_id", "route", "method", "status"),
        Index("ix_api_requests_key", "workspace_id", "key_id", "id"),
        partial_index("ix_api_requests_failed", "id", where="error_code <> ''"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(String(500))
    route: Mapped[str] = mapped_column(String(200))
    status: Mapped[int] = mapped_column(Integer)
    error_code: Mapped[str] = mapped_column(String(40))
    duration_ms: Mapped[float] = mapped_column(Float)
    idempotency_key: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS))
    replayed: Mapped[str] = mapped_column(String(8))
    body: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

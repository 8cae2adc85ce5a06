"""Redemptions: one member's purchase of one reward, the proof of the benefit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, JsonObject, json_column_type
from app.models.members import Member
from app.models.rewards import Reward


class Redemption(Base):
    """One purchase. `points_spent` is frozen: a later change of the reward's cost leaves it.

    `code` is stored without its dash, in upper case.
    """

    __tablename__ = "redemptions"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "member_id"], ["members.workspace_id", "members.id"]),
        ForeignKeyConstraint(["workspace_id", "reward_id"], ["rewards.workspace_id", "rewards.id"]),
        UniqueConstraint("workspace_id", "code"),
        CheckConstraint("status IN ('confirmed', 'fulfilled', 'cancelled')", name="status"),
        CheckConstraint("points_spent >= 0", name="points_spent"),
        Index("ix_redemptions_member", "workspace_id", "member_id", "reward_id"),
        Index("ix_redemptions_reward", "workspace_id", "reward_id", "status"),
        Index("ix_redemptions_status", "workspace_id", "status", "id"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    member_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    reward_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    status: Mapped[str] = mapped_column(String(16))
    points_spent: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str] = mapped_column(String(12))
    metadata_: Mapped[JsonObject] = mapped_column("metadata", json_column_type(), default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fulfilled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))

    member: Mapped[Member] = relationship(lazy="raise", viewonly=True, overlaps="reward")
    reward: Mapped[Reward] = relationship(lazy="raise", viewonly=True, overlaps="member")

    @property
    def code_shown(self) -> str:
        """The code as people read it: `7KQ-4F2`."""
        return f"{self.code[:3]}-{self.code[3:]}"

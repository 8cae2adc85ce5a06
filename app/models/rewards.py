"""Rewards: what points buy (spec section 5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, JsonObject, json_column_type

REWARD_TYPES = ("free_product", "discount_amount", "discount_percent", "store_credit", "partner")


class Reward(Base):
    """What points buy.

    Stock is two counts: `stock_supplied`, all pieces ever put in (None: no limit), and
    `stock_taken`, the redemptions that hold one. What is left is the difference, so `verify` can
    recount it.
    `stock_taken` is kept only while the stock is limited.

    `value` is in minor units for an amount or a credit, in whole percent for a percentage, and None
    for a product or a partner's reward.
    """

    __tablename__ = "rewards"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "program_id"], ["programs.workspace_id", "programs.id"]
        ),
        CheckConstraint(
            "type IN ('free_product', 'discount_amount', 'discount_percent', 'store_credit', "
            "'partner')",
            name="type",
        ),
        CheckConstraint("status IN ('active', 'archived')", name="status"),
        CheckConstraint("points_cost >= 0", name="points_cost"),
        CheckConstraint(
            "stock_supplied IS NULL OR (stock_taken >= 0 AND stock_taken <= stock_supplied)",
            name="stock",
        ),
        CheckConstraint("per_member_limit IS NULL OR per_member_limit > 0", name="member_limit"),
        CheckConstraint("counter_key IS NULL OR counter_key BETWEEN 1 AND 9", name="counter_key"),
        Index("uq_rewards_counter_key", "workspace_id", "program_id", "counter_key", unique=True),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    program_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(String(500), default="")
    type: Mapped[str] = mapped_column(String(24))
    value: Mapped[int | None] = mapped_column(BigInteger)
    points_cost: Mapped[int] = mapped_column(BigInteger)
    stock_supplied: Mapped[int | None] = mapped_column(BigInteger)
    stock_taken: Mapped[int] = mapped_column(BigInteger, default=0)
    per_member_limit: Mapped[int | None] = mapped_column(Integer)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    min_tier: Mapped[str | None] = mapped_column(String(40))
    counter_key: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16), default="active")
    metadata_: Mapped[JsonObject] = mapped_column("metadata", json_column_type(), default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def stock(self) -> int | None:
        """How many are left; None means no limit."""
        return None if self.stock_supplied is None else self.stock_supplied - self.stock_taken

    @property
    def is_archived(self) -> bool:
        """Whether the reward is no longer offered."""
        return self.status == "archived"

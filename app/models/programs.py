"""Loyalty programs and the merchant's locations (spec sections 1 and 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS, JsonObject, json_column_type


class Program(Base):
    """A loyalty program: currency of points, tiers, earn rate.

    `tiers` is a list of `rules.tiers.Tier` by rising threshold, the first one 0; it may be empty.
    `earn_rounding` is one of `rules.earning.ROUNDINGS`.
    `point_value_thousandths` is what one point is worth, in thousandths of a minor unit.
    """

    __tablename__ = "programs"
    __table_args__ = (
        CheckConstraint("point_value_thousandths >= 0", name="point_value"),
        CheckConstraint("earn_points_per_unit >= 0", name="earn_rate"),
        CheckConstraint("earn_rounding IN ('down', 'nearest', 'up')", name="earn_rounding"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    currency_name: Mapped[str] = mapped_column(String(40))
    time_zone: Mapped[str] = mapped_column(String(64))
    point_value_thousandths: Mapped[int] = mapped_column(BigInteger)
    earn_points_per_unit: Mapped[int] = mapped_column(BigInteger)
    earn_rounding: Mapped[str] = mapped_column(String(8), default="down", server_default="down")
    tiers: Mapped[list[Any]] = mapped_column(json_column_type())
    metadata_: Mapped[JsonObject] = mapped_column("metadata", json_column_type(), default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Location(Base):
    """A shop of the merchant: where an act happened. Once closed, nobody works there any more."""

    __tablename__ = "locations"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

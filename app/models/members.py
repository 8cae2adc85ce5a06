"""Customers, and members: one customer in one program (spec sections 1 and 5)."""

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
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, UtcDateTime
from app.models.columns import (
    CALLER_ID_CHARACTERS,
    ID_CHARACTERS,
    JsonObject,
    in_byte_order,
    json_column_type,
    partial_index,
)
from app.models.programs import Program


class Customer(Base):
    """A person.

    `search_text`, `email_key`, `card_key`, `phone_digits` and `phone_reversed` are what
    `rules.searching` makes of the rest, kept because the databases fold letters differently.
    """

    __tablename__ = "customers"
    __table_args__ = (
        # A search walks these in this order, and looks for its other words in the line.
        *(
            Index(f"ix_customers_{key}", "workspace_id", key, "search_text", "id")
            for key in ("email_key", "phone_digits", "phone_reversed", "card_key")
        ),
        Index("ix_customers_created", "workspace_id", "created_at", "id"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    card_number: Mapped[str] = mapped_column(String(64), default="")
    email_key: Mapped[str] = mapped_column(in_byte_order(254), default="")
    phone_digits: Mapped[str] = mapped_column(in_byte_order(40), default="")
    phone_reversed: Mapped[str] = mapped_column(in_byte_order(40), default="")
    card_key: Mapped[str] = mapped_column(in_byte_order(64), default="")
    search_text: Mapped[str] = mapped_column(
        Text().with_variant(Text(collation="C"), "postgresql"), default=""
    )
    metadata_: Mapped[JsonObject] = mapped_column("metadata", json_column_type(), default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Member(Base):
    """One customer in one program, with the running totals of its ledger.

    The totals are a cache of the newest entry: only `services.ledger` writes them, and `verify`
    recomputes them. `qualifying_points` are the points that count for a tier: awards less their
    reversals. A visit is an award or a redemption; seen is who visited or enrolled.
    """

    __tablename__ = "members"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "program_id"], ["programs.workspace_id", "programs.id"]
        ),
        ForeignKeyConstraint(
            ["workspace_id", "customer_id"], ["customers.workspace_id", "customers.id"]
        ),
        UniqueConstraint("workspace_id", "program_id", "customer_id"),
        CheckConstraint("status IN ('active', 'closed')", name="status"),
        CheckConstraint("lifetime_points >= 0", name="lifetime_points"),
        CheckConstraint("entry_count >= 0", name="entry_count"),
        Index("ix_members_customer_id", "workspace_id", "customer_id"),
        Index("ix_members_last_seen", "workspace_id", "last_seen_at", "id"),
        Index("ix_members_tier", "workspace_id", "tier", "last_seen_at", "id"),
        # Few are closed or owe points, so indexes of those alone cost an award nothing. What is
        # asked for is among their columns, or else SQLite takes one of all members.
        partial_index("ix_members_owing", "balance", "id", "last_seen_at", where="balance < 0"),
        partial_index(
            "ix_members_closed", "status", "last_seen_at", "id", where="status = 'closed'"
        ),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    program_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    customer_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS))
    status: Mapped[str] = mapped_column(String(16), default="active")
    balance: Mapped[int] = mapped_column(BigInteger, default=0)
    lifetime_points: Mapped[int] = mapped_column(BigInteger, default=0)
    qualifying_points: Mapped[int] = mapped_column(BigInteger, default=0)
    tier: Mapped[str | None] = mapped_column(String(40))
    entry_count: Mapped[int] = mapped_column(Integer, default=0)
    head_hash: Mapped[str] = mapped_column(String(64))
    last_entry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_visit_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    metadata_: Mapped[JsonObject] = mapped_column("metadata", json_column_type(), default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    customer: Mapped[Customer] = relationship(lazy="raise", viewonly=True)
    program: Mapped[Program] = relationship(lazy="raise", viewonly=True)

    @property
    def is_closed(self) -> bool:
        """Whether the member takes no more acts."""
        return self.status == "closed"

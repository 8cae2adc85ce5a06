"""The people who act, their sign-ins, and the throttle on guessing (spec section 7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS
from app.models.devices import Device
from app.models.merchants import Merchant


class Staff(Base):
    """One person of a merchant's staff. Their email signs in, so it is unique per installation.

    `theme`, `letter_keys` and `sounds` are how the person wants the pages; WCAG 2.1.4 asks for the
    second. `has_second_factor` says whether a password is not enough. The PIN works on registered
    devices and approves acts of colleagues. `sandbox_location_id` and `live_location_id` are the
    shops that they chose last.
    """

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'manager', 'cashier', 'viewer')", name="role"),
        CheckConstraint("status IN ('active', 'disabled')", name="status"),
        Index("uq_staff_email_key", "email_key", unique=True),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default="active")
    password_hash: Mapped[str] = mapped_column(String(255))
    pin_hash: Mapped[str | None] = mapped_column(String(255))
    theme: Mapped[str] = mapped_column(String(8), default="system", server_default="system")
    letter_keys: Mapped[bool] = mapped_column(default=True, server_default=true())
    sounds: Mapped[bool] = mapped_column(default=True, server_default=true())
    has_second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
    sandbox_location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    live_location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    merchant: Mapped[Merchant] = relationship(lazy="raise", viewonly=True)


class StaffSession(Base):
    """One sign-in.

    The browser holds a token; here is only its SHA-256, so a read of this table signs nobody in. A
    session is dead once `revoked_at` is set or `expires_at` is past. `agent` is what the browser
    says of itself, for who looks at their list of sign-ins. `second_factor_at` is when the person
    showed more than a password, or null. `method` is how they signed in; by PIN they have a
    cashier's rights, whatever their role. `device_id` is the registered device, if it is one.
    """

    __tablename__ = "staff_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    mode: Mapped[str] = mapped_column(String(16))
    location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    agent: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    method: Mapped[str] = mapped_column(String(16), default="password", server_default="password")
    device_id: Mapped[str | None] = mapped_column(ForeignKey("devices.id"))

    device: Mapped[Device | None] = relationship(lazy="raise", viewonly=True)
    staff: Mapped[Staff] = relationship(lazy="raise", viewonly=True)


class StaffLocation(Base):
    """A shop in which a person works. Who has none of a workspace works in all of its shops."""

    __tablename__ = "staff_locations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "location_id"], ["locations.workspace_id", "locations.id"]
        ),
    )

    workspace_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)


class Allowance(Base):
    """How many points may be given by hand: of a role, or of one person instead.

    `holder` is a role or a person's id. Null is no limit.
    """

    __tablename__ = "allowances"
    __table_args__ = (
        CheckConstraint("per_award_points >= 0", name="per_award_points"),
        CheckConstraint("per_shift_points >= 0", name="per_shift_points"),
    )

    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    per_award_points: Mapped[int | None] = mapped_column(BigInteger)
    per_shift_points: Mapped[int | None] = mapped_column(BigInteger)


class StaffInvite(Base):
    """An invitation to become staff: a link that works once, until it expires.

    Only the SHA-256 of its token is here; the link is shown to who invites, this once.
    """

    __tablename__ = "staff_invites"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'manager', 'cashier', 'viewer')", name="role"),
        Index("uq_staff_invites_token_hash", "token_hash", unique=True),
        Index("ix_staff_invites_merchant", "merchant_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    merchant_id: Mapped[str] = mapped_column(ForeignKey("merchants.id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64))
    invited_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInThrottle(Base):
    """Failed sign-ins of one account or from one address, named by a SHA-256 of it."""

    __tablename__ = "sign_in_throttles"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failure_count: Mapped[int]
    window_started_at: Mapped[datetime] = mapped_column(UtcDateTime)

"""What a person shows beside or instead of their password: an app, paper, passkeys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import ID_CHARACTERS


class Totp(Base):
    """A person's authenticator app (RFC 6238).

    The secret makes the codes, so it is kept as it is. It counts once `confirmed_at` is set.
    `last_step` is the time step of the last code that was taken: no code is good twice.
    """

    __tablename__ = "staff_totps"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """One code for the day that the telephone is lost: good once, kept as its SHA-256."""

    __tablename__ = "staff_recovery_codes"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Base):
    """One passkey (WebAuthn): the public half of a key that stays in its owner's device.

    `credential_id` and `public_key` are base64url without padding. `sign_count` is what the device
    counted last; one that counts backwards was copied.
    """

    __tablename__ = "staff_passkeys"
    __table_args__ = (
        Index("uq_staff_passkeys_credential_id", "credential_id", unique=True),
        Index("ix_staff_passkeys_staff", "staff_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    credential_id: Mapped[str] = mapped_column(String(1400))
    public_key: Mapped[str] = mapped_column(String(2000))
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SpentChallenge(Base):
    """A challenge that a passkey has answered, as its SHA-256: no answer is good twice."""

    __tablename__ = "spent_challenges"

    challenge_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

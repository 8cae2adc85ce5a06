"""Passwords and PINs: which may be used, what is stored of them, and checking them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from app.ids import new_token
from app.models.staff import Staff
from app.rules import passwords as rules
from app.services import workspaces

COMMON_PASSWORDS = Path(__file__).resolve().parents[2] / "vendor" / "common_passwords.txt"
"""The commonest passwords of breaches that are long enough to be accepted, one per line.

Written by scripts/vendor.py at set-up, in lower case.
"""

# OWASP's second parameter set for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
# Checked when the address is unknown, so that the answer takes the same time.
_NOBODYS_HASH = _HASHER.hash(new_token())


@cache
def common_passwords() -> frozenset[str]:
    """Return the passwords that are refused as common, in lower case."""
    return frozenset(COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines())


def password_fits(person: Staff | None, password: str) -> bool:
    """Say whether a password is this person's; takes the same time for nobody."""
    usable = person is not None and person.status == "active"
    hashed = person.password_hash if person is not None and usable else _NOBODYS_HASH
    return hash_fits(hashed, password) and usable


def hash_fits(kept: str | None, typed: str) -> bool:
    """Say whether what was typed is what a hash was made of."""
    try:
        _HASHER.verify(kept or _NOBODYS_HASH, typed)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def hashed_password(
    session: Session, password: str, *, merchant_id: str, email: str, name: str
) -> str:
    """Give what is stored of a password that may be used.

    Raises:
        InvalidParameter: it is too short, too long, known from a breach, or too easy to guess.
    """
    shop = workspaces.get_merchant(session, merchant_id=merchant_id).name
    personal = [email, *email.split("@"), *name.split(), *shop.split(), "".join(shop.split())]
    rules.check(password, common=common_passwords(), personal=personal)
    return hashed(password)


def set_password(session: Session, person: Staff, password: str) -> None:
    """Give a person another password.

    Raises:
        InvalidParameter: it may not be used, as `hashed_password` says.
    """
    person.password_hash = hashed_password(
        session,
        password,
        merchant_id=person.merchant_id,
        email=person.email,
        name=person.name,
    )


def hashed(secret: str) -> str:
    """Give what is stored of a password or PIN."""
    return _HASHER.hash(secret)


def needs_rehash(kept: str) -> bool:
    """Return whether a hash was made with the parameters of an earlier version."""
    return _HASHER.check_needs_rehash(kept)

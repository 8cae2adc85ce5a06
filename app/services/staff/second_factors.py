"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes on paper.

A person with a second factor signs in with both. Owners and managers need one in the live
workspace. No code is good twice, and guessing is throttled per person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app import clock, errors, ids
from app.ids import new_code
from app.models.second_factors import Passkey, RecoveryCode, Totp
from app.models.staff import Staff, StaffSession
from app.rules.actors import Actor, Permission
from app.services.staff import recording, sign_ins, throttles
from app.services.staff.sign_ins import SignIn
from app.services.staff.throttles import Throttle

ISSUER = "Regulars"
STEP_SECONDS = 30
STEPS_ASIDE = 1
"""A telephone's clock may be off by one step either way."""

RECOVERY_CODES = 10
FAILURES_MAX = 5
"""Of a million codes three are good at a time: who knows the password guesses one in two years."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What an authenticator app needs: `address` is the `otpauth:` address of its QR code."""

    secret: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """An app that counts from now on: its recovery codes, and the sign-in's new token.

    Both are shown this once.
    """

    codes: Sequence[str]
    token: str


@dataclass(frozen=True, kw_only=True)
class State:
    """What a person has: an app that counts or one that is being set up, and codes on paper."""

    has_app: bool
    setup: Setup | None
    codes_left: int


def get_state(session: Session, *, staff_id: str) -> State:
    """Say what a person has."""
    totp = session.get(Totp, staff_id)
    left = session.scalar(
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    )
    has_app = totp is not None and totp.confirmed_at is not None
    setup = None
    if totp is not None and not has_app:
        person = session.scalars(select(Staff).where(Staff.id == staff_id)).one()
        app_of = pyotp.TOTP(totp.secret)
        address = app_of.provisioning_uri(name=person.email, issuer_name=ISSUER)
        setup = Setup(secret=totp.secret, address=address)
    return State(has_app=has_app, setup=setup, codes_left=int(left or 0))


def begin(session: Session, *, staff_id: str) -> None:
    """Make the secret for an app that is to be set up; it stays until a code confirms it.

    Raises:
        InvalidParameter: there is one that counts already.
    """
    lock(session, staff_id)
    totp = session.get(Totp, staff_id)
    if totp is not None and totp.confirmed_at is not None:
        raise errors.InvalidParameter("code", "Your app is set up already.")
    if totp is None:
        session.add(Totp(staff_id=staff_id, secret=pyotp.random_base32(), created_at=clock.now()))


def confirm(session: Session, *, token: str, code: str, by: Actor) -> Confirmed | None:
    """Let an app count once it shows the right code; the sign-in has then shown it too.

    Returns:
        None for a wrong code, so that the failure is committed.

    Raises:
        RateLimited: too many wrong codes.
    """
    found = _session(session, token)
    person = lock(session, found.staff_id)
    if person.has_second_factor and get_state(session, staff_id=person.id).has_app:
        raise errors.InvalidParameter("code", "Your app is set up already.")
    setting_up = Throttle("second factor set-up", person.id, FAILURES_MAX)
    throttles.check(session, [setting_up])
    if not _takes_app_code(session, person, code, counts=False):
        throttles.count_failure(session, [setting_up])
        return None
    throttles.forget(session, setting_up)
    session.get_one(Totp, person.id).confirmed_at = found.second_factor_at = clock.now()
    person.has_second_factor = True
    recording.record(session, person, "staff.second_factor_on", by)
    # What may do more than before is known by another token (OWASP ASVS 5.0, 7.2.4).
    return Confirmed(codes=make_codes(session, person), token=sign_ins.renew_token(session, found))


def answer(
    session: Session, *, token: str, code: str, hours: int, agent: str = ""
) -> SignIn | None:
    """Take a code after the password, and open a new session in place of the first.

    Args:
        code: of the app, or a recovery code.

    Returns:
        None for a wrong code, so that the failure is committed.

    Raises:
        RateLimited: too many wrong codes.
    """
    found = _session(session, token)
    person = lock(session, found.staff_id)
    throttles.check(session, [_throttle(person)])
    is_right = _takes_app_code(session, person, code, counts=True)
    if not is_right and not _takes_paper_code(session, person, code):
        throttles.count_failure(session, [_throttle(person)])
        recording.record(session, person, "staff.second_factor_failed", _self(person))
        return None
    throttles.forget(session, _throttle(person))
    # The token that a password alone gave is worth nothing after this.
    found.revoked_at = clock.now()
    return sign_ins.open_session(
        session,
        person,
        mode=found.mode,
        hours=hours,
        agent=agent,
        device=found.device,
        has_second_factor=True,
    )


def make_recovery_codes(session: Session, *, staff_id: str, by: Actor) -> Sequence[str]:
    """Make new recovery codes, shown this once; the old ones are good no more."""
    person = lock(session, staff_id)
    if not person.has_second_factor:
        raise errors.InvalidParameter("code", "Set up an app or a passkey first.")
    recording.record(session, person, "staff.recovery_codes", by)
    return make_codes(session, person)


def reset(session: Session, *, merchant_id: str, staff_id: str, by: Actor) -> None:
    """Take a colleague's second factor away, for who lost it; their sign-ins end.

    Raises:
        PermissionDenied: not an owner.
        InvalidParameter: it is one's own.
        NotFound: no such person here.
    """
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can change staff.")
    if staff_id == by.id:
        raise errors.InvalidParameter("staff", "Ask another owner to take yours away.")
    person = lock(session, staff_id)
    if person.merchant_id != merchant_id:
        raise errors.NotFound("There is no such person here.")
    take_away(session, person)
    recording.record(session, person, "staff.second_factor_reset", by)


def take_away(session: Session, person: Staff) -> None:
    """Delete all that a person shows beside their password, and end their sign-ins."""
    for table in (Totp, Passkey, RecoveryCode):
        session.execute(delete(table).where(table.staff_id == person.id))
    person.has_second_factor = False
    sign_ins.revoke_sessions(session, staff_id=person.id)


def settle(session: Session, person: Staff) -> None:
    """Let a password be enough again for who has neither an app nor a passkey left."""
    state = get_state(session, staff_id=person.id)
    keys = session.scalar(select(Passkey.id).where(Passkey.staff_id == person.id).limit(1))
    if not state.has_app and keys is None:
        person.has_second_factor = False
        session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))


def _takes_app_code(session: Session, person: Staff, code: str, *, counts: bool) -> bool:
    """Take a code of the app, which no later one may be older than.

    Args:
        counts: of an app that is confirmed, or of one that is being set up.
    """
    totp = session.get(Totp, person.id, populate_existing=True)
    typed = re.sub(r"\s", "", code)
    if totp is None or (totp.confirmed_at is not None) != counts:
        return False
    if not typed.isascii() or not typed.isdigit():
        return False
    now = clock.timestamp() // STEP_SECONDS
    generator = pyotp.TOTP(totp.secret)
    for step in range(now - STEPS_ASIDE, now + STEPS_ASIDE + 1):
        expected = generator.generate_otp(step)
        if step > totp.last_step and pyotp.utils.strings_equal(expected, typed):
            totp.last_step = step
            return True
    return False


def _takes_paper_code(session: Session, person: Staff, code: str) -> bool:
    """Use a recovery code up."""
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == person.id,
            RecoveryCode.code_hash == _hashed(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.code_hash)
    ).first()
    if used is not None:
        recording.record(session, person, "staff.recovery_code_used", _self(person))
    return used is not None


def make_codes(session: Session, person: Staff) -> Sequence[str]:
    """Make a person's recovery codes anew; their row is locked."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    codes = [f"{new_code()}-{new_code()}" for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(staff_id=person.id, code_hash=_hashed(code)) for code in codes)
    return codes


def _hashed(code: str) -> str:
    # As it may be typed: without the dash, in small letters. 60 random bits need no slow hash.
    return ids.token_hash(re.sub(r"[\s-]", "", code).upper())


def _throttle(person: Staff) -> Throttle:
    return Throttle("second factor", person.id, FAILURES_MAX)


def _self(person: Staff) -> Actor:
    return Actor(kind="staff", id=person.id, role=person.role)


def _session(session: Session, token: str) -> StaffSession:
    found = sign_ins.find_session(session, token=token)
    if found is None:
        raise errors.NotFound("Your sign-in has ended. Sign in again.")
    return found


def lock(session: Session, staff_id: str) -> Staff:
    """Lock a person's row, so that one code is taken at a time."""
    person = session.scalar(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if person is None:
        raise errors.NotFound("There is no such person here.")
    return person

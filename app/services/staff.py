"""Staff: who may sign in, their sessions, and the throttle on guessing (spec section 7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session, joinedload

from app import clock, errors
from app.ids import new_id, new_token
from app.models.columns import JsonObject
from app.models.devices import Device
from app.models.merchants import LIVE, Merchant, Workspace
from app.models.staff import Staff, StaffSession
from app.rules import inputs, passwords
from app.rules.actors import STAFF_ROLES, Actor, Permission
from app.services import audit, common_passwords, locations, throttles
from app.services.throttles import Throttle

THEMES = ("system", "light", "dark")

FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 50
"""A shop's tills share one address, so it may fail more often than one account."""

# OWASP's second parameter set for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
# Checked when the address is unknown, so that the answer takes the same time.
_NOBODYS_HASH = _HASHER.hash(new_token())


@dataclass(frozen=True)
class SignIn:
    """A fresh sign-in; `token` goes to the browser and is kept nowhere else."""

    staff: Staff
    workspace: Workspace
    token: str


def create(
    session: Session,
    *,
    merchant_id: str,
    email: str,
    name: str,
    role: str,
    password: str,
    by: Actor,
) -> Staff:
    """Make a person of staff.

    Raises:
        InvalidParameter: a part is out of bounds, or the email is taken.
    """
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can add staff.")
    if role not in STAFF_ROLES:
        raise errors.InvalidParameter("role", f"A role is one of {', '.join(STAFF_ROLES)}.")
    email = inputs.checked_email(email)
    if find_by_email(session, email) is not None:
        raise errors.InvalidParameter("email", "Somebody already signs in with this email.")
    person = Staff(
        id=new_id("stf"),
        merchant_id=merchant_id,
        email=email,
        email_key=email.casefold(),
        name=inputs.checked_text(name, param="name", most=200, required=True),
        role=role,
        status="active",
        password_hash=hashed_password(
            session, password, merchant_id=merchant_id, email=email, name=name
        ),
        created_at=clock.now(),
    )
    session.add(person)
    session.flush()
    record(session, person, "staff.create", by)
    return person


def sign_in(
    session: Session,
    *,
    email: str,
    password: str,
    address: str,
    mode: str,
    hours: int,
    agent: str = "",
    device: Device | None = None,
) -> SignIn | None:
    """Check a password and open a session; None when the two do not fit.

    A wrong password is an answer and no exception, so that the throttle's count is committed.

    Args:
        address: the client's network address, for the throttle.
        hours: how long the session lives.
        agent: what the browser says of itself.
        device: the registered till, if the browser is one.

    Raises:
        RateLimited: too many failures; the password was not even looked at.
    """
    guessed = _throttles(email, address)
    throttles.check(session, guessed)
    person = find_by_email(session, email)
    if not password_fits(person, password):
        throttles.count_failure(session, guessed)
        if person is not None:
            record(session, person, "staff.sign_in_failed", _actor(person))
        return None
    assert person is not None  # noqa: S101 - a fitting password belongs to a person
    throttles.forget(session, guessed[0])
    if _HASHER.check_needs_rehash(person.password_hash):
        # Hashed with the parameters of an earlier version; only now is the password at hand.
        person.password_hash = hashed(password)
    return open_session(session, person, mode=mode, hours=hours, agent=agent, device=device)


def knows_password(session: Session, person: Staff, password: str, *, by: Actor) -> bool:
    """Say whether who is signed in knows the person's password; guesses are counted as at sign-in.

    A wrong one is no error but False, so that its failure is committed.

    Raises:
        RateLimited: too many failures; the password was not even looked at.
    """
    account = _throttles(person.email, "")[0]
    throttles.check(session, [account])
    if password_fits(person, password):
        throttles.forget(session, account)
        return True
    throttles.count_failure(session, [account])
    record(session, person, "staff.wrong_password", by)
    return False


def find_session(session: Session, *, token: str) -> StaffSession | None:
    """Give the live session of a browser's token with its person and merchant, or None."""
    found = session.scalar(
        select(StaffSession)
        .where(StaffSession.token_hash == token_hash(token))
        .options(
            joinedload(StaffSession.staff).joinedload(Staff.merchant),
            joinedload(StaffSession.device),
        )
    )
    if found is None or found.revoked_at is not None or found.expires_at <= clock.now():
        return None
    if found.device is not None and found.device.revoked_at is not None:
        return None
    return found if found.staff.status == "active" else None


def is_over(session: Session, *, token: str) -> bool:
    """Say whether a session's time is over and nobody has ended it yet."""
    ended = select(StaffSession.token_hash).where(*_over(token))
    return session.scalar(ended) is not None


def end_over(session: Session, *, token: str) -> None:
    """End a session whose time is over, so that a clock that steps back opens it no more."""
    session.execute(update(StaffSession).where(*_over(token)).values(revoked_at=clock.now()))


def _over(token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        StaffSession.token_hash == token_hash(token),
        StaffSession.revoked_at.is_(None),
        StaffSession.expires_at <= clock.now(),
    )


def sign_out(session: Session, *, token: str) -> None:
    """End a session: its token opens nothing from now on."""
    found = find_session(session, token=token)
    if found is None:
        return
    found.revoked_at = clock.now()
    record(session, found.staff, "staff.sign_out", _actor(found.staff))


def renew_token(session: Session, found: StaffSession) -> str:
    """Give a session another token; the one before opens nothing any more."""
    token = new_token()
    found.token_hash = token_hash(token)
    session.flush()
    return token


def revoke_sessions(session: Session, *, staff_id: str) -> None:
    """End all sessions of a person."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )


def switch_mode(session: Session, *, token: str, mode: str) -> None:
    """Move a session into the other workspace.

    Raises:
        PermissionDenied: it was opened by PIN, which is good where the till is.
    """
    found = find_session(session, token=token)
    if found is None:
        return
    if found.method == "pin" and found.mode != mode:
        raise errors.PermissionDenied(
            "A PIN is good where the till is. Sign in with your password to switch."
        )
    workspace = get_workspace(session, merchant_id=found.staff.merchant_id, mode=mode)
    found.mode = mode
    found.location_id = _location_id(session, workspace, found.staff, found.device)


def choose_location(session: Session, *, token: str, location_id: str) -> None:
    """Say at which shop this session works.

    Raises:
        NotFound: the person works in no such shop of the session's workspace.
        InvalidParameter: the session is on a till, which stands where it stands.
    """
    found = find_session(session, token=token)
    if found is None:
        return
    if found.device is not None:
        raise errors.InvalidParameter("location_id", "This till belongs to its shop.")
    workspace = get_workspace(session, merchant_id=found.staff.merchant_id, mode=found.mode)
    theirs = locations.list_of_person(session, workspace_id=workspace.id, staff_id=found.staff_id)
    if location_id not in {each.id for each in theirs}:
        raise errors.NotFound("There is no such shop here. Choose one from the list.")
    found.location_id = location_id
    if workspace.is_live:
        found.staff.live_location_id = location_id
    else:
        found.staff.sandbox_location_id = location_id


def save_preferences(
    session: Session, *, staff_id: str, theme: str, letter_keys: bool, sounds: bool = True
) -> None:
    """Keep how a person wants the pages.

    Raises:
        InvalidParameter: there is no such theme.
    """
    if theme not in THEMES:
        raise errors.InvalidParameter("theme", "Choose system, light or dark.")
    session.execute(
        update(Staff)
        .where(Staff.id == staff_id)
        .values(theme=theme, letter_keys=letter_keys, sounds=sounds)
    )


def get_workspace(session: Session, *, merchant_id: str, mode: str) -> Workspace:
    """Give a merchant's sandbox or live workspace.

    Raises:
        NotFound: `mode` is neither.
    """
    workspace = session.scalar(
        select(Workspace).where(Workspace.merchant_id == merchant_id, Workspace.mode == mode)
    )
    if workspace is None:
        raise errors.NotFound("There is no such workspace.")
    return workspace


def get_merchant(session: Session, *, merchant_id: str) -> Merchant:
    """Give a merchant.

    Raises:
        NotFound: no such merchant.
    """
    merchant = session.get(Merchant, merchant_id)
    if merchant is None:
        raise errors.NotFound("There is no such merchant.")
    return merchant


def open_session(
    session: Session,
    person: Staff,
    *,
    mode: str,
    hours: int,
    agent: str = "",
    method: str = "password",
    device: Device | None = None,
    has_second_factor: bool = False,
) -> SignIn:
    """Open a session for who has shown that they are this person.

    Args:
        method: how they showed it: `password`, `pin` or `passkey`.
        device: the registered till, if the browser is one; another merchant's is none of ours, and
            ours decides the mode.
        has_second_factor: whether they showed more than a password.
    """
    if device is not None and device.merchant_id != person.merchant_id:
        device = None
    mode = device.mode if device is not None else mode
    workspace = get_workspace(session, merchant_id=person.merchant_id, mode=mode)
    token, now = new_token(), clock.now()
    session.add(
        StaffSession(
            token_hash=token_hash(token),
            staff_id=person.id,
            mode=mode,
            location_id=_location_id(session, workspace, person, device),
            method=method,
            device_id=device.id if device is not None else None,
            agent=agent[:200],
            created_at=now,
            expires_at=now + timedelta(hours=hours),
            second_factor_at=now if has_second_factor else None,
        )
    )
    record(session, person, "staff.sign_in", _actor(person, device), after={"method": method})
    return SignIn(person, workspace, token)


def _location_id(
    session: Session, workspace: Workspace, person: Staff, device: Device | None
) -> str | None:
    """Give where a person works: where the till stands, else where they chose to the last time.

    Who has not chosen begins in the first of their shops.
    """
    if device is not None and device.mode == workspace.mode:
        return device.location_id
    theirs = locations.list_of_person(session, workspace_id=workspace.id, staff_id=person.id)
    chosen = person.live_location_id if workspace.is_live else person.sandbox_location_id
    known = [each.id for each in theirs]
    return chosen if chosen in known else next(iter(known), None)


def _actor(person: Staff, device: Device | None = None) -> Actor:
    return Actor(
        kind="staff",
        id=person.id,
        role=person.role,
        location_id=device.location_id if device is not None else None,
        device_id=device.id if device is not None else None,
    )


def record(
    session: Session,
    person: Staff,
    act: str,
    by: Actor,
    *,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> None:
    """Write an act on a person of staff down, in their merchant's live workspace."""
    workspace = get_workspace(session, merchant_id=person.merchant_id, mode=LIVE)
    audit.record(
        session,
        workspace_id=workspace.id,
        act=act,
        by=by,
        subject_id=person.id,
        before=before,
        after=after,
    )


def is_recorded(session: Session, person: Staff, act: str, *, before: JsonObject) -> bool:
    """Return whether an act on a person of staff was written down with that state before it."""
    workspace = get_workspace(session, merchant_id=person.merchant_id, mode=LIVE)
    return audit.is_recorded(
        session, workspace_id=workspace.id, act=act, subject_id=person.id, before=before
    )


def find_by_email(session: Session, email: str) -> Staff | None:
    """Give who signs in with an email, or None."""
    return session.scalar(select(Staff).where(Staff.email_key == email.strip().casefold()))


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
    shop = get_merchant(session, merchant_id=merchant_id).name
    personal = [email, *email.split("@"), *name.split(), *shop.split(), "".join(shop.split())]
    passwords.check(password, common=common_passwords.known(), personal=personal)
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


def token_hash(token: str) -> str:
    """Give what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _throttles(email: str, address: str) -> list[Throttle]:
    """Give the account's and the address's throttle, in that order."""
    return [
        Throttle("account", email.strip().casefold(), FAILURES_PER_ACCOUNT),
        Throttle("address", address, FAILURES_PER_ADDRESS),
    ]


def remove_dead_sessions(session: Session) -> None:
    """Delete sessions and throttles whose time is over."""
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= clock.now()))
    throttles.remove_old(session)

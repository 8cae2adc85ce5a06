"""Sign-ins of staff: passwords checked under a throttle, and the sessions that they open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session, joinedload

from app import clock, errors
from app.ids import new_token, token_hash
from app.models.devices import Device
from app.models.merchants import Workspace
from app.models.staff import Staff, StaffSession
from app.rules.actors import Actor
from app.services import locations, workspaces
from app.services.staff import passwords, recording, throttles
from app.services.staff.throttles import Throttle

FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 50
"""A shop's tills share one address, so it may fail more often than one account."""


@dataclass(frozen=True)
class SignIn:
    """A fresh sign-in; `token` goes to the browser and is kept nowhere else."""

    staff: Staff
    workspace: Workspace
    token: str


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
    if not passwords.password_fits(person, password):
        throttles.count_failure(session, guessed)
        if person is not None:
            recording.record(session, person, "staff.sign_in_failed", _actor(person))
        return None
    assert person is not None  # noqa: S101 - a fitting password belongs to a person
    throttles.forget(session, guessed[0])
    if passwords.needs_rehash(person.password_hash):
        # Hashed with the parameters of an earlier version; only now is the password at hand.
        person.password_hash = passwords.hashed(password)
    return open_session(session, person, mode=mode, hours=hours, agent=agent, device=device)


def knows_password(session: Session, person: Staff, password: str, *, by: Actor) -> bool:
    """Say whether who is signed in knows the person's password; guesses are counted as at sign-in.

    A wrong one is no error but False, so that its failure is committed.

    Raises:
        RateLimited: too many failures; the password was not even looked at.
    """
    account = _throttles(person.email, "")[0]
    throttles.check(session, [account])
    if passwords.password_fits(person, password):
        throttles.forget(session, account)
        return True
    throttles.count_failure(session, [account])
    recording.record(session, person, "staff.wrong_password", by)
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
    recording.record(session, found.staff, "staff.sign_out", _actor(found.staff))


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
    workspace = workspaces.get_workspace(session, merchant_id=found.staff.merchant_id, mode=mode)
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
    workspace = workspaces.get_workspace(
        session, merchant_id=found.staff.merchant_id, mode=found.mode
    )
    theirs = locations.list_of_person(session, workspace_id=workspace.id, staff_id=found.staff_id)
    if location_id not in {each.id for each in theirs}:
        raise errors.NotFound("There is no such shop here. Choose one from the list.")
    found.location_id = location_id
    if workspace.is_live:
        found.staff.live_location_id = location_id
    else:
        found.staff.sandbox_location_id = location_id


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
    workspace = workspaces.get_workspace(session, merchant_id=person.merchant_id, mode=mode)
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
    recording.record(
        session, person, "staff.sign_in", _actor(person, device), after={"method": method}
    )
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


def find_by_email(session: Session, email: str) -> Staff | None:
    """Give who signs in with an email, or None."""
    return session.scalar(select(Staff).where(Staff.email_key == email.strip().casefold()))


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

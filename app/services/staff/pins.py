"""PINs: six digits that sign in on a registered till, and approve what a colleague does.

A PIN is worth nothing without the till or a signed-in colleague, and guesses are throttled per
person and per till.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app import errors
from app.models.devices import Device
from app.models.second_factors import Passkey
from app.models.staff import Staff
from app.rules import pins as rules
from app.rules.actors import Actor, Approval
from app.services import locations, workspaces
from app.services.staff import passwords, recording, sign_ins, throttles
from app.services.staff.allowances import APPROVER_ROLES
from app.services.staff.sign_ins import SignIn
from app.services.staff.throttles import Throttle

FAILURES_PER_PERSON = 5
"""Of a million PINs one is right: five guesses in 15 minutes find it in six years, or in three."""
FAILURES_PER_DEVICE = 20
"""Several people mistype at a till, so it may fail more often than one of them."""


def set_own(session: Session, *, staff_id: str, password: str, pin: str, by: Actor) -> bool:
    """Take a PIN, or another one; False for a wrong password, so that the failure is committed.

    Raises:
        InvalidParameter: the PIN may not be used.
        RateLimited: too many wrong passwords.
    """
    rules.check(pin)
    person = _lock(session, staff_id)
    if not sign_ins.knows_password(session, person, password, by=by):
        return False
    person.pin_hash = passwords.hashed(pin)
    recording.record(session, person, "staff.set_pin", by)
    return True


def list_people(session: Session, *, device: Device) -> Sequence[Staff]:
    """List who can sign in on a till by PIN: active, with a PIN, and at work in its shop."""
    people = session.scalars(
        select(Staff)
        .where(
            Staff.merchant_id == device.merchant_id,
            Staff.status == "active",
            Staff.pin_hash.is_not(None),
            Staff.role != "viewer",
        )
        .order_by(Staff.name, Staff.id)
    ).all()
    workspace = workspaces.get_workspace(session, merchant_id=device.merchant_id, mode=device.mode)
    bound = locations.list_bound(session, workspace_id=workspace.id)
    return [
        person
        for person in people
        if person.id not in bound or device.location_id in bound[person.id]
    ]


def sign_in(
    session: Session,
    *,
    device: Device,
    staff_id: str,
    pin: str,
    hours: int,
    agent: str = "",
    instead_of: str | None = None,
) -> SignIn | None:
    """Sign a person in on a till; None for a wrong PIN, so that the failure is committed.

    Args:
        instead_of: the token of whoever is signed in there still; their sign-in ends.

    Raises:
        NotFound: nobody of that id can sign in here.
        RateLimited: too many wrong PINs, of this person or on this till.
    """
    known = {person.id: person for person in list_people(session, device=device)}
    person = known.get(staff_id)
    if person is None:
        raise errors.NotFound("There is no such person at this till. Choose from the list.")
    guessed = [_throttle(staff_id), Throttle("pin device", device.id, FAILURES_PER_DEVICE)]
    here = Actor(
        kind="staff",
        id=person.id,
        role=person.role,
        location_id=device.location_id,
        device_id=device.id,
    )
    if not _fits(session, person, pin, guessed, by=here):
        return None
    if instead_of is not None:
        sign_ins.sign_out(session, token=instead_of)
    return sign_ins.open_session(
        session,
        person,
        mode=device.mode,
        hours=hours,
        agent=agent,
        method="pin",
        device=device,
        # The till that one has, and the PIN that one knows.
        has_second_factor=True,
    )


def list_approvers(session: Session, *, merchant_id: str, by: Actor) -> Sequence[Staff]:
    """List who can approve what a colleague does, by PIN or passkey."""
    return session.scalars(
        select(Staff)
        .where(
            Staff.merchant_id == merchant_id,
            Staff.status == "active",
            Staff.role.in_(APPROVER_ROLES),
            or_(Staff.pin_hash.is_not(None), exists().where(Passkey.staff_id == Staff.id)),
            Staff.id != by.id,
        )
        .order_by(Staff.name, Staff.id)
    ).all()


def approve(
    session: Session, *, merchant_id: str, approver_id: str, pin: str, by: Actor
) -> Approval | None:
    """Check a manager's PIN for one act of a colleague; None for a wrong one.

    Raises:
        NotFound: nobody of that id can approve it.
        RateLimited: too many wrong PINs of this manager.
    """
    known = {
        person.id: person for person in list_approvers(session, merchant_id=merchant_id, by=by)
    }
    approver = known.get(approver_id)
    if approver is None:
        raise errors.NotFound("Choose who approves it.")
    if not _fits(session, approver, pin, [_throttle(approver_id)], by=by):
        return None
    return Approval(approver_id)


def _fits(
    session: Session, person: Staff, pin: str, guessed: Sequence[Throttle], *, by: Actor
) -> bool:
    # One guess at a time, so that a crowd of them cannot pass the throttle together.
    person = _lock(session, person.id)
    throttles.check(session, guessed)
    if passwords.hash_fits(person.pin_hash, pin):
        throttles.forget(session, guessed[0])
        return True
    throttles.count_failure(session, guessed)
    # Under the name of who was signed in, if somebody was: they may be the one who guesses.
    recording.record(session, person, "staff.pin_failed", by)
    return False


def _throttle(staff_id: str) -> Throttle:
    return Throttle("pin", staff_id, FAILURES_PER_PERSON)


def _lock(session: Session, staff_id: str) -> Staff:
    return session.scalars(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()

"""The people behind the counter: inviting, roles, switching off, passwords, their sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app import clock, errors, ids
from app.ids import new_id, new_token
from app.models.staff import Staff, StaffInvite, StaffSession
from app.rules import inputs
from app.rules.actors import STAFF_ROLES, Actor, Permission
from app.services import locations
from app.services.staff import allowances, passwords, recording, second_factors, sign_ins
from app.services.staff.allowances import Limits
from app.services.staff.sign_ins import SignIn

INVITE_HOURS = 72

THEMES = ("system", "light", "dark")


@dataclass(frozen=True)
class Invited:
    """An invitation, and the token of its link, which is shown this once; "" after that."""

    invite: StaffInvite
    token: str


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """A person of staff, and how many sign-ins of theirs are live."""

    person: Staff
    session_count: int


def list_people(session: Session, *, merchant_id: str) -> Sequence[Colleague]:
    """List a merchant's staff with their live sign-ins, who is active first."""
    live = (
        select(StaffSession.staff_id, func.count().label("count"))
        .where(StaffSession.revoked_at.is_(None), StaffSession.expires_at > clock.now())
        .group_by(StaffSession.staff_id)
        .subquery()
    )
    rows = session.execute(
        select(Staff, func.coalesce(live.c.count, 0))
        .outerjoin(live, live.c.staff_id == Staff.id)
        .where(Staff.merchant_id == merchant_id)
        .order_by(Staff.status, Staff.name, Staff.id)
    )
    return [Colleague(person=person, session_count=count) for person, count in rows]


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
    """Create a person of staff.

    Raises:
        InvalidParameter: a part is out of bounds, or the email is taken.
    """
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can add staff.")
    if role not in STAFF_ROLES:
        raise errors.InvalidParameter("role", f"A role is one of {', '.join(STAFF_ROLES)}.")
    email = inputs.checked_email(email)
    if sign_ins.find_by_email(session, email) is not None:
        raise errors.InvalidParameter("email", "Somebody already signs in with this email.")
    person = Staff(
        id=new_id("stf"),
        merchant_id=merchant_id,
        email=email,
        email_key=email.casefold(),
        name=inputs.checked_text(name, param="name", most=200, required=True),
        role=role,
        status="active",
        password_hash=passwords.hashed_password(
            session, password, merchant_id=merchant_id, email=email, name=name
        ),
        created_at=clock.now(),
    )
    session.add(person)
    session.flush()
    recording.record(session, person, "staff.create", by)
    return person


def get_person(session: Session, *, merchant_id: str, staff_id: str) -> Staff:
    """Give one person of a merchant's staff.

    Raises:
        NotFound: no such person here.
    """
    person = session.scalar(
        select(Staff)
        .where(Staff.id == staff_id, Staff.merchant_id == merchant_id)
        .execution_options(populate_existing=True)
    )
    if person is None:
        raise errors.NotFound("There is no such person here.")
    return person


def invite(
    session: Session,
    *,
    merchant_id: str,
    email: str,
    name: str,
    role: str,
    by: Actor,
) -> Invited:
    """Invite a person by a link that works once, for `INVITE_HOURS`.

    Args:
        workspace_id: where the form's one-time key is kept.

    Raises:
        InvalidParameter, MissingParameter: a part is out of bounds, or the email is taken.
        PermissionDenied: only an owner may.
    """
    _check_may(by)
    if role not in STAFF_ROLES:
        raise errors.InvalidParameter("role", f"A role is one of {', '.join(STAFF_ROLES)}.")
    email = inputs.checked_email(email)
    name = inputs.checked_text(name, param="name", most=200, required=True)
    if sign_ins.find_by_email(session, email) is not None:
        raise errors.InvalidParameter("email", "Somebody already signs in with this email.")
    invite_id, token = new_id("inv"), new_token()
    assert by.id is not None  # noqa: S101 - people invite, not programs
    made = StaffInvite(
        id=invite_id,
        merchant_id=merchant_id,
        email=email,
        name=name,
        role=role,
        token_hash=ids.token_hash(token),
        invited_by=by.id,
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=INVITE_HOURS),
    )
    session.add(made)
    session.flush()
    inviter = get_person(session, merchant_id=merchant_id, staff_id=by.id)
    recording.record(
        session, inviter, "staff.invite", by, after={"invite": invite_id, "role": role}
    )
    return Invited(made, token)


def list_invites(session: Session, *, merchant_id: str) -> Sequence[StaffInvite]:
    """List the invitations that can still be taken, the newest first."""
    return session.scalars(
        select(StaffInvite)
        .where(StaffInvite.merchant_id == merchant_id, *_is_open())
        .order_by(StaffInvite.id.desc())
    ).all()


def revoke_invite(session: Session, *, merchant_id: str, invite_id: str, by: Actor) -> StaffInvite:
    """Let an invitation's link open nothing any more. One that was taken stays as it is."""
    _check_may(by)
    found = get_invite(session, merchant_id=merchant_id, invite_id=invite_id, is_locked=True)
    if found.revoked_at is None and found.used_at is None:
        found.revoked_at = clock.now()
        person = get_person(session, merchant_id=merchant_id, staff_id=found.invited_by)
        recording.record(session, person, "staff.revoke_invite", by, after={"invite": invite_id})
    return found


def _revoke_invites_of(session: Session, inviter: Staff, by: Actor) -> None:
    """Let nobody come in any more whom somebody invited who is owner no longer."""
    for found in list_invites(session, merchant_id=inviter.merchant_id):
        if found.invited_by == inviter.id:
            revoke_invite(session, merchant_id=inviter.merchant_id, invite_id=found.id, by=by)


def find_invite(session: Session, *, token: str) -> StaffInvite | None:
    """Give the invitation of a link that can still be taken, or None."""
    return session.scalar(
        select(StaffInvite).where(StaffInvite.token_hash == ids.token_hash(token), *_is_open())
    )


def accept(
    session: Session, *, token: str, password: str, mode: str, hours: int, agent: str = ""
) -> SignIn:
    """Take an invitation: make the person with their own password, and sign them in.

    Raises:
        NotFound: the link was used, revoked, or is too old.
        InvalidParameter: the password may not be used, or the email was taken meanwhile.
    """
    found = session.scalar(
        select(StaffInvite)
        .where(StaffInvite.token_hash == ids.token_hash(token), *_is_open())
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    inviter = session.get(Staff, found.invited_by) if found is not None else None
    # Whoever asked for it while they lost their role has nobody come in.
    if found is None or inviter is None or (inviter.role, inviter.status) != ("owner", "active"):
        raise errors.NotFound(
            "This invitation was used or is over. Ask whoever invited you for another one."
        )
    person = create(
        session,
        merchant_id=found.merchant_id,
        email=found.email,
        name=found.name,
        role=found.role,
        password=password,
        # Who invited answers for it.
        by=Actor(kind="staff", id=found.invited_by, role="owner"),
    )
    found.used_at = clock.now()
    return sign_ins.open_session(session, person, mode=mode, hours=hours, agent=agent)


def change_role(
    session: Session, *, merchant_id: str, staff_id: str, role: str, by: Actor
) -> Staff:
    """Give a person another role; it holds from their next click.

    Raises:
        InvalidParameter: no such role, or nobody would be left who is owner.
        NotFound, PermissionDenied: as they say.
    """
    _check_may(by)
    if role not in STAFF_ROLES:
        raise errors.InvalidParameter("role", f"A role is one of {', '.join(STAFF_ROLES)}.")
    person = _lock_person(session, merchant_id, staff_id)
    if person.role == role:
        return person
    if person.role == "owner":
        _check_owner_left(session, person, param="role")
        _revoke_invites_of(session, person, by)
    before, person.role = person.role, role
    recording.record(
        session, person, "staff.change_role", by, before={"role": before}, after={"role": role}
    )
    return person


def edit(
    session: Session,
    *,
    merchant_id: str,
    workspace_id: str,
    staff_id: str,
    role: str,
    location_ids: Sequence[str],
    limits: Limits | None,
    by: Actor,
) -> None:
    """Say what a person may do, in which shops of a workspace, and how much they may give by hand.

    Args:
        location_ids: none of them means every shop.
        limits: their own, or None: as their role.

    Raises:
        InvalidParameter, NotFound, PermissionDenied: as `change_role`, `locations.bind` and
            `allowances.set_for` say.
    """
    change_role(session, merchant_id=merchant_id, staff_id=staff_id, role=role, by=by)
    locations.bind(
        session,
        workspace_id=workspace_id,
        merchant_id=merchant_id,
        staff_id=staff_id,
        location_ids=location_ids,
        by=by,
    )
    allowances.set_for(session, merchant_id=merchant_id, holder=staff_id, limits=limits, by=by)


def disable(session: Session, *, merchant_id: str, staff_id: str, by: Actor) -> Staff:
    """Let a person in no more; their sign-ins end with their next click."""
    _check_may(by)
    person = _lock_person(session, merchant_id, staff_id)
    if person.status == "disabled":
        return person
    if person.id == by.id:
        raise errors.InvalidParameter(
            "status", "You cannot switch yourself off. Ask another owner."
        )
    if person.role == "owner":
        _check_owner_left(session, person, param="status")
        _revoke_invites_of(session, person, by)
    person.status = "disabled"
    sign_ins.revoke_sessions(session, staff_id=staff_id)
    recording.record(session, person, "staff.disable", by)
    return person


def enable(session: Session, *, merchant_id: str, staff_id: str, by: Actor) -> Staff:
    """Let a person sign in again."""
    _check_may(by)
    person = _lock_person(session, merchant_id, staff_id)
    if person.status != "active":
        person.status = "active"
        recording.record(session, person, "staff.enable", by)
    return person


def change_password(
    session: Session, *, staff_id: str, current: str, password: str, keep_token: str, by: Actor
) -> bool:
    """Take another password, and end all other sign-ins of the person.

    Returns:
        False for a wrong current password, so that the failure is committed.

    Raises:
        InvalidParameter: the new one may not be used.
        RateLimited: too many wrong passwords.
    """
    person = session.scalars(select(Staff).where(Staff.id == staff_id).with_for_update()).one()
    if not sign_ins.knows_password(session, person, current, by=by):
        return False
    passwords.set_password(session, person, password)
    _revoke_others(session, staff_id, keep_token)
    recording.record(session, person, "staff.change_password", by)
    return True


def confirm(session: Session, *, staff_id: str, password: str, by: Actor) -> bool:
    """Say whether who is signed in still is this person: they know the password.

    A wrong one is no error but False, so that its failure is committed.

    Raises:
        RateLimited: too many wrong passwords.
    """
    person = session.scalars(select(Staff).where(Staff.id == staff_id).with_for_update()).one()
    return sign_ins.knows_password(session, person, password, by=by)


def rename(session: Session, *, staff_id: str, name: str, by: Actor) -> Staff:
    """Let a person be called otherwise, also in what they did before.

    Raises:
        InvalidParameter, MissingParameter: the name is out of bounds.
    """
    person = session.scalars(select(Staff).where(Staff.id == staff_id).with_for_update()).one()
    before = person.name
    person.name = inputs.checked_text(name, param="name", most=200, required=True)
    if person.name != before:
        recording.record(
            session,
            person,
            "staff.rename",
            by,
            before={"name": before},
            after={"name": person.name},
        )
    return person


def recover(
    session: Session, *, email: str, password: str, by: Actor, keeps_second_factor: bool = True
) -> Staff:
    """Let in again who is locked out: another password, no sign-in left.

    Only the command line calls this: whoever reaches it holds the database anyway.

    Raises:
        NotFound: nobody signs in with this email.
        InvalidParameter: the password may not be used.
    """
    person = sign_ins.find_by_email(session, email)
    if person is None:
        raise errors.NotFound("Nobody signs in with this email.")
    passwords.set_password(session, person, password)
    if keeps_second_factor:
        sign_ins.revoke_sessions(session, staff_id=person.id)
    else:
        second_factors.take_away(session, person)
    kept = {"second_factor": person.has_second_factor}
    recording.record(session, person, "staff.recover", by, after=kept)
    return person


def list_sessions(session: Session, *, staff_id: str) -> Sequence[StaffSession]:
    """List a person's live sign-ins, the newest first."""
    return session.scalars(
        select(StaffSession)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.revoked_at.is_(None),
            StaffSession.expires_at > clock.now(),
        )
        .order_by(StaffSession.created_at.desc())
    ).all()


def revoke_session(session: Session, *, staff_id: str, token_hash: str, by: Actor) -> bool:
    """End one of a person's sign-ins, and return whether it had not ended before.

    Raises:
        NotFound: the person has no such sign-in.
    """
    ended = session.execute(
        update(StaffSession)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.token_hash == token_hash,
            StaffSession.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
        .returning(StaffSession.token_hash)
    ).first()
    if ended is None:
        _check_has_session(session, staff_id, token_hash)
        return False
    person = session.scalars(select(Staff).where(Staff.id == staff_id)).one()
    recording.record(session, person, "staff.revoke_session", by)
    return True


def _check_has_session(session: Session, staff_id: str, token_hash: str) -> None:
    known = select(StaffSession.token_hash).where(
        StaffSession.staff_id == staff_id, StaffSession.token_hash == token_hash
    )
    if session.scalar(known) is None:
        raise errors.NotFound("There is no such sign-in of yours.")


def revoke_other_sessions(session: Session, *, staff_id: str, keep_token: str, by: Actor) -> int:
    """End all sign-ins of a person but one, and say how many these were."""
    ended = _revoke_others(session, staff_id, keep_token)
    person = session.scalars(select(Staff).where(Staff.id == staff_id)).one()
    if ended:
        recording.record(session, person, "staff.revoke_other_sessions", by, after={"count": ended})
    return ended


def _revoke_others(session: Session, staff_id: str, keep_token: str) -> int:
    ended = session.execute(
        update(StaffSession)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.revoked_at.is_(None),
            StaffSession.expires_at > clock.now(),
            StaffSession.token_hash != ids.token_hash(keep_token),
        )
        .values(revoked_at=clock.now())
        .returning(StaffSession.token_hash)
    ).all()
    return len(ended)


def _is_open() -> tuple[ColumnElement[bool], ...]:
    return (
        StaffInvite.used_at.is_(None),
        StaffInvite.revoked_at.is_(None),
        StaffInvite.expires_at > clock.now(),
    )


def get_invite(
    session: Session, *, merchant_id: str, invite_id: str, is_locked: bool = False
) -> StaffInvite:
    """Return an invitation.

    Raises:
        NotFound: the merchant has no such invitation.
    """
    statement = select(StaffInvite).where(
        StaffInvite.id == invite_id, StaffInvite.merchant_id == merchant_id
    )
    if is_locked:
        # Whoever takes it at this moment is in, or finds it revoked.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise errors.NotFound("There is no such invitation here.")
    return found


def _lock_person(session: Session, merchant_id: str, staff_id: str) -> Staff:
    get_person(session, merchant_id=merchant_id, staff_id=staff_id)
    # All owners together, so that two who demote each other at once leave one.
    locked = session.scalars(
        select(Staff)
        .where(Staff.merchant_id == merchant_id, (Staff.role == "owner") | (Staff.id == staff_id))
        .order_by(Staff.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return next(each for each in locked if each.id == staff_id)


def _check_owner_left(session: Session, person: Staff, *, param: str) -> None:
    others = select(Staff.id).where(
        Staff.merchant_id == person.merchant_id,
        Staff.role == "owner",
        Staff.status == "active",
        Staff.id != person.id,
    )
    if session.scalar(others.limit(1)) is None:
        raise errors.InvalidParameter(param, "One owner must stay. Make somebody else owner first.")


def _check_may(by: Actor) -> None:
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can change staff.")


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

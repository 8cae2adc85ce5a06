"""The shops of a merchant, and who works in which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id
from app.models.devices import Device
from app.models.programs import Location
from app.models.staff import Staff, StaffLocation, StaffSession
from app.rules import inputs
from app.rules.actors import Actor, Permission
from app.services.audit import trail


def add(session: Session, *, workspace_id: str, name: str, by: Actor) -> Location:
    """Add a shop.

    Raises:
        InvalidParameter, MissingParameter: the name is out of bounds, or another shop has it.
        PermissionDenied: the role may not.
    """
    _check_may(by)
    location = Location(
        workspace_id=workspace_id,
        id=new_id("lct"),
        name=_free_name(session, workspace_id, name),
        created_at=clock.now(),
    )
    session.add(location)
    _record(session, location, "locations.add", by, after={"name": location.name})
    return location


def rename(
    session: Session, *, workspace_id: str, location_id: str, name: str, by: Actor
) -> Location:
    """Give a shop another name; it holds for what happened there before, too."""
    _check_may(by)
    location = _lock(session, workspace_id, location_id)
    before = location.name
    if name.strip() != before:
        location.name = _free_name(session, workspace_id, name)
        _record(
            session,
            location,
            "locations.rename",
            by,
            before={"name": before},
            after={"name": location.name},
        )
    return location


def close(session: Session, *, workspace_id: str, location_id: str, by: Actor) -> Location:
    """Let nobody work in a shop any more; what happened there stays.

    Its tills are none any more, so who is signed in there is out.
    """
    _check_may(by)
    location = _lock(session, workspace_id, location_id)
    if location.closed_at is None:
        location.closed_at = clock.now()
        session.execute(
            update(Device)
            .where(Device.location_id == location_id, Device.revoked_at.is_(None))
            .values(revoked_at=clock.now())
        )
        session.execute(
            update(StaffSession)
            .where(StaffSession.location_id == location_id)
            .values(location_id=None)
        )
        _record(session, location, "locations.close", by)
    return location


def reopen(session: Session, *, workspace_id: str, location_id: str, by: Actor) -> Location:
    """Open a closed shop again."""
    _check_may(by)
    location = _lock(session, workspace_id, location_id)
    if location.closed_at is not None:
        location.closed_at = None
        _record(session, location, "locations.reopen", by)
    return location


def get(session: Session, *, workspace_id: str, location_id: str) -> Location:
    """Give one shop.

    Raises:
        NotFound: there is none of that id in the workspace.
    """
    location = session.scalar(
        select(Location).where(Location.workspace_id == workspace_id, Location.id == location_id)
    )
    if location is None:
        raise errors.NotFound("There is no such shop here. Choose one from the list.")
    return location


def list_all(session: Session, *, workspace_id: str) -> Sequence[Location]:
    """List the workspace's shops by name, the closed ones last."""
    return session.scalars(
        select(Location)
        .where(Location.workspace_id == workspace_id)
        .order_by(Location.closed_at.is_not(None), Location.name, Location.id)
    ).all()


def list_of_person(session: Session, *, workspace_id: str, staff_id: str) -> Sequence[Location]:
    """List the open shops in which a person works, by name."""
    # Who is bound to no shop of this workspace works in all of them.
    bound = (
        StaffLocation.workspace_id == workspace_id,
        StaffLocation.staff_id == staff_id,
    )
    return session.scalars(
        select(Location)
        .where(
            Location.workspace_id == workspace_id,
            Location.closed_at.is_(None),
            or_(
                ~exists().where(*bound),
                exists().where(*bound, StaffLocation.location_id == Location.id),
            ),
        )
        .order_by(Location.name, Location.id)
    ).all()


def list_bound(session: Session, *, workspace_id: str) -> Mapping[str, frozenset[str]]:
    """Give the ids of the shops that each person is bound to; who is bound to none is not there."""
    found: dict[str, set[str]] = {}
    for staff_id, location_id in session.execute(
        select(StaffLocation.staff_id, StaffLocation.location_id).where(
            StaffLocation.workspace_id == workspace_id
        )
    ):
        found.setdefault(staff_id, set()).add(location_id)
    return {staff_id: frozenset(ids) for staff_id, ids in found.items()}


def bind(
    session: Session,
    *,
    workspace_id: str,
    merchant_id: str,
    staff_id: str,
    location_ids: Sequence[str],
    by: Actor,
) -> None:
    """Say in which shops a person works; none of them means in all.

    Raises:
        NotFound: no such person or shop here.
        PermissionDenied: not an owner.
    """
    if not by.may(Permission.MANAGE_STAFF):
        raise errors.PermissionDenied("Only an owner can change staff.")
    # The person's row is held, so that two who bind at once end in one of the two answers.
    person = session.scalar(
        select(Staff.id)
        .where(Staff.id == staff_id, Staff.merchant_id == merchant_id)
        .with_for_update(key_share=True)
    )
    if person is None:
        raise errors.NotFound("There is no such person here.")
    wanted = set(location_ids)
    for location_id in sorted(wanted):
        get(session, workspace_id=workspace_id, location_id=location_id)
    before = list_bound(session, workspace_id=workspace_id).get(staff_id, frozenset())
    if wanted == before:
        return
    session.execute(
        delete(StaffLocation).where(
            StaffLocation.workspace_id == workspace_id, StaffLocation.staff_id == staff_id
        )
    )
    if wanted:
        session.execute(
            insert(StaffLocation),
            [
                {"workspace_id": workspace_id, "staff_id": staff_id, "location_id": each}
                for each in sorted(wanted)
            ],
        )
    trail.record(
        session,
        workspace_id=workspace_id,
        act="staff.bind",
        by=by,
        subject_id=staff_id,
        before={"locations": sorted(before)},
        after={"locations": sorted(wanted)},
    )


def _free_name(session: Session, workspace_id: str, name: str) -> str:
    name = inputs.checked_text(name, param="name", most=200, required=True)
    taken = session.scalar(
        select(Location.id).where(Location.workspace_id == workspace_id, Location.name == name)
    )
    if taken is not None:
        raise errors.InvalidParameter("name", "Another shop has this name. Take a different one.")
    return name


def _lock(session: Session, workspace_id: str, location_id: str) -> Location:
    get(session, workspace_id=workspace_id, location_id=location_id)
    return session.scalars(
        select(Location)
        .where(Location.workspace_id == workspace_id, Location.id == location_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _record(  # noqa: PLR0917 - one act, told once
    session: Session,
    location: Location,
    act: str,
    by: Actor,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    trail.record(
        session,
        workspace_id=location.workspace_id,
        act=act,
        by=by,
        subject_id=location.id,
        before=dict(before) if before else None,
        after=dict(after) if after else None,
    )


def _check_may(by: Actor) -> None:
    if not by.may(Permission.MANAGE_LOCATIONS):
        raise errors.PermissionDenied("A manager has to change shops and tills. Ask one.")

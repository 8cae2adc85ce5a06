"""Registered devices: the tills on which staff sign in by PIN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app import clock, errors, ids
from app.ids import new_id, new_token
from app.models.devices import Device
from app.models.merchants import Workspace
from app.models.programs import Location
from app.models.staff import StaffSession
from app.rules import inputs
from app.rules.actors import Actor, Permission
from app.services import locations, workspaces
from app.services.audit import trail

IDLE_MINUTES = 5
IDLE_MINUTES_MAX = 120


@dataclass(frozen=True)
class Registered:
    """A till, and its token, which goes into the browser's cookie and is kept nowhere else."""

    device: Device
    token: str


@dataclass(frozen=True)
class FoundTill:
    """A till, and the shop in which it stands."""

    device: Device
    location: Location


def register(
    session: Session,
    *,
    workspace: Workspace,
    location_id: str,
    name: str,
    idle_minutes: int,
    session_token: str,
    by: Actor,
) -> Registered:
    """Register the browser that asks as a till of a shop.

    Args:
        session_token: the sign-in that asks; it is on the till from now on.

    Raises:
        InvalidParameter, MissingParameter: a part is out of bounds.
        NotFound: there is no such shop here.
        PermissionDenied: the role may not.
    """
    _check_may(by)
    location = _get_open_shop(session, workspace, location_id)
    token, device_id = new_token(), new_id("dev")
    name, idle_minutes = _checked_name(name), _checked_minutes(idle_minutes)
    device = Device(
        id=device_id,
        merchant_id=workspace.merchant_id,
        mode=workspace.mode,
        location_id=location.id,
        name=name,
        token_hash=ids.token_hash(token),
        idle_minutes=idle_minutes,
        registered_by=by.id or "",
        created_at=clock.now(),
    )
    session.add(device)
    session.flush()
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == ids.token_hash(session_token))
        .values(device_id=device.id, location_id=location.id)
    )
    _record(session, workspace, device, "devices.register", by)
    return Registered(device, token)


def replace_token(
    session: Session, *, workspace: Workspace, device_id: str, by: Actor
) -> Registered:
    """Replace the token of a till whose registration was sent again; the last one counts.

    Raises:
        InvalidParameter: its shop was closed meanwhile.
        NotFound: there is no such till here.
        PermissionDenied: the role may not.
    """
    _check_may(by)
    device, token = get(session, workspace=workspace, device_id=device_id), new_token()
    _get_open_shop(session, workspace, device.location_id)
    device.token_hash = ids.token_hash(token)
    return Registered(device, token)


def _get_open_shop(session: Session, workspace: Workspace, location_id: str) -> Location:
    location = locations.get(session, workspace_id=workspace.id, location_id=location_id)
    if location.closed_at is not None:
        raise errors.InvalidParameter("location_id", "This shop is closed. Choose an open one.")
    return location


def edit(
    session: Session,
    *,
    workspace: Workspace,
    device_id: str,
    name: str,
    idle_minutes: int,
    by: Actor,
) -> Device:
    """Give a till another name or another time after which it locks."""
    _check_may(by)
    device = _lock(session, workspace, device_id)
    device.name = _checked_name(name)
    device.idle_minutes = _checked_minutes(idle_minutes)
    _record(session, workspace, device, "devices.edit", by)
    return device


def revoke(session: Session, *, workspace: Workspace, device_id: str, by: Actor) -> Device:
    """Let a till be one no more: its sign-ins end with the next click, and PINs open nothing."""
    _check_may(by)
    device = _lock(session, workspace, device_id)
    if device.revoked_at is None:
        device.revoked_at = clock.now()
        _record(session, workspace, device, "devices.revoke", by)
    return device


def find(session: Session, *, token: str) -> FoundTill | None:
    """Give the till of a browser's token with its shop, or None."""
    device = session.scalar(
        select(Device).where(
            Device.token_hash == ids.token_hash(token), Device.revoked_at.is_(None)
        )
    )
    if device is None:
        return None
    workspace = workspaces.get_workspace(session, merchant_id=device.merchant_id, mode=device.mode)
    return FoundTill(
        device,
        locations.get(session, workspace_id=workspace.id, location_id=device.location_id),
    )


def get(session: Session, *, workspace: Workspace, device_id: str) -> Device:
    """Give one till.

    Raises:
        NotFound: there is none of that id in the workspace.
    """
    device = session.scalar(_of(workspace).where(Device.id == device_id))
    if device is None:
        raise errors.NotFound("There is no such till here.")
    return device


def list_all(session: Session, *, workspace: Workspace) -> Sequence[Device]:
    """List the workspace's tills that are not revoked, by name."""
    return session.scalars(
        _of(workspace).where(Device.revoked_at.is_(None)).order_by(Device.name, Device.id)
    ).all()


def _of(workspace: Workspace) -> Select[Device]:
    return select(Device).where(
        Device.merchant_id == workspace.merchant_id, Device.mode == workspace.mode
    )


def _checked_name(name: str) -> str:
    return inputs.checked_text(name, param="name", most=80, required=True)


def _checked_minutes(minutes: int) -> int:
    if not 1 <= minutes <= IDLE_MINUTES_MAX:
        raise errors.InvalidParameter("idle_minutes", f"Give 1 to {IDLE_MINUTES_MAX} minutes.")
    return minutes


def _lock(session: Session, workspace: Workspace, device_id: str) -> Device:
    get(session, workspace=workspace, device_id=device_id)
    return session.scalars(
        _of(workspace)
        .where(Device.id == device_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _record(session: Session, workspace: Workspace, device: Device, act: str, by: Actor) -> None:
    trail.record(
        session,
        workspace_id=workspace.id,
        act=act,
        by=by,
        subject_id=device.id,
        after={"name": device.name, "idleMinutes": device.idle_minutes},
    )


def _check_may(by: Actor) -> None:
    if not by.may(Permission.MANAGE_LOCATIONS):
        raise errors.PermissionDenied("A manager has to change shops and tills. Ask one.")

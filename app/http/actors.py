"""Who is signed in, in which workspace, and as which actor their acts are written down."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, logout_user
from sqlalchemy.orm import Session

from app.http.database import reading, writing
from app.http.requests import request_id
from app.models.devices import Device
from app.models.merchants import LIVE, Merchant, Workspace
from app.models.staff import Staff, StaffSession
from app.rules.actors import SECOND_FACTOR_ROLES, Actor, Permission
from app.services import workspaces
from app.services.staff import sign_ins


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """The person of this request.

    Attributes:
        token: the browser's session token; flask-login keeps it in the signed cookie.
        has_shown_second_factor: whether this sign-in showed more than a password.
        method: how they signed in: `password`, `pin` or `passkey`.
        device: the registered till, if it is one.
    """

    token: str
    staff: Staff
    workspace: Workspace
    location_id: str | None
    has_shown_second_factor: bool = False
    method: str = "password"
    device: Device | None = None

    def get_id(self) -> str:
        """Give what the cookie holds."""
        return self.token

    @property
    def merchant(self) -> Merchant:
        """Give the person's business."""
        return self.staff.merchant

    @property
    def role(self) -> str:
        """Give the role whose rights hold: by PIN nobody is more than a cashier."""
        is_more = self.staff.role in {"owner", "manager"}
        return "cashier" if self.method == "pin" and is_more else self.staff.role

    @property
    def till(self) -> Device | None:
        """Give the till if it stands in the workspace that the person is in."""
        is_here = self.device is not None and self.device.mode == self.workspace.mode
        return self.device if is_here else None

    @property
    def needs_second_factor(self) -> bool:
        """Whether the password was right, and the second factor has yet to be shown."""
        return self.staff.has_second_factor and not self.has_shown_second_factor

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the role needs a second factor in this workspace, and none was shown."""
        is_needed = self.workspace.mode == LIVE and self.role in SECOND_FACTOR_ROLES
        return is_needed and not self.has_shown_second_factor


def install(app: Flask) -> None:
    """Let flask-login find people by our session rows."""
    manager = LoginManager(app)
    # Our rows are revoked and expire on the server; the browser's address and name may change.
    manager.session_protection = None
    manager.user_loader(_load)


def signed_in() -> SignedIn:
    """Give the person of this request; only for routes that need one."""
    person = find_signed_in()
    assert person is not None  # noqa: S101 - `access` lets nobody else in
    return person


def find_signed_in() -> SignedIn | None:
    """Give the person of this request, if it has one; a page asks a hundred times."""
    person = current_user._get_current_object()
    return person if isinstance(person, SignedIn) else None


def is_signed_in() -> bool:
    """Say whether this request has a person."""
    return find_signed_in() is not None


def end_sign_in() -> None:
    """End the sign-in of this request, on the server and in the browser's cookie."""
    with writing() as session:
        sign_ins.sign_out(session, token=signed_in().token)
    logout_user()


def workspace_id() -> str:
    """Give the id of the workspace that the person is in."""
    return signed_in().workspace.id


def actor() -> Actor:
    """Give the person as the ledger and the audit log write them down."""
    person = signed_in()
    return Actor(
        kind="staff",
        id=person.staff.id,
        role=person.role,
        location_id=person.location_id,
        device_id=person.till.id if person.till else None,
        request_id=request_id(),
    )


def may(permission: str) -> bool:
    """Say whether the person has a permission, by its name; for templates."""
    return is_signed_in() and actor().may(Permission(permission))


def _load(token: str) -> SignedIn | None:
    with reading() as session:
        found = sign_ins.find_session(session, token=token)
        if found is not None:
            return _signed_in(session, token, found)
        is_over = sign_ins.is_over(session, token=token)
    if is_over:
        with writing() as session:
            sign_ins.end_over(session, token=token)
    return None


def _signed_in(session: Session, token: str, found: StaffSession) -> SignedIn:
    workspace = workspaces.get_workspace(
        session, merchant_id=found.staff.merchant_id, mode=found.mode
    )
    return SignedIn(
        token,
        found.staff,
        workspace,
        found.location_id,
        has_shown_second_factor=found.second_factor_at is not None,
        method=found.method,
        device=found.device,
    )

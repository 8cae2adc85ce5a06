"""Who acts, and what each role may do (spec section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

UNDO_MINUTES = 10
"""How long a cashier may undo an act of their own."""


class Permission(Enum):
    """One thing that a role may or may not do."""

    READ = "read"
    ENROL = "enrol"
    AWARD = "award"
    REDEEM = "redeem"
    FULFIL = "fulfil"
    UNDO_OWN = "undo_own"
    UNDO_ANY = "undo_any"
    CANCEL_FULFILLED = "cancel_fulfilled"
    ADJUST = "adjust"
    EDIT_MEMBERS = "edit_members"
    EDIT_REWARDS = "edit_rewards"
    EDIT_PROGRAMS = "edit_programs"
    MANAGE_STAFF = "manage_staff"
    MANAGE_KEYS = "manage_keys"
    MANAGE_WEBHOOKS = "manage_webhooks"
    MANAGE_LOCATIONS = "manage_locations"


_VIEWER = frozenset({Permission.READ})
_CASHIER = _VIEWER | {
    Permission.ENROL,
    Permission.AWARD,
    Permission.REDEEM,
    Permission.FULFIL,
    Permission.UNDO_OWN,
}
_OWNER = frozenset(Permission)
_MANAGER = _OWNER - {Permission.MANAGE_STAFF, Permission.MANAGE_KEYS}
# Adjusting is for staff only, and a fulfilled redemption needs a manager (spec section 3).
_KEY = _OWNER - {
    Permission.ADJUST,
    Permission.CANCEL_FULFILLED,
    Permission.MANAGE_STAFF,
    Permission.MANAGE_KEYS,
    Permission.MANAGE_LOCATIONS,
}

PERMISSIONS = {
    "owner": _OWNER,
    "manager": _MANAGER,
    "cashier": _CASHIER,
    "viewer": _VIEWER,
    "key": _KEY,
}
"""What each role may do; `key` is every API key's, whose scopes are judged before."""

STAFF_ROLES = ("owner", "manager", "cashier", "viewer")
"""The roles that a person may have."""

SECOND_FACTOR_ROLES = frozenset({"owner", "manager"})
"""Who needs a second factor in the live workspace."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does an act, and where.

    Attributes:
        kind: `staff`, `key`, `rule` or `system`.
        id: the id of the person or key; None for rules and the system.
        role: the role whose permissions hold.
        location_id: the shop, if it is known.
        device_id: the registered device, if it is one.
        request_id: the request in whose course this happens, if any.
    """

    kind: str
    id: str | None = None
    role: str = "viewer"
    location_id: str | None = None
    device_id: str | None = None
    request_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Say whether the role has the permission."""
        return permission in PERMISSIONS[self.role]


@dataclass(frozen=True)
class Approval:
    """A manager's consent to one act that is beyond the allowance of who does it.

    Only `services.staff.pins` and `services.staff.passkeys` make one, after they have checked the
    manager's PIN or passkey.
    """

    staff_id: str


SYSTEM = Actor(kind="system", role="owner")
"""Regulars itself: set-up, seeds, the command line."""


def may_undo(actor: Actor, *, done_by: str | None, done_at: datetime, now: datetime) -> bool:
    """Say whether `actor` may undo an act: their own within `UNDO_MINUTES`, or any."""
    if actor.may(Permission.UNDO_ANY):
        return True
    is_own = actor.id is not None and actor.id == done_by
    is_recent = now - done_at <= timedelta(minutes=UNDO_MINUTES)
    return actor.may(Permission.UNDO_OWN) and is_own and is_recent

"""The one table of routes and what they need, and its enforcement before each request.

A route that is missing here answers nobody, and a test fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, current_app, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app import clock
from app.config import Rate, Settings
from app.errors import PermissionDenied
from app.http import limits, origins, pending_forms
from app.http.actors import (
    SignedIn,
    actor,
    end_sign_in,
    is_signed_in,
    signed_in,
    workspace_id,
)
from app.http.messages import say
from app.http.pending_forms import PendingForm
from app.http.requests import is_api
from app.rules.actors import PERMISSIONS, Permission

PUBLIC: None = None
"""Needs no sign-in."""

ACCESS: Mapping[str, Permission | None] = {
    "static": PUBLIC,
    "health.healthz": PUBLIC,
    "reference.openapi": PUBLIC,
    "reference.docs": PUBLIC,
    "staff.sign_in_form": PUBLIC,
    "staff.sign_in": PUBLIC,
    "staff.sign_out": Permission.READ,
    "staff.profile": Permission.READ,
    "staff.save_preferences": Permission.READ,
    "staff.save_name": Permission.READ,
    "staff.choose_location": Permission.READ,
    "staff.switch_mode": Permission.READ,
    "staff.shortcuts": Permission.READ,
    "staff.more": Permission.READ,
    "second_factors.ask": Permission.READ,
    "second_factors.answer": Permission.READ,
    "second_factors.show": Permission.READ,
    "second_factors.begin": Permission.READ,
    "second_factors.confirm": Permission.READ,
    "second_factors.make_codes": Permission.READ,
    "passkeys.sign_in_options": PUBLIC,
    "passkeys.sign_in": PUBLIC,
    "passkeys.add_options": Permission.READ,
    "passkeys.add": Permission.READ,
    "passkeys.remove": Permission.READ,
    "passkeys.approve_options": Permission.AWARD,
    "pins.people": PUBLIC,
    "pins.ask": PUBLIC,
    "pins.sign_in": PUBLIC,
    "pins.lock": Permission.READ,
    "pins.awake": Permission.READ,
    "pins.edit": Permission.READ,
    "pins.update": Permission.READ,
    "locations.index": Permission.MANAGE_LOCATIONS,
    "locations.new": Permission.MANAGE_LOCATIONS,
    "locations.create": Permission.MANAGE_LOCATIONS,
    "locations.edit": Permission.MANAGE_LOCATIONS,
    "locations.update": Permission.MANAGE_LOCATIONS,
    "locations.close": Permission.MANAGE_LOCATIONS,
    "locations.reopen": Permission.MANAGE_LOCATIONS,
    "devices.new": Permission.MANAGE_LOCATIONS,
    "devices.create": Permission.MANAGE_LOCATIONS,
    "devices.edit": Permission.MANAGE_LOCATIONS,
    "devices.update": Permission.MANAGE_LOCATIONS,
    "devices.revoke": Permission.MANAGE_LOCATIONS,
    "people.join_form": PUBLIC,
    "people.join": PUBLIC,
    "people.password_form": Permission.READ,
    "people.change_password": Permission.READ,
    "people.sessions": Permission.READ,
    "people.revoke_session": Permission.READ,
    "people.revoke_other_sessions": Permission.READ,
    "people.confirm_form": Permission.READ,
    "people.confirm": Permission.READ,
    "people.index": Permission.MANAGE_STAFF,
    "people.new": Permission.MANAGE_STAFF,
    "people.create": Permission.MANAGE_STAFF,
    "people.revoke_invite": Permission.MANAGE_STAFF,
    "people.edit": Permission.MANAGE_STAFF,
    "people.update": Permission.MANAGE_STAFF,
    "people.disable": Permission.MANAGE_STAFF,
    "people.enable": Permission.MANAGE_STAFF,
    "people.reset_second_factor": Permission.MANAGE_STAFF,
    "people.allowances": Permission.MANAGE_STAFF,
    "people.save_allowances": Permission.MANAGE_STAFF,
    "audit.index": Permission.EDIT_PROGRAMS,
    "audit.export": Permission.EDIT_PROGRAMS,
    "reports.today": Permission.READ,
    "reports.activity": Permission.READ,
    "cards.public": PUBLIC,
    "cards.show": Permission.READ,
    "cards.give_number": Permission.ENROL,
    "cards.make_link": Permission.ENROL,
    "cards.revoke_link": Permission.ENROL,
    "counter.index": Permission.REDEEM,
    "counter.find": Permission.REDEEM,
    "counter.earns": Permission.REDEEM,
    "counter.redeem": Permission.REDEEM,
    "counter.award": Permission.AWARD,
    "counter.fulfil": Permission.FULFIL,
    "counter.undo_redemption": Permission.UNDO_OWN,
    "counter.undo_award": Permission.UNDO_OWN,
    "counter.receipt": Permission.REDEEM,
    "members.index": Permission.READ,
    "members.search": Permission.READ,
    "members.show": Permission.READ,
    "members.ledger": Permission.READ,
    "members.new": Permission.ENROL,
    "members.create": Permission.ENROL,
    "members.edit": Permission.EDIT_MEMBERS,
    "members.update": Permission.EDIT_MEMBERS,
    "members.close": Permission.EDIT_MEMBERS,
    "members.reopen": Permission.EDIT_MEMBERS,
    "ledger.show": Permission.READ,
    "ledger.award_form": Permission.AWARD,
    "ledger.award": Permission.AWARD,
    "ledger.adjust_form": Permission.ADJUST,
    "ledger.adjust": Permission.ADJUST,
    "ledger.reverse_form": Permission.UNDO_OWN,
    "ledger.reverse": Permission.UNDO_OWN,
    "ledger.effect": Permission.UNDO_OWN,
    "ledger.undo": Permission.UNDO_OWN,
    "redemptions.index": Permission.READ,
    "redemptions.redeem_form": Permission.REDEEM,
    "redemptions.redeem": Permission.REDEEM,
    "redemptions.fulfil": Permission.FULFIL,
    "redemptions.cancel_form": Permission.UNDO_OWN,
    "redemptions.cancel": Permission.UNDO_OWN,
    "rewards.index": Permission.READ,
    "rewards.new": Permission.EDIT_REWARDS,
    "rewards.create": Permission.EDIT_REWARDS,
    "rewards.edit": Permission.EDIT_REWARDS,
    "rewards.update": Permission.EDIT_REWARDS,
    "rewards.preview": Permission.EDIT_REWARDS,
    "rewards.archive": Permission.EDIT_REWARDS,
    "rewards.restore": Permission.EDIT_REWARDS,
    "programs.index": Permission.READ,
    "programs.new": Permission.EDIT_PROGRAMS,
    "programs.create": Permission.EDIT_PROGRAMS,
    "programs.edit": Permission.EDIT_PROGRAMS,
    "programs.update": Permission.EDIT_PROGRAMS,
    "programs.preview": Permission.EDIT_PROGRAMS,
    "developers.index": Permission.EDIT_PROGRAMS,
    "developers.guide": Permission.EDIT_PROGRAMS,
    "developers.list_requests": Permission.EDIT_PROGRAMS,
    "developers.show_request": Permission.EDIT_PROGRAMS,
    "developers.request_of_entry": Permission.EDIT_PROGRAMS,
    "developers.new_key": Permission.MANAGE_KEYS,
    "developers.create_key": Permission.MANAGE_KEYS,
    "developers.roll_form": Permission.MANAGE_KEYS,
    "developers.roll": Permission.MANAGE_KEYS,
    "developers.revoke_form": Permission.MANAGE_KEYS,
    "developers.revoke": Permission.MANAGE_KEYS,
    "payments.index": Permission.EDIT_PROGRAMS,
    "payments.show": Permission.EDIT_PROGRAMS,
    "payments.new": Permission.MANAGE_WEBHOOKS,
    "payments.create": Permission.MANAGE_WEBHOOKS,
    "payments.edit": Permission.MANAGE_WEBHOOKS,
    "payments.update": Permission.MANAGE_WEBHOOKS,
    "payments.enable": Permission.MANAGE_WEBHOOKS,
    "payments.disable": Permission.MANAGE_WEBHOOKS,
    "payments.secret_form": Permission.MANAGE_WEBHOOKS,
    "payments.replace_secret": Permission.MANAGE_WEBHOOKS,
    "payments.retry": Permission.MANAGE_WEBHOOKS,
    "webhooks.show": Permission.EDIT_PROGRAMS,
    "webhooks.list_deliveries": Permission.EDIT_PROGRAMS,
    "webhooks.show_delivery": Permission.EDIT_PROGRAMS,
    "webhooks.show_resend": Permission.EDIT_PROGRAMS,
    "webhooks.events_of_entry": Permission.EDIT_PROGRAMS,
    "webhooks.new": Permission.MANAGE_WEBHOOKS,
    "webhooks.create": Permission.MANAGE_WEBHOOKS,
    "webhooks.edit": Permission.MANAGE_WEBHOOKS,
    "webhooks.update": Permission.MANAGE_WEBHOOKS,
    "webhooks.enable": Permission.MANAGE_WEBHOOKS,
    "webhooks.disable": Permission.MANAGE_WEBHOOKS,
    "webhooks.rotate_form": Permission.MANAGE_WEBHOOKS,
    "webhooks.rotate": Permission.MANAGE_WEBHOOKS,
    "webhooks.delete_form": Permission.MANAGE_WEBHOOKS,
    "webhooks.delete": Permission.MANAGE_WEBHOOKS,
    "webhooks.send_test": Permission.MANAGE_WEBHOOKS,
    "webhooks.resend": Permission.MANAGE_WEBHOOKS,
    "webhooks.resend_form": Permission.MANAGE_WEBHOOKS,
    "webhooks.resend_range": Permission.MANAGE_WEBHOOKS,
}

REQUIRES_REAUTHENTICATION = frozenset(
    {
        "people.sessions",
        "people.revoke_session",
        "people.revoke_other_sessions",
        "second_factors.show",
        "second_factors.begin",
        "second_factors.confirm",
        "second_factors.make_codes",
        "passkeys.add_options",
        "passkeys.add",
        "passkeys.remove",
    }
)
"""Endpoints of a person's own keys and sign-ins, which need the password again after a while.

Somebody who finds a browser left open cannot change them.
"""

NOT_BY_PIN = REQUIRES_REAUTHENTICATION | {
    "people.password_form",
    "people.change_password",
    "people.confirm_form",
    "people.confirm",
    "pins.edit",
    "pins.update",
}
"""Endpoints of a person's own keys, which no sign-in by PIN opens. They ask for the password."""

LEAVING = frozenset({"pins.lock", "staff.sign_out"})
"""Whoever presses these wants to be out."""

UNATTENDED = frozenset({"reports.activity", "developers.guide"})
"""What pages ask for by themselves: it does not show that somebody is at the till."""

WITHOUT_CODE = frozenset({"second_factors.ask", "second_factors.answer", "staff.sign_out"})
"""What a person may do whose password was right, and whose code is still to come."""

WITHOUT_SECOND_FACTOR = frozenset(
    {
        "second_factors.show",
        "second_factors.begin",
        "second_factors.confirm",
        "passkeys.add_options",
        "passkeys.add",
        "people.confirm_form",
        "people.confirm",
        "staff.switch_mode",
        "staff.sign_out",
    }
)
"""What a person may do in Live who needs a second factor there, and has none."""

BY_LINK = frozenset({"cards.public", "people.join_form", "people.join"})
"""Who has the link is let in; nobody has thousands of them."""

EXPORT_RATE = Rate(1, 5)
"""The whole audit log is read for each."""

PATH_CHARACTERS_MAX = 2_000
"""Proxies take headers of 4 KiB, and refuse an answer with a longer one after the act."""

_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f]*")

SHOWN = "shown"
"""Where the cookie keeps when the person last showed who they are, in seconds since 1970."""

SHOWN_MINUTES = 15
"""Minutes after a sign-in or a password in which `REQUIRES_REAUTHENTICATION` opens."""

SHOWN_ACT_MINUTES = 30
"""So long what is on them may be sent: what was opened in time is not refused half-way."""

SEEN = "seen"
"""Where the cookie keeps when the browser was last used, in seconds since 1970."""

SEEN_SECONDS = 60
"""Away from a till the cookie is not sent again for less."""

_NOT_KEPT = {
    "csrf_token",
    "password",
    "again",
    "current",
    "secret",
    "code",
    "pin",
    "approver_pin",
    "credential",
    "approver_passkey",
}


def install(app: Flask) -> None:
    """Check each request against the table before anything else looks at it."""
    app.before_request(_check)


def safe_path(path: str | None, otherwise: str = "/") -> str:
    """Return a path of our own to go on to, or another one for anything that cannot be gone to.

    One slash and no backslash after it: browsers read two of either as a host. No control
    characters: browsers drop some of them, and no header can hold a line end.
    """
    is_usable = path and len(path) <= PATH_CHARACTERS_MAX and _OWN_PATH.fullmatch(path)
    return path if path and is_usable else otherwise


def door() -> str:
    """Give the endpoint at which who uses this browser signs in: a till has its own."""
    is_till = current_app.config["DEVICE_COOKIE_NAME"] in request.cookies
    return "pins.people" if is_till else "staff.sign_in_form"


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None or is_api():
        # No such page, or not with this method: the error page says so. Programs bring keys.
        return None
    origins.check_act(request)
    permission = ACCESS[request.endpoint]
    _slow_down(request.endpoint)
    if permission is PUBLIC:
        return None
    if not is_signed_in():
        return _ask_to_sign_in(door())
    person = signed_in()
    detour = _detour(person, request.endpoint)
    if detour is not None:
        return detour
    if request.headers.get("X-Workspace", workspace_id()) != workspace_id():
        return _show_where_one_is()
    if not actor().may(permission):
        if permission in PERMISSIONS[person.staff.role]:
            raise PermissionDenied("You came in by PIN. Sign in with your password for this.")
        raise PermissionDenied(_who_can(permission))
    return None


def _slow_down(endpoint: str) -> None:
    """Bound how fast one person is given pages, and one address is let try links out.

    Raises:
        RateLimited: it is too fast.
    """
    settings: Settings = current_app.extensions["regulars.settings"]
    if endpoint in BY_LINK:
        limits.take_of_pages(f"links from {request.remote_addr}", settings.page_rate)
    elif ACCESS[endpoint] is not PUBLIC and is_signed_in():
        limits.take_of_pages(f"pages of {signed_in().staff.id}", settings.page_rate)
        if endpoint == "audit.export":
            limits.take_of_pages(f"exports of {signed_in().staff.id}", EXPORT_RATE)


def _detour(person: SignedIn, endpoint: str) -> ResponseReturnValue | None:
    """Lead who has to show more than they did to where they can; None for who may go on."""
    if endpoint not in LEAVING and not _is_attended(person):
        return _lock()
    if person.method == "pin" and endpoint in NOT_BY_PIN:
        raise PermissionDenied("You came in by PIN. Sign in with your password to change this.")
    if person.needs_second_factor and endpoint not in WITHOUT_CODE:
        return _ask_to_sign_in("second_factors.ask")
    if person.lacks_second_factor and endpoint not in WITHOUT_SECOND_FACTOR:
        return _lead_to(url_for("second_factors.show"))
    if endpoint in REQUIRES_REAUTHENTICATION and not _has_just_shown():
        return _ask_to_sign_in("people.confirm_form")
    return None


def _show_where_one_is() -> ResponseReturnValue:
    """Load a page anew that shows the other of Live and Test: another tab has switched.

    What the page asks for or sends by itself says where it was opened (`X-Workspace`). A form that
    is a page of its own says it in a field, and keeps what was typed.
    """
    nothing = " Nothing was sent." if request.method == "POST" else ""
    say(f"You are in {'Live' if signed_in().workspace.is_live else 'Test'} now.{nothing}")
    if request.endpoint and request.endpoint.startswith("counter."):
        return _lead_to(url_for("counter.index"))
    if request.method == "POST":
        return _lead_to("/")
    return current_app.response_class(status=204, headers={"HX-Refresh": "true"})


def _has_just_shown() -> bool:
    minutes = SHOWN_MINUTES if request.method == "GET" else SHOWN_ACT_MINUTES
    # A clock that steps back makes nobody's word newer.
    return abs(_now() - int(session.get(SHOWN, 0))) < minutes * 60


def _now() -> int:
    return int(clock.now().timestamp())


def idle_seconds(person: SignedIn) -> int | None:
    """Give after how long without use a sign-in ends; None for one that was asked to stay."""
    if person.device is not None:
        return person.device.idle_minutes * 60
    minutes: int = current_app.config["IDLE_MINUTES"]
    return None if session.permanent else minutes * 60


def _is_attended(person: SignedIn) -> bool:
    """Say whether somebody is there, and remember it in the signed cookie."""
    longest, now = idle_seconds(person), _now()
    if longest is None:
        return True
    seen = int(session.get(SEEN, now))
    if now - seen >= longest:
        return False
    is_due = person.device is not None or now - seen >= SEEN_SECONDS
    if SEEN not in session or (is_due and request.endpoint not in UNATTENDED):
        session[SEEN] = now
    return True


def _lock() -> ResponseReturnValue:
    """End a sign-in that was left; what was typed is there when they come back."""
    staff_id = signed_in().staff.id
    end_sign_in()
    path = request.full_path.rstrip("?")
    if request.method == "POST":
        path = _keep_unsent(staff_id)
    session.pop(SEEN, None)
    return _lead_to(url_for(door(), next=path))


def _who_can(permission: Permission) -> str:
    owners = {Permission.MANAGE_STAFF, Permission.MANAGE_KEYS}
    who = "An owner" if permission in owners else "A manager"
    if permission in {Permission.ENROL, Permission.AWARD, Permission.REDEEM, Permission.FULFIL}:
        who = "A cashier or manager"
    return f"{who} has to do this. Your role may look, but not change this."


def _ask_to_sign_in(endpoint: str) -> ResponseReturnValue:
    path = _keep_unsent() if request.method == "POST" else request.full_path.rstrip("?")
    return _lead_to(url_for(endpoint, next=path))


def _lead_to(target: str) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        # htmx would follow a redirect and put the sign-in page into a table.
        return current_app.response_class(status=204, headers={"HX-Redirect": target})
    return current_app.redirect(target)


def _keep_unsent(staff_id: str | None = None) -> str:
    """Keep what was typed, and give the page on which it can be sent again.

    Args:
        staff_id: who typed it, where that is known: nobody else gets to see it.
    """
    fields = {name: value for name, value in request.form.items() if name not in _NOT_KEPT}
    if _has_form_page(request.path):
        pending_forms.keep(PendingForm(request.path, fields, staff_id))
        return request.path
    before = urlsplit(request.referrer or "/")
    if request.endpoint in {"counter.award", "counter.redeem"}:
        place = pending_forms.counter_of((request.view_args or {})["member_id"])
        pending_forms.keep(PendingForm(place, fields, staff_id))
    return safe_path(f"{before.path}?{before.query}".rstrip("?"))


def _has_form_page(path: str) -> bool:
    try:
        current_app.create_url_adapter(request).match(path, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return False
    return True

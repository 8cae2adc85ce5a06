"""What each route needs of the person who asks, and the check before each request.

A route says it beside its address: `@requires(Permission.AWARD)`, `@public` or `@by_link`. The app
does not start with a route that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, request, session, url_for
from flask.typing import ResponseReturnValue

from app.config import Rate, Settings
from app.errors import PermissionDenied
from app.http import idle, limits, login, origins, pending_forms, reauthentication
from app.http.actors import (
    SignedIn,
    actor,
    end_sign_in,
    is_signed_in,
    signed_in,
    workspace_id,
)
from app.http.messages import say
from app.http.requests import API_PREFIX, is_api
from app.rules.actors import PERMISSIONS, Permission

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a route needs.

    Attributes:
        permission: that the person needs; None for a route without a sign-in.
        by_link: whoever has the link may open it; nobody has thousands of them.
        reauthentication: the password is asked for again a while after the sign-in, so that
            somebody who finds a browser left open cannot change the person's own keys.
        by_pin: a sign-in by PIN is enough, unless `reauthentication` asks for the password.
        before_code: open to a person whose password was right, and whose code is still to come.
        without_second_factor: open in Live to a person who needs a second factor there and has
            none.
        is_leaving: it ends the sign-in, so that it works on a till that was left, too.
        is_unattended: pages ask for it by themselves; it does not show that somebody is there.
        rate: a bound for one person, beside that of all pages.
        pending_at: returns the place at which what was typed waits for a new sign-in, from the id
            of the member; for a route whose path has no page of a form.
    """

    permission: Permission | None = None
    by_link: bool = False
    reauthentication: bool = False
    by_pin: bool = True
    before_code: bool = False
    without_second_factor: bool = False
    is_leaving: bool = False
    is_unattended: bool = False
    rate: Rate | None = None
    pending_at: Callable[[str], str] | None = None

    @property
    def allows_pin(self) -> bool:
        """Whether a sign-in by PIN may use it."""
        return self.by_pin and not self.reauthentication


def requires(
    permission: Permission,
    *,
    reauthentication: bool = False,
    by_pin: bool = True,
    before_code: bool = False,
    without_second_factor: bool = False,
    is_leaving: bool = False,
    is_unattended: bool = False,
    rate: Rate | None = None,
    pending_at: Callable[[str], str] | None = None,
) -> Callable[[View], View]:
    """Let a route be used with a permission; the others are the attributes of `Access`."""
    return _marking(
        Access(
            permission=permission,
            reauthentication=reauthentication,
            by_pin=by_pin,
            before_code=before_code,
            without_second_factor=without_second_factor,
            is_leaving=is_leaving,
            is_unattended=is_unattended,
            rate=rate,
            pending_at=pending_at,
        )
    )


def _marking(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


public = _marking(Access())
"""Let a route be used without a sign-in."""

by_link = _marking(Access(by_link=True))
"""Let a route be used by whoever has its link."""


def install(app: Flask) -> None:
    """Check each request before anything else looks at it."""
    public(app.view_functions["static"])
    app.before_request(_check)


def routes(app: Flask) -> Mapping[str, Access]:
    """Return what each endpoint of the pages needs; the API's need a key with scopes instead.

    Raises:
        RuntimeError: an endpoint does not say it.
    """
    endpoints = {
        rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith(API_PREFIX)
    }
    found = {name: getattr(app.view_functions[name], "access", None) for name in sorted(endpoints)}
    if silent := [name for name, access in found.items() if access is None]:
        raise RuntimeError(f"Say what these need, by app.http.access: {', '.join(silent)}")
    return {name: access for name, access in found.items() if access is not None}


def access_of(endpoint: str) -> Access:
    """Return what an endpoint of this app needs."""
    view: Any = current_app.view_functions[endpoint]
    access: Access = view.access
    return access


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None or is_api():
        # No such page, or not with this method: the error page says so. Programs bring keys.
        return None
    origins.check_act(request)
    access = access_of(request.endpoint)
    _slow_down(request.endpoint, access)
    if access.permission is None:
        return None
    if not is_signed_in():
        return _ask_to_sign_in(login.endpoint(), access)
    person = signed_in()
    detour = _detour(person, access)
    if detour is not None:
        return detour
    if request.headers.get("X-Workspace", workspace_id()) != workspace_id():
        return _show_where_one_is()
    if not actor().may(access.permission):
        if access.permission in PERMISSIONS[person.staff.role]:
            raise PermissionDenied("You came in by PIN. Sign in with your password for this.")
        raise PermissionDenied(_who_can(access.permission))
    return None


def _slow_down(endpoint: str, access: Access) -> None:
    """Bound how fast one person gets pages, and how fast one network address tries links.

    Raises:
        RateLimited: it is too fast.
    """
    settings: Settings = current_app.extensions["regulars.settings"]
    if access.by_link:
        limits.take_of_pages(f"links from {request.remote_addr}", settings.page_rate)
    elif access.permission is not None and is_signed_in():
        person_id = signed_in().staff.id
        limits.take_of_pages(f"pages of {person_id}", settings.page_rate)
        if access.rate:
            limits.take_of_pages(f"{endpoint} of {person_id}", access.rate)


def _detour(person: SignedIn, access: Access) -> ResponseReturnValue | None:
    """Lead a person who has to show more to where they can; return None if they may go on."""
    if not access.is_leaving and not idle.is_attended(person, is_use=not access.is_unattended):
        return _end_idle_sign_in(access)
    if person.method == "pin" and not access.allows_pin:
        raise PermissionDenied("You came in by PIN. Sign in with your password to change this.")
    if person.needs_second_factor and not access.before_code:
        return _ask_to_sign_in("second_factors.ask", access)
    if person.lacks_second_factor and not access.without_second_factor:
        return _lead_to(url_for("second_factors.show"))
    if access.reauthentication and not reauthentication.is_recent():
        return _ask_to_sign_in("people.confirm_form", access)
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


def _end_idle_sign_in(access: Access) -> ResponseReturnValue:
    """End a sign-in that was left; what was typed is there when the person comes back."""
    staff_id = signed_in().staff.id
    end_sign_in()
    path = request.full_path.rstrip("?")
    if request.method == "POST":
        path = pending_forms.keep_request(access.pending_at, staff_id=staff_id)
    session.pop(idle.SEEN, None)
    return _lead_to(url_for(login.endpoint(), next=path))


def _who_can(permission: Permission) -> str:
    owners = {Permission.MANAGE_STAFF, Permission.MANAGE_KEYS}
    who = "An owner" if permission in owners else "A manager"
    if permission in {Permission.ENROL, Permission.AWARD, Permission.REDEEM, Permission.FULFIL}:
        who = "A cashier or manager"
    return f"{who} has to do this. Your role may look, but not change this."


def _ask_to_sign_in(endpoint: str, access: Access) -> ResponseReturnValue:
    if request.method == "POST":
        path = pending_forms.keep_request(access.pending_at)
    else:
        path = request.full_path.rstrip("?")
    return _lead_to(url_for(endpoint, next=path))


def _lead_to(target: str) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        # htmx would follow a redirect and put the sign-in page into a table.
        return current_app.response_class(status=204, headers={"HX-Redirect": target})
    return current_app.redirect(target)

"""Coming in and going out in a browser: the fresh cookie, and the till that the browser may be."""

from __future__ import annotations

from flask import Response, current_app, request, session
from flask_login import login_user

from app.http import idle, pending_forms, reauthentication
from app.http.actors import SignedIn, end_sign_in, is_signed_in, signed_in
from app.http.database import reading
from app.http.paths import safe_path
from app.services import devices
from app.services.devices import FoundTill
from app.services.staff.sign_ins import SignIn


def endpoint() -> str:
    """Return the endpoint at which people sign in on this browser: a till has its own."""
    is_till = current_app.config["DEVICE_COOKIE_NAME"] in request.cookies
    return "pins.people" if is_till else "staff.sign_in_form"


def find_till() -> FoundTill | None:
    """Give the till that this browser is, or None."""
    token = request.cookies.get(current_app.config["DEVICE_COOKIE_NAME"], "")
    if not token:
        return None
    with reading() as database:
        return devices.find(database, token=token)


def enter(
    made: SignIn, *, stays: bool = True, path: str | None = None, home: str = "/"
) -> Response:
    """Let who has signed in go on to a path of ours; what they had typed before is kept.

    Args:
        stays: whether the browser keeps the cookie when it is closed.
        home: where it goes on without a path.
    """
    typed = pending_forms.find()
    if typed and typed.staff_id not in {None, made.staff.id}:
        # A colleague's: it is neither shown nor gone on with.
        typed, path = None, None
    if is_signed_in():
        # Who comes next takes the place of who was here; nobody's token lives on behind them.
        end_sign_in()
    # A fresh cookie: whatever was planted before the sign-in is worth nothing after it.
    session.clear()
    if typed:
        pending_forms.keep(typed)
    idle.note_use()
    reauthentication.note()
    session.permanent = stays
    login_user(SignedIn(made.token, made.staff, made.workspace, None))
    return current_app.response_class(status=303, headers={"Location": safe_path(path, home)})


def keep_token(token: str) -> None:
    """Let the cookie hold the sign-in's new token."""
    person = signed_in()
    login_user(SignedIn(token, person.staff, person.workspace, person.location_id))
    reauthentication.note()


def leave() -> Response:
    """End the sign-in on the server as well as in the browser, and go to the login page."""
    end_sign_in()
    session.clear()
    target = current_app.url_for(endpoint())
    return current_app.response_class(status=303, headers={"Location": target})

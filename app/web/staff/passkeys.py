"""Passkeys: made on one's own page, used to sign in and to approve what a colleague does.

The browser asks for its options at the moment of the click, so that no page holds an old challenge.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, url_for
from werkzeug.exceptions import BadRequest

from app.errors import Refused
from app.http.access import public, requires
from app.http.actors import actor, signed_in
from app.http.database import reading
from app.http.login import enter, find_till, keep_token
from app.http.messages import say
from app.http.paths import safe_path
from app.models.merchants import SANDBOX
from app.rules.actors import Permission
from app.services.staff import passkeys
from app.web.approving import purpose_of, site
from app.web.base_form import is_pressed, press
from app.web.responses import go, page
from app.web.staff.forms import SignInForm
from app.web.staff.people_forms import CodeForm, PasskeyForm, PasskeySignInForm
from app.web.staff.routes import show_sign_in
from app.web.staff.second_factors import show_page

blueprint = Blueprint("passkeys", __name__)


@blueprint.post("/sign-in/passkey/options")
@public
def sign_in_options() -> Response:
    """Give the sign-in page what it asks a passkey with."""
    return _json(passkeys.ask_options(site(), purpose=passkeys.SIGN_IN))


@blueprint.post("/sign-in/passkey")
@public
def sign_in() -> Response:
    """Sign in who holds a passkey."""
    form = PasskeySignInForm()
    till = find_till()
    done = form.submit(
        lambda session: passkeys.sign_in(
            session,
            credential=form.credential.data or "",
            site=site(),
            mode=SANDBOX,
            hours=current_app.config["SESSION_HOURS"],
            agent=request.user_agent.string,
            device=till.device if till else None,
        )
    )
    if done is None:
        sign_in_form = SignInForm(formdata=None)
        sign_in_form.next.data = safe_path(form.next.data)
        sign_in_form.refuse(Refused(form.refusal or "This page was open too long. Try again."))
        return show_sign_in(sign_in_form)
    return enter(done.value, path=form.next.data)


@blueprint.post("/you/passkeys/options")
@requires(Permission.READ, reauthentication=True, without_second_factor=True)
def add_options() -> Response:
    """Give a browser what it makes a passkey with."""
    _check_form()
    with reading() as session:
        return _json(passkeys.add_options(session, person=signed_in().staff, site=site()))


@blueprint.post("/you/passkeys")
@requires(Permission.READ, reauthentication=True, without_second_factor=True)
def add() -> Response:
    """Keep a passkey; with the first one come recovery codes."""
    form = PasskeyForm()
    done = form.submit(
        lambda session: passkeys.add(
            session,
            token=signed_in().token,
            credential=form.credential.data or "",
            name=form.passkey_name.data or "",
            site=site(),
            by=actor(),
        )
    )
    if done is None:
        return show_page(CodeForm(formdata=None), form)
    keep_token(done.value.token)
    if done.value.codes:
        return page("staff/recovery_codes.html", codes=done.value.codes)
    say(
        "The passkey is kept. Use it at your next sign-in. Others of yours go on; you may end them."
    )
    return go(url_for("second_factors.show"))


@blueprint.post("/you/passkeys/<passkey_id>/remove")
@requires(Permission.READ, reauthentication=True)
def remove(passkey_id: str) -> Response:
    """Let a passkey open nothing any more."""
    if press(
        lambda session: passkeys.remove(
            session, staff_id=signed_in().staff.id, passkey_id=passkey_id, by=actor()
        )
    ):
        say("The passkey is removed. Sign-ins that it made go on; you may end them.")
    return go(url_for("second_factors.show"))


@blueprint.post("/approvals/options")
@requires(Permission.AWARD)
def approve_options() -> Response:
    """Give the cashier's browser what it asks the manager's passkey with, for one act."""
    _check_form()
    with reading() as session:
        known = passkeys.list_of_approvers(session, merchant_id=signed_in().merchant.id, by=actor())
    purpose = purpose_of(request.form.get("act", ""), request.form)
    return _json(passkeys.ask_options(site(), purpose=purpose, known=known))


def _check_form() -> None:
    if not is_pressed():
        raise BadRequest


def _json(text: str) -> Response:
    return current_app.response_class(text, mimetype="application/json")

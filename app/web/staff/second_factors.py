"""The second factor: asked for after the password, set up on one's own page."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, request, url_for
from flask import session as cookie

from app.http.access import requires
from app.http.actors import actor, signed_in
from app.http.database import reading
from app.http.login import enter, keep_token
from app.http.paths import safe_path
from app.rules import cards as drawn
from app.rules.actors import Permission
from app.services.staff import passkeys, second_factors
from app.web.base_form import press
from app.web.responses import go, page
from app.web.staff.people_forms import CodeForm, PasskeyForm

blueprint = Blueprint("second_factors", __name__)

WRONG = "This code is not right. Codes change every 30 seconds: wait for the next one and type it."


@blueprint.get("/sign-in/code")
@requires(Permission.READ, before_code=True)
def ask() -> Response:
    """Ask for the code that belongs to the password."""
    if not signed_in().needs_second_factor:
        return go(safe_path(request.args.get("next")))
    form = CodeForm()
    form.next.data = safe_path(request.args.get("next"))
    return page("staff/code.html", form=form)


@blueprint.post("/sign-in/code")
@requires(Permission.READ, before_code=True)
def answer() -> Response:
    """Check the code, and go on to where the person wanted to be."""
    form = CodeForm()
    if not signed_in().needs_second_factor:
        return go(safe_path(form.next.data))
    made = form.submit_secret(
        lambda session: second_factors.answer(
            session,
            token=signed_in().token,
            code=form.code.data or "",
            hours=current_app.config["SESSION_HOURS"],
            agent=request.user_agent.string,
        ),
        form.code,
        WRONG,
        attempt="code",
    )
    if made is None:
        return page("staff/code.html", form=form)
    # What the password alone opened is worth nothing now: the token is another one.
    return enter(made, stays=bool(cookie.permanent), path=form.next.data)


@blueprint.get("/you/second-factor")
@requires(Permission.READ, reauthentication=True, without_second_factor=True)
def show() -> Response:
    """Show what one has, and how to set it up."""
    return show_page(CodeForm())


@blueprint.post("/you/second-factor/begin")
@requires(Permission.READ, reauthentication=True, without_second_factor=True)
def begin() -> Response:
    """Make the secret of a new app."""
    press(lambda session: second_factors.begin(session, staff_id=signed_in().staff.id))
    return go(url_for("second_factors.show"))


@blueprint.post("/you/second-factor")
@requires(Permission.READ, reauthentication=True, without_second_factor=True)
def confirm() -> Response:
    """Let the app count once it shows the right code; show the recovery codes, this once."""
    form = CodeForm()
    made = form.submit_secret(
        lambda session: second_factors.confirm(
            session, token=signed_in().token, code=form.code.data or "", by=actor()
        ),
        form.code,
        WRONG,
    )
    if made is None:
        return show_page(form)
    keep_token(made.token)
    return _codes_page(made.codes)


@blueprint.post("/you/second-factor/recovery-codes")
@requires(Permission.READ, reauthentication=True)
def make_codes() -> Response:
    """Make new recovery codes, and show them, this once."""
    done = press(
        lambda session: second_factors.make_recovery_codes(
            session, staff_id=signed_in().staff.id, by=actor()
        )
    )
    return _codes_page(done.value) if done else go(url_for("second_factors.show"))


def show_page(form: CodeForm, passkey_form: PasskeyForm | None = None) -> Response:
    """Show the page of one's second factor."""
    with reading() as session:
        state = second_factors.get_state(session, staff_id=signed_in().staff.id)
        known = passkeys.list_own(session, staff_id=signed_in().staff.id)
    return page(
        "staff/second_factors.html",
        form=form,
        passkey_form=passkey_form or PasskeyForm(formdata=None),
        state=state,
        known=known,
        qr=drawn.qr_code(state.setup.address) if state.setup else None,
        is_needed=signed_in().lacks_second_factor,
    )


def _codes_page(codes: Sequence[str]) -> Response:
    return page("staff/recovery_codes.html", codes=codes)

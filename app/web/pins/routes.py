"""PINs: at a shared till one says who one is and types it; one's own is set on one's own page."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, url_for

from app.errors import NotFound
from app.http.access import public, requires
from app.http.actors import actor, is_signed_in, signed_in
from app.http.database import reading
from app.http.login import enter, find_till, leave
from app.http.messages import say
from app.http.paths import safe_path
from app.models.staff import Staff
from app.rules.actors import Permission
from app.services.devices import FoundTill
from app.services.staff import pins
from app.web.base_form import ActForm, LeaveForm
from app.web.pins.forms import OwnPinForm, PinForm
from app.web.responses import go, page, redirect_to

blueprint = Blueprint("pins", __name__)

HOME = "/counter"

FOR_ALL = ("/counter?", "/members")
"""Where everybody may go on who signs in at a till."""


@blueprint.get("/till")
@public
def people() -> Response:
    """Show who can sign in on this till."""
    till = find_till()
    if till is None:
        return redirect_to(url_for("staff.sign_in_form"))
    with reading() as session:
        known = pins.list_people(session, device=till.device)
    return page("pins/people.html", till=till, people=known, next=_next())


@blueprint.get("/till/<staff_id>")
@public
def ask(staff_id: str) -> Response:
    """Ask a person for their PIN."""
    till = find_till()
    if till is None:
        return redirect_to(url_for("staff.sign_in_form"))
    form = PinForm()
    form.next.data = _next()
    return _pin_page(form, till, staff_id)


@blueprint.post("/till/<staff_id>")
@public
def sign_in(staff_id: str) -> Response:
    """Check a PIN and open the counter; who was signed in before is out."""
    till = find_till()
    if till is None:
        return redirect_to(url_for("staff.sign_in_form"), 303)
    form = PinForm()
    made = form.submit_secret(
        lambda session: pins.sign_in(
            session,
            device=till.device,
            staff_id=staff_id,
            pin=form.pin.data or "",
            hours=current_app.config["SESSION_HOURS"],
            agent=request.user_agent.string,
            instead_of=signed_in().token if is_signed_in() else None,
        ),
        form.pin,
        "This PIN is not right. Type it again.",
        attempt="pin",
    )
    if made is None:
        return _pin_page(form, till, staff_id)
    path = safe_path(form.next.data)
    # Where the one before was may be nothing for who comes now.
    return enter(made, path=path if path.startswith(FOR_ALL) else None, home=HOME)


@blueprint.post("/till/lock")
@requires(Permission.READ, is_leaving=True)
def lock() -> Response:
    """Leave the till: who comes next says who they are."""
    if not LeaveForm().validate_on_submit():
        return redirect_to(url_for("pins.people"), 303)
    return leave()


@blueprint.post("/till/awake")
@requires(Permission.READ)
def awake() -> Response:
    """Hear that somebody touches the page, so that the till stays open."""
    ActForm().validate_on_submit()
    return current_app.response_class(status=204)


@blueprint.get("/you/pin")
@requires(Permission.READ, by_pin=False)
def edit() -> Response:
    """Show the form of one's PIN."""
    return page("pins/edit.html", form=OwnPinForm())


@blueprint.post("/you/pin")
@requires(Permission.READ, by_pin=False)
def update() -> Response:
    """Take a PIN, or another one."""
    form = OwnPinForm()
    is_set = form.submit_secret(
        lambda session: pins.set_own(
            session,
            staff_id=signed_in().staff.id,
            password=form.current.data or "",
            pin=form.pin.data or "",
            by=actor(),
        ),
        form.current,
        "This is not your password. Type it again.",
    )
    if not is_set:
        return page("pins/edit.html", form=form)
    say("Your PIN is set. Where it was used before, you are still signed in: see Sign-ins.")
    return go(url_for("staff.profile"))


def _next() -> str:
    return safe_path(request.args.get("next"))


def _pin_page(form: PinForm, till: FoundTill, staff_id: str) -> Response:
    with reading() as session:
        known: dict[str, Staff] = {
            person.id: person for person in pins.list_people(session, device=till.device)
        }
    person = known.get(staff_id)
    if person is None:
        raise NotFound("There is no such person at this till. Choose from the list.")
    return page("pins/ask.html", form=form, till=till, person=person)

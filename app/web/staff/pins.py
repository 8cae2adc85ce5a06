"""One's own PIN: for registered tills, and for approving what colleagues do."""

from __future__ import annotations

from flask import Blueprint, Response, url_for

from app.db import writing
from app.errors import RegularsError
from app.http.actors import actor, signed_in
from app.http.statuses import status_of
from app.services import pins
from app.web.responses import go, page, say
from app.web.staff.people_forms import OwnPinForm

blueprint = Blueprint("pin", __name__)


@blueprint.get("/you/pin")
def form() -> Response:
    """Show the form of one's PIN."""
    return page("staff/pin_form.html", form=OwnPinForm())


@blueprint.post("/you/pin")
def take() -> Response:
    """Take a PIN, or another one."""
    typed = OwnPinForm()
    if not typed.validate_on_submit():
        return page("staff/pin_form.html", form=typed, status=422)
    try:
        with writing() as session:
            pins.set_own(
                session,
                staff_id=signed_in().staff.id,
                password=typed.current.data or "",
                pin=typed.pin.data or "",
                by=actor(),
            )
    except RegularsError as error:
        typed.refuse(error)
        return page("staff/pin_form.html", form=typed, status=int(status_of(error)))
    say("Your PIN is set.")
    return go(url_for("staff.profile"))

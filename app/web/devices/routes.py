"""The tills: browsers that a manager has registered for a shop."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint, Response, current_app, url_for

from app.http import idle
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading, writing
from app.http.messages import say
from app.models.devices import Device
from app.rules.actors import Permission
from app.services import devices, locations
from app.web.base_form import press
from app.web.choices import choice
from app.web.devices.forms import TillForm
from app.web.responses import go, page

blueprint = Blueprint("devices", __name__)

COOKIE_SECONDS = 400 * 24 * 3600
"""A year and a month: the longest that browsers keep a cookie."""


@blueprint.get("/devices/new")
@requires(Permission.MANAGE_LOCATIONS)
def new() -> Response:
    """Show the form that makes this browser a till."""
    return _till_page(TillForm(), None)


@blueprint.post("/devices/new")
@requires(Permission.MANAGE_LOCATIONS)
def create() -> Response:
    """Make this browser a till."""
    form = TillForm()
    sent = form.submit_once(
        lambda session: devices.register(
            session,
            workspace=signed_in().workspace,
            location_id=form.location_id.data or "",
            name=form.name.data or "",
            idle_minutes=form.idle_minutes.data or 0,
            session_token=signed_in().token,
            by=actor(),
        ),
        lambda session, device_id: devices.replace_token(
            session, workspace=signed_in().workspace, device_id=device_id, by=actor()
        ),
        attrgetter("device.id"),
        again_in=writing,
    )
    if sent is None:
        return _till_page(form, None)
    say(f"This is {sent.value.device.name} from now on. Colleagues with a PIN sign in on it.")
    # Whoever registers it is at it.
    idle.note_use()
    response = go(url_for("locations.index"))
    response.set_cookie(
        current_app.config["DEVICE_COOKIE_NAME"],
        sent.value.token,
        max_age=COOKIE_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get("/devices/<device_id>")
@requires(Permission.MANAGE_LOCATIONS)
def edit(device_id: str) -> Response:
    """Show a till's name and when it locks."""
    till = _get_till(device_id)
    typed = {"name": till.name, "idle_minutes": till.idle_minutes}
    return _till_page(TillForm(data=typed), till)


@blueprint.post("/devices/<device_id>")
@requires(Permission.MANAGE_LOCATIONS)
def update(device_id: str) -> Response:
    """Give a till another name, or another time after which it locks."""
    form, till = TillForm(), _get_till(device_id)
    if not form.submit(
        lambda session: devices.edit(
            session,
            workspace=signed_in().workspace,
            device_id=device_id,
            name=form.name.data or "",
            idle_minutes=form.idle_minutes.data or 0,
            by=actor(),
        )
    ):
        return _till_page(form, till)
    say("Saved.")
    return go(url_for("locations.index"))


@blueprint.post("/devices/<device_id>/revoke")
@requires(Permission.MANAGE_LOCATIONS)
def revoke(device_id: str) -> Response:
    """Let a till be one no more."""
    till = _get_till(device_id)
    if press(
        lambda session: devices.revoke(
            session, workspace=signed_in().workspace, device_id=device_id, by=actor()
        )
    ):
        say(f"{till.name} is no till any more. Who was signed in there is out.")
    return go(url_for("locations.index"))


def _get_till(device_id: str) -> Device:
    with reading() as session:
        return devices.get(session, workspace=signed_in().workspace, device_id=device_id)


def _till_page(form: TillForm, till: Device | None) -> Response:
    with reading() as session:
        shops = locations.list_all(session, workspace_id=workspace_id())
    form.location_id.choices = [
        choice(each.id, each.name) for each in shops if each.closed_at is None
    ]
    place = next((each.name for each in shops if till and each.id == till.location_id), "")
    return page("devices/form.html", form=form, till=till, place=place)

"""Shops, and the tills that stand in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, url_for
from flask import session as cookie

from app import clock
from app.db import reading, writing
from app.errors import RegularsError
from app.http.access import SEEN
from app.http.actors import actor, signed_in, workspace_id
from app.http.statuses import status_of
from app.models.devices import Device
from app.models.programs import Location
from app.services import devices, locations
from app.web.base_form import ActForm
from app.web.choices import choice
from app.web.places.forms import ShopForm, TillForm
from app.web.responses import go, page, say

blueprint = Blueprint("places", __name__)

COOKIE_SECONDS = 400 * 24 * 3600
"""A year and a month: the longest that browsers keep a cookie."""


@blueprint.get("/staff/places")
def index() -> Response:
    """List the shops with their tills."""
    with reading() as session:
        shops = locations.list_all(session, workspace_id=workspace_id())
        tills = devices.list_all(session, workspace=signed_in().workspace)
    return page("places/index.html", shops=shops, tills=tills)


@blueprint.get("/staff/places/new")
def new() -> Response:
    """Show the form of a new shop."""
    return page("places/shop_form.html", form=ShopForm(), shop=None)


@blueprint.post("/staff/places/new")
def create() -> Response:
    """Add a shop."""
    form = ShopForm()
    return _save_shop(form, None, locations.add, name=form.name.data or "")


@blueprint.get("/staff/places/<location_id>")
def edit(location_id: str) -> Response:
    """Show a shop's name, and the way to close it."""
    shop = _get_shop(location_id)
    return page("places/shop_form.html", form=ShopForm(data={"name": shop.name}), shop=shop)


@blueprint.post("/staff/places/<location_id>")
def update(location_id: str) -> Response:
    """Give a shop another name."""
    form, shop = ShopForm(), _get_shop(location_id)
    return _save_shop(
        form, shop, locations.rename, location_id=location_id, name=form.name.data or ""
    )


@blueprint.post("/staff/places/<location_id>/close")
def close(location_id: str) -> Response:
    """Let nobody work in a shop any more."""
    return _switch(location_id, locations.close, "is closed.")


@blueprint.post("/staff/places/<location_id>/reopen")
def reopen(location_id: str) -> Response:
    """Open a closed shop again."""
    return _switch(location_id, locations.reopen, "is open again.")


@blueprint.get("/staff/tills/new")
def new_till() -> Response:
    """Show the form that makes this browser a till."""
    return _till_page(TillForm(), None)


@blueprint.post("/staff/tills/new")
def register_till() -> Response:
    """Make this browser a till."""
    form = TillForm()
    if not form.validate_on_submit():
        return _till_page(form, None, 422)
    try:
        with writing() as session:
            made = devices.register(
                session,
                workspace=signed_in().workspace,
                location_id=form.location_id.data or "",
                name=form.name.data or "",
                idle_minutes=form.idle_minutes.data or 0,
                session_token=signed_in().token,
                by=actor(),
            )
    except RegularsError as error:
        form.refuse(error)
        return _till_page(form, None, int(status_of(error)))
    say(f"This is {made.device.name} from now on. Colleagues with a PIN sign in on it.")
    # Whoever registers it is at it.
    cookie[SEEN] = int(clock.now().timestamp())
    response = go(url_for("places.index"))
    response.set_cookie(
        current_app.config["DEVICE_COOKIE_NAME"],
        made.token,
        max_age=COOKIE_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get("/staff/tills/<device_id>")
def edit_till(device_id: str) -> Response:
    """Show a till's name and when it locks."""
    till = _get_till(device_id)
    typed = {"name": till.name, "idle_minutes": till.idle_minutes}
    return _till_page(TillForm(data=typed), till)


@blueprint.post("/staff/tills/<device_id>")
def update_till(device_id: str) -> Response:
    """Give a till another name, or another time after which it locks."""
    form, till = TillForm(), _get_till(device_id)
    if not form.validate_on_submit():
        return _till_page(form, till, 422)
    try:
        with writing() as session:
            devices.edit(
                session,
                workspace=signed_in().workspace,
                device_id=device_id,
                name=form.name.data or "",
                idle_minutes=form.idle_minutes.data or 0,
                by=actor(),
            )
    except RegularsError as error:
        form.refuse(error)
        return _till_page(form, till, int(status_of(error)))
    say("Saved.")
    return go(url_for("places.index"))


@blueprint.post("/staff/tills/<device_id>/revoke")
def revoke_till(device_id: str) -> Response:
    """Let a till be one no more."""
    till = _get_till(device_id)
    if ActForm().validate_on_submit():
        with writing() as session:
            devices.revoke(
                session, workspace=signed_in().workspace, device_id=device_id, by=actor()
            )
        say(f"{till.name} is no till any more. Who was signed in there is out.")
    return go(url_for("places.index"))


def _get_shop(location_id: str) -> Location:
    with reading() as session:
        return locations.get(session, workspace_id=workspace_id(), location_id=location_id)


def _get_till(device_id: str) -> Device:
    with reading() as session:
        return devices.get(session, workspace=signed_in().workspace, device_id=device_id)


def _save_shop(
    form: ShopForm, shop: Location | None, act: Callable[..., Location], **given: Any
) -> Response:
    if not form.validate_on_submit():
        return page("places/shop_form.html", form=form, shop=shop, status=422)
    try:
        with writing() as session:
            act(session, workspace_id=workspace_id(), by=actor(), **given)
    except RegularsError as error:
        form.refuse(error)
        status = int(status_of(error))
        return page("places/shop_form.html", form=form, shop=shop, status=status)
    say("Saved.")
    return go(url_for("places.index"))


def _switch(location_id: str, act: Callable[..., Location], said: str) -> Response:
    shop = _get_shop(location_id)
    if ActForm().validate_on_submit():
        with writing() as session:
            act(session, workspace_id=workspace_id(), location_id=location_id, by=actor())
        say(f"{shop.name} {said}")
    return go(url_for("places.index"))


def _till_page(form: TillForm, till: Device | None, status: int = 200) -> Response:
    with reading() as session:
        shops = locations.list_all(session, workspace_id=workspace_id())
    form.location_id.choices = [
        choice(each.id, each.name) for each in shops if each.closed_at is None
    ]
    place = next((each.name for each in shops if till and each.id == till.location_id), "")
    return page("places/till_form.html", form=form, till=till, place=place, status=status)

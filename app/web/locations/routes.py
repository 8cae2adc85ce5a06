"""The shops of a merchant, with their tills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, url_for

from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.models.programs import Location
from app.rules.actors import Permission
from app.services import devices, locations
from app.web.base_form import press
from app.web.locations.forms import ShopForm
from app.web.responses import go, page

blueprint = Blueprint("locations", __name__)


@blueprint.get("/locations")
@requires(Permission.MANAGE_LOCATIONS)
def index() -> Response:
    """List the shops with their tills."""
    with reading() as session:
        shops = locations.list_all(session, workspace_id=workspace_id())
        tills = devices.list_all(session, workspace=signed_in().workspace)
    return page("locations/index.html", shops=shops, tills=tills)


@blueprint.get("/locations/new")
@requires(Permission.MANAGE_LOCATIONS)
def new() -> Response:
    """Show the form of a new shop."""
    return page("locations/form.html", form=ShopForm(), shop=None)


@blueprint.post("/locations/new")
@requires(Permission.MANAGE_LOCATIONS)
def create() -> Response:
    """Add a shop."""
    form = ShopForm()
    return _save_shop(form, None, locations.add, name=form.name.data or "")


@blueprint.get("/locations/<location_id>")
@requires(Permission.MANAGE_LOCATIONS)
def edit(location_id: str) -> Response:
    """Show a shop's name, and the way to close it."""
    shop = _get_shop(location_id)
    return page("locations/form.html", form=ShopForm(data={"name": shop.name}), shop=shop)


@blueprint.post("/locations/<location_id>")
@requires(Permission.MANAGE_LOCATIONS)
def update(location_id: str) -> Response:
    """Give a shop another name."""
    form, shop = ShopForm(), _get_shop(location_id)
    return _save_shop(
        form, shop, locations.rename, location_id=location_id, name=form.name.data or ""
    )


@blueprint.post("/locations/<location_id>/close")
@requires(Permission.MANAGE_LOCATIONS)
def close(location_id: str) -> Response:
    """Let nobody work in a shop any more."""
    return _switch(location_id, locations.close, "is closed.")


@blueprint.post("/locations/<location_id>/reopen")
@requires(Permission.MANAGE_LOCATIONS)
def reopen(location_id: str) -> Response:
    """Open a closed shop again."""
    return _switch(location_id, locations.reopen, "is open again.")


def _get_shop(location_id: str) -> Location:
    with reading() as session:
        return locations.get(session, workspace_id=workspace_id(), location_id=location_id)


def _save_shop(
    form: ShopForm, shop: Location | None, act: Callable[..., Location], **given: Any
) -> Response:
    if not form.submit(
        lambda session: act(session, workspace_id=workspace_id(), by=actor(), **given)
    ):
        return page("locations/form.html", form=form, shop=shop)
    say("Saved.")
    return go(url_for("locations.index"))


def _switch(location_id: str, act: Callable[..., Location], outcome: str) -> Response:
    shop = _get_shop(location_id)
    if press(
        lambda session: act(
            session, workspace_id=workspace_id(), location_id=location_id, by=actor()
        )
    ):
        say(f"{shop.name} {outcome}")
    return go(url_for("locations.index"))

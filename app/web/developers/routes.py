"""Developers: API keys, the log of requests, and the guide as a live checklist."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotFound
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.models.api_keys import ApiKey
from app.models.merchants import SANDBOX
from app.rules.actors import Permission
from app.rules.api_keys import RESOURCES
from app.services import workspaces
from app.services.api_keys import keys as api_keys
from app.services.api_keys import request_log
from app.services.api_keys.keys import NewKey
from app.services.api_keys.request_log import RequestFilters
from app.services.ledger import acts
from app.services.webhooks import delivery_log
from app.web.base_form import press
from app.web.developers.forms import NAMES, KeyForm, RollForm
from app.web.developers.guide import CALLS, Step, steps
from app.web.paging import shown_before
from app.web.responses import go, page, part_page, redirect_to

blueprint = Blueprint("developers", __name__, url_prefix="/developers")

LATEST_COUNT = 6


@blueprint.get("")
@requires(Permission.EDIT_PROGRAMS)
def index() -> Response:
    """Show keys, webhook endpoints, the guide and the latest requests."""
    with reading() as session:
        keys = api_keys.list_keys(session, workspace=signed_in().workspace)
        latest = request_log.list_requests(session, workspace_id=workspace_id(), limit=LATEST_COUNT)
        endpoints = delivery_log.list_health(session, workspace_id=workspace_id())
    return page(
        "developers/index.html",
        endpoints=endpoints,
        keys=keys,
        requests=latest.rows,
        key_names=_names(keys),
        steps=_guide(),
        is_over=_is_over,
        address=request.host_url + "v1",
    )


@blueprint.get("/guide")
@requires(Permission.EDIT_PROGRAMS, is_unattended=True)
def guide() -> Response:
    """Show how far the guide has come; the page asks again by itself."""
    return part_page("developers/_guide.html", title="The guide", in_card=False, steps=_guide())


@blueprint.get("/keys/new")
@requires(Permission.MANAGE_KEYS)
def new_key() -> Response:
    """Show the form of a new key."""
    return _key_page(KeyForm())


@blueprint.post("/keys/new")
@requires(Permission.MANAGE_KEYS)
def create_key() -> Response:
    """Make a key and show it, this once."""
    form = KeyForm()
    sent = form.submit_once(
        lambda session: api_keys.create(
            session,
            workspace=signed_in().workspace,
            name=form.name.data or "",
            scopes=form.chosen_scopes(),
            by=actor(),
        ),
        _made_before,
        attrgetter("key.id"),
    )
    return _made_page(sent.value) if sent else _key_page(form)


@blueprint.get("/keys/<key_id>/roll")
@requires(Permission.MANAGE_KEYS)
def roll_form(key_id: str) -> Response:
    """Show the form to roll a key."""
    return _roll_page(RollForm(), _get_key(key_id))


@blueprint.post("/keys/<key_id>/roll")
@requires(Permission.MANAGE_KEYS)
def roll(key_id: str) -> Response:
    """Make a key like this one and show it, this once."""
    form, key = RollForm(), _get_key(key_id)
    sent = form.submit_once(
        lambda session: api_keys.roll(
            session,
            workspace=signed_in().workspace,
            key_id=key_id,
            overlap_hours=int(form.overlap_hours.data),
            by=actor(),
        ),
        _made_before,
        attrgetter("key.id"),
    )
    return _made_page(sent.value) if sent else _roll_page(form, key)


@blueprint.get("/keys/<key_id>/revoke")
@requires(Permission.MANAGE_KEYS)
def revoke_form(key_id: str) -> Response:
    """Say what revoking does, before it is done."""
    key = _get_key(key_id)
    return part_page("developers/_revoke_form.html", title="Revoke a key", key=key)


@blueprint.post("/keys/<key_id>/revoke")
@requires(Permission.MANAGE_KEYS)
def revoke(key_id: str) -> Response:
    """End a key at once."""
    done = press(
        lambda session: api_keys.revoke(
            session, workspace=signed_in().workspace, key_id=key_id, by=actor()
        )
    )
    if done:
        say(f"“{done.value.name}” is revoked. Nothing that uses it gets in any more.")
    return go(url_for("developers.index"))


@blueprint.get("/requests")
@requires(Permission.EDIT_PROGRAMS)
def list_requests() -> Response:
    """List requests, newest first."""
    filters = RequestFilters(
        key_id=request.args.get("key", ""), failed_only=request.args.get("failed") == "1"
    )
    with reading() as session:
        found = request_log.list_requests(
            session,
            workspace_id=workspace_id(),
            filters=filters,
            after=request.args.get("after"),
        )
        keys = api_keys.list_keys(session, workspace=signed_in().workspace)
    return page(
        "developers/requests.html",
        part="developers/_requests.html",
        found=found,
        filters=filters,
        keys=keys,
        key_names=_names(keys),
        shown=shown_before(request.args) + len(found.rows),
    )


@blueprint.get("/requests/<request_id>")
@requires(Permission.EDIT_PROGRAMS)
def show_request(request_id: str) -> Response:
    """Show one request and the ledger entries that it made."""
    with reading() as session:
        found = request_log.get_request(session, workspace_id=workspace_id(), request_id=request_id)
        entries = request_log.list_entries(
            session, workspace_id=workspace_id(), request_id=request_id
        )
        keys = api_keys.list_keys(session, workspace=signed_in().workspace)
    return page("developers/request.html", found=found, entries=entries, key_names=_names(keys))


@blueprint.get("/entries/<entry_id>")
@requires(Permission.EDIT_PROGRAMS)
def request_of_entry(entry_id: str) -> Response:
    """Go from a ledger entry to the request that made it."""
    with reading() as session:
        entry = acts.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
        found = request_log.find_maker(session, entry=entry)
    if found is None:
        raise NotFound("That request is not in the log. Requests are kept for 30 days.")
    return redirect_to(url_for("developers.show_request", request_id=found.id))


def _guide() -> list[Step]:
    """Judge the guide by the sandbox, whatever workspace one is in."""
    with reading() as session:
        sandbox = workspaces.get_workspace(
            session, merchant_id=signed_in().merchant.id, mode=SANDBOX
        )
        seen = request_log.list_seen_calls(session, workspace_id=sandbox.id, among=CALLS)
    return steps(seen)


def _made_before(session: Session, key_id: str) -> NewKey:
    """Return a key without its secret, which was shown when the form was sent first."""
    return NewKey(api_keys.get_key(session, workspace=signed_in().workspace, key_id=key_id), "")


def _get_key(key_id: str) -> ApiKey:
    with reading() as session:
        return api_keys.get_key(session, workspace=signed_in().workspace, key_id=key_id)


def _names(keys: Sequence[ApiKey]) -> dict[str, str]:
    return {key.id: key.name for key in keys}


def _is_over(key: ApiKey) -> bool:
    is_expired = key.expires_at is not None and key.expires_at <= clock.now()
    return key.revoked_at is not None or is_expired


def _key_page(form: KeyForm) -> Response:
    return page("developers/key_form.html", form=form, resources=RESOURCES, names=NAMES)


def _roll_page(form: RollForm, key: ApiKey) -> Response:
    return part_page("developers/_roll_form.html", title="Roll a key", form=form, key=key)


def _made_page(made: NewKey) -> Response:
    return page("developers/key_made.html", made=made)

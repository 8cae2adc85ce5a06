"""Webhooks on the dashboard: endpoints, the log of deliveries, sending again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from operator import attrgetter

from flask import Blueprint, Response, current_app, request, url_for
from sqlalchemy.orm import Session

from app import clock
from app.config import Settings
from app.errors import NotFound
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading, writing
from app.http.messages import say
from app.models.webhooks import WebhookEndpoint
from app.rules.actors import Permission
from app.services import outbox, snapshots
from app.services.ledger import acts
from app.services.webhooks import delivery_log, resends
from app.services.webhooks import endpoints as webhook_endpoints
from app.services.webhooks.delivery_log import DeliveryFilters, Progress
from app.services.webhooks.endpoints import NewEndpoint
from app.web.base_form import ActForm, is_pressed, press
from app.web.paging import shown_before
from app.web.responses import go, page, part_page
from app.web.webhooks.forms import EndpointForm, ResendForm, RotateForm, values_of

blueprint = Blueprint("webhooks", __name__, url_prefix="/developers/webhooks")

LATEST_COUNT = 6
RESEND_HOURS = 24
"""What the form to send again proposes: the last day."""

STATES = {"waiting": "Waiting", "failed": "Failed", "delivered": "Delivered"}


@blueprint.get("/new")
@requires(Permission.MANAGE_WEBHOOKS)
def new() -> Response:
    """Show the form of a new endpoint."""
    return _form_page(EndpointForm())


@blueprint.post("/new")
@requires(Permission.MANAGE_WEBHOOKS)
def create() -> Response:
    """Make an endpoint and show its secret, this once."""
    form = EndpointForm()
    sent = form.submit_once(
        lambda session: webhook_endpoints.create_endpoint(
            session,
            workspace_id=workspace_id(),
            url=form.url.data or "",
            enabled_events=form.events(),
            allows_http=_allows_http(),
            by=actor(),
        ),
        _made_before,
        attrgetter("endpoint.id"),
    )
    return _secret_page(sent.value) if sent else _form_page(form)


@blueprint.get("/<endpoint_id>")
@requires(Permission.EDIT_PROGRAMS)
def show(endpoint_id: str) -> Response:
    """Show an endpoint: how it does, its secret's state, its latest deliveries."""
    with reading() as session:
        endpoint = webhook_endpoints.get_endpoint(
            session, workspace_id=workspace_id(), endpoint_id=endpoint_id
        )
        health = delivery_log.get_health(session, endpoint=endpoint)
        latest = delivery_log.list_deliveries(
            session,
            workspace_id=workspace_id(),
            filters=DeliveryFilters(endpoint_id=endpoint_id),
            limit=LATEST_COUNT,
        )
    return page(
        "webhooks/show.html",
        endpoint=endpoint,
        health=health,
        deliveries=latest.rows,
        now=clock.now(),
    )


@blueprint.get("/<endpoint_id>/edit")
@requires(Permission.MANAGE_WEBHOOKS)
def edit(endpoint_id: str) -> Response:
    """Show an endpoint's form."""
    endpoint = _get(endpoint_id)
    return _form_page(EndpointForm(data=values_of(endpoint)), endpoint)


@blueprint.post("/<endpoint_id>/edit")
@requires(Permission.MANAGE_WEBHOOKS)
def update(endpoint_id: str) -> Response:
    """Change an endpoint."""
    form, endpoint = EndpointForm(), _get(endpoint_id)
    changes = {"url": form.url.data or "", "enabled_events": form.events()}
    if not form.submit(lambda session: _amend(session, endpoint_id, changes)):
        return _form_page(form, endpoint)
    say("Saved.")
    return go(url_for("webhooks.show", endpoint_id=endpoint_id))


@blueprint.post("/<endpoint_id>/enable")
@requires(Permission.MANAGE_WEBHOOKS)
def enable(endpoint_id: str) -> Response:
    """Switch an endpoint on."""
    if press(lambda session: _amend(session, endpoint_id, {"status": "enabled"})):
        say("On. What waits is sent now. Resend a time for what happened while it was off.")
    return go(url_for("webhooks.show", endpoint_id=endpoint_id))


@blueprint.post("/<endpoint_id>/disable")
@requires(Permission.MANAGE_WEBHOOKS)
def disable(endpoint_id: str) -> Response:
    """Switch an endpoint off."""
    if press(lambda session: _amend(session, endpoint_id, {"status": "disabled"})):
        say("Off. Nothing is sent to it until you switch it on.")
    return go(url_for("webhooks.show", endpoint_id=endpoint_id))


@blueprint.get("/<endpoint_id>/rotate")
@requires(Permission.MANAGE_WEBHOOKS)
def rotate_form(endpoint_id: str) -> Response:
    """Show the form to rotate a secret."""
    return _rotate_page(RotateForm(), _get(endpoint_id))


@blueprint.post("/<endpoint_id>/rotate")
@requires(Permission.MANAGE_WEBHOOKS)
def rotate(endpoint_id: str) -> Response:
    """Make a new secret and show it, this once."""
    form, endpoint = RotateForm(), _get(endpoint_id)
    sent = form.submit_once(
        lambda session: webhook_endpoints.rotate_secret(
            session,
            workspace_id=workspace_id(),
            endpoint_id=endpoint_id,
            overlap_hours=int(form.overlap_hours.data),
            by=actor(),
        ),
        _made_before,
        attrgetter("endpoint.id"),
    )
    return _secret_page(sent.value) if sent else _rotate_page(form, endpoint)


@blueprint.get("/<endpoint_id>/delete")
@requires(Permission.MANAGE_WEBHOOKS)
def delete_form(endpoint_id: str) -> Response:
    """Say what deleting does, before it is done."""
    endpoint = _get(endpoint_id)
    return part_page("webhooks/_delete_form.html", title="Delete an endpoint", endpoint=endpoint)


@blueprint.post("/<endpoint_id>/delete")
@requires(Permission.MANAGE_WEBHOOKS)
def delete(endpoint_id: str) -> Response:
    """Remove an endpoint and its log."""
    if is_pressed():
        try:
            with writing() as session:
                webhook_endpoints.delete_endpoint(
                    session, workspace_id=workspace_id(), endpoint_id=endpoint_id, by=actor()
                )
        except NotFound:
            # Deleted already is what a second press wanted.
            if not _was_deleted(endpoint_id):
                raise
        say("The endpoint is deleted.")
    return go(url_for("developers.index"))


@blueprint.post("/<endpoint_id>/test")
@requires(Permission.MANAGE_WEBHOOKS)
def send_test(endpoint_id: str) -> Response:
    """Send a test event and go to its delivery."""
    form = ActForm()
    sent = form.submit_once(
        lambda session: resends.send_test(
            session, workspace_id=workspace_id(), endpoint_id=endpoint_id, by=actor()
        ),
        lambda session, delivery_id: delivery_log.get_delivery(
            session, workspace_id=workspace_id(), delivery_id=delivery_id
        ),
    )
    if sent is None:
        say(form.problem)
        return go(url_for("webhooks.show", endpoint_id=endpoint_id))
    return go(url_for("webhooks.show_delivery", delivery_id=sent.value.id))


@blueprint.get("/deliveries")
@requires(Permission.EDIT_PROGRAMS)
def list_deliveries() -> Response:
    """List deliveries by endpoint, type of event and state, the newest first."""
    filters = DeliveryFilters(
        endpoint_id=request.args.get("to", ""),
        event_type=_known(request.args.get("type", ""), (*outbox.EVENT_TYPES, outbox.TEST_TYPE)),
        state=_known(request.args.get("state", ""), delivery_log.STATES),
    )
    with reading() as session:
        found = delivery_log.list_deliveries(
            session,
            workspace_id=workspace_id(),
            filters=filters,
            after=request.args.get("after"),
        )
        endpoints = delivery_log.list_health(session, workspace_id=workspace_id())
    return page(
        "webhooks/deliveries.html",
        part="webhooks/_deliveries.html",
        found=found,
        filters=filters,
        endpoints=endpoints,
        states=STATES,
        event_types=outbox.EVENT_TYPES,
        shown=shown_before(request.args) + len(found.rows),
    )


@blueprint.get("/deliveries/<delivery_id>")
@requires(Permission.EDIT_PROGRAMS)
def show_delivery(delivery_id: str) -> Response:
    """Show a delivery: what is sent, each attempt, where the event came from."""
    with reading() as session:
        delivery = delivery_log.get_delivery(
            session, workspace_id=workspace_id(), delivery_id=delivery_id
        )
        attempts = delivery_log.list_attempts(session, delivery=delivery)
    return page(
        "webhooks/delivery.html",
        part="webhooks/_delivery.html",
        delivery=delivery,
        attempts=attempts,
        body=snapshots.event_body(delivery.event, is_live=signed_in().workspace.is_live),
        now=clock.now(),
    )


@blueprint.post("/deliveries/<delivery_id>/resend")
@requires(Permission.MANAGE_WEBHOOKS)
def resend(delivery_id: str) -> Response:
    """Send one delivery again."""
    if press(
        lambda session: resends.resend(
            session, workspace_id=workspace_id(), delivery_id=delivery_id, by=actor()
        )
    ):
        say("It is sent again now. Receivers know it by the same id.")
    return go(url_for("webhooks.show_delivery", delivery_id=delivery_id))


@blueprint.get("/<endpoint_id>/resend")
@requires(Permission.MANAGE_WEBHOOKS)
def resend_form(endpoint_id: str) -> Response:
    """Show the form to send a range of time again."""
    now = clock.now()
    form = ResendForm(
        data={"since": now - timedelta(hours=RESEND_HOURS), "until": now + timedelta(minutes=1)}
    )
    return _resend_page(form, _get(endpoint_id))


@blueprint.post("/<endpoint_id>/resend")
@requires(Permission.MANAGE_WEBHOOKS)
def resend_range(endpoint_id: str) -> Response:
    """Send a range of time again and go to its progress."""
    form, endpoint = ResendForm(), _get(endpoint_id)
    _set_zone(form)
    sent = form.submit_once(
        lambda session: resends.resend_range(
            session,
            workspace_id=workspace_id(),
            endpoint_id=endpoint_id,
            since=form.since.data,
            until=form.until.data,
            with_delivered=bool(form.with_delivered.data),
            by=actor(),
        ),
        lambda session, resend_id: (
            delivery_log.get_progress(
                session, workspace_id=workspace_id(), resend_id=resend_id
            ).resend
        ),
    )
    if sent is None:
        return _resend_page(form, endpoint)
    return go(url_for("webhooks.show_resend", resend_id=sent.value.id))


@blueprint.get("/resends/<resend_id>")
@requires(Permission.EDIT_PROGRAMS)
def show_resend(resend_id: str) -> Response:
    """Show how far a resend has come; the page asks again by itself."""
    with reading() as session:
        progress: Progress = delivery_log.get_progress(
            session, workspace_id=workspace_id(), resend_id=resend_id
        )
    return page("webhooks/resend.html", part="webhooks/_progress.html", progress=progress)


@blueprint.get("/entries/<entry_id>")
@requires(Permission.EDIT_PROGRAMS)
def events_of_entry(entry_id: str) -> Response:
    """Show the events that a ledger entry made, and where they went."""
    with reading() as session:
        entry = acts.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
        events = delivery_log.list_of_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
    return page("webhooks/entry.html", entry=entry, events=events)


def _made_before(session: Session, endpoint_id: str) -> NewEndpoint:
    """Return an endpoint without its secret, which was shown when the form was sent first."""
    given = {"workspace_id": workspace_id(), "endpoint_id": endpoint_id}
    return NewEndpoint(webhook_endpoints.get_endpoint(session, **given), "")


def _get(endpoint_id: str) -> WebhookEndpoint:
    with reading() as session:
        return webhook_endpoints.get_endpoint(
            session, workspace_id=workspace_id(), endpoint_id=endpoint_id
        )


def _was_deleted(endpoint_id: str) -> bool:
    with reading() as session:
        return webhook_endpoints.was_deleted(
            session, workspace_id=workspace_id(), endpoint_id=endpoint_id
        )


def _amend(session: Session, endpoint_id: str, changes: Mapping[str, object]) -> None:
    webhook_endpoints.amend_endpoint(
        session,
        workspace_id=workspace_id(),
        endpoint_id=endpoint_id,
        changes=changes,
        allows_http=_allows_http(),
        by=actor(),
    )


def _known(text: str, words: tuple[str, ...]) -> str:
    return text if text in words else ""


def _allows_http() -> bool:
    settings: Settings = current_app.extensions["regulars.settings"]
    return settings.allows_private_webhooks


def _set_zone(form: ResendForm) -> None:
    form.since.zone = form.until.zone = signed_in().merchant.time_zone


def _form_page(form: EndpointForm, endpoint: WebhookEndpoint | None = None) -> Response:
    return page("webhooks/form.html", form=form, endpoint=endpoint, event_types=outbox.EVENT_TYPES)


def _rotate_page(form: RotateForm, endpoint: WebhookEndpoint) -> Response:
    return part_page(
        "webhooks/_rotate_form.html",
        title="Rotate the secret",
        form=form,
        endpoint=endpoint,
        now=clock.now(),
    )


def _secret_page(made: NewEndpoint) -> Response:
    return page("webhooks/secret.html", made=made, now=clock.now())


def _resend_page(form: ResendForm, endpoint: WebhookEndpoint) -> Response:
    _set_zone(form)
    return part_page(
        "webhooks/_resend_form.html", title="Resend a time", form=form, endpoint=endpoint
    )

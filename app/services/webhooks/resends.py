"""Sending again, and sending a test: what a person asks of the deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import lowest_id, new_id
from app.models.outbox import Event
from app.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookResend
from app.rules.actors import Actor
from app.services import outbox
from app.services.audit import trail
from app.services.webhooks import deliveries, delivery_log, endpoints

RESENT_AT_ONCE = 10_000
"""So many deliveries are sent again by one request; a shorter time holds fewer."""

_DUE = {
    "status": "waiting",
    "earlier_attempt_count": WebhookDelivery.attempt_count,
}


def send_test(
    session: Session, *, workspace_id: str, endpoint_id: str, by: Actor
) -> WebhookDelivery:
    """Send an event of type `webhook.test` to one endpoint and to no other.

    Raises:
        EndpointDisabled: nothing is sent to it.
        NotFound, PermissionDenied: as they say.
    """
    endpoints.check_may_manage(by)
    endpoint = _enabled(session, workspace_id, endpoint_id)
    event_id = new_id("evt")
    outbox.emit_test(session, workspace_id=workspace_id, event_id=event_id)
    session.flush()
    row = deliveries.new_delivery(workspace_id, endpoint_id, event_id)
    deliveries.insert(session, [row])
    _record(session, "webhooks.send_test", endpoint, by)
    return _delivery_of(session, workspace_id, endpoint_id, event_id)


def resend(session: Session, *, workspace_id: str, delivery_id: str, by: Actor) -> WebhookDelivery:
    """Let a delivery be due now, with all its attempts before it. Twice changes nothing.

    Raises:
        EndpointDisabled: nothing is sent to its endpoint.
        NotFound, PermissionDenied: as they say.
    """
    endpoints.check_may_manage(by)
    delivery = delivery_log.get_delivery(
        session, workspace_id=workspace_id, delivery_id=delivery_id
    )
    endpoint = _enabled(session, workspace_id, delivery.endpoint_id)
    _make_due(session, workspace_id, [WebhookDelivery.id == delivery_id], resend_id=None)
    _record(session, "webhooks.resend", endpoint, by)
    session.expire(delivery)
    return delivery_log.get_delivery(session, workspace_id=workspace_id, delivery_id=delivery_id)


def resend_range(
    session: Session,
    *,
    workspace_id: str,
    endpoint_id: str,
    since: datetime,
    until: datetime,
    with_delivered: bool,
    by: Actor,
) -> WebhookResend:
    """Send the events of a range of time to an endpoint again.

    What was never sent to it, because it was off or did not exist yet, is sent as well.

    Args:
        since: inclusive, aware.
        until: exclusive, aware.
        with_delivered: whether what had arrived is sent once more.

    Raises:
        EndpointDisabled: nothing is sent to it.
        InvalidParameter: the range is empty, holds nothing to send, or holds too much.
        NotFound, PermissionDenied: as they say.
    """
    endpoints.check_may_manage(by)
    if until <= since:
        raise errors.InvalidParameter("until", "The end lies before the beginning. Change one.")
    if not with_delivered and since < clock.now() - timedelta(days=deliveries.KEPT_DAYS):
        raise errors.InvalidParameter(
            "since",
            f"Nobody knows any more what arrived over {deliveries.KEPT_DAYS} days ago. "
            "Begin later, or send what had arrived once more, too.",
        )
    endpoint = _enabled(session, workspace_id, endpoint_id)
    resend_id = new_id("whr")
    events = _events_between(session, endpoint, since, until)
    deliveries.insert(
        session,
        [deliveries.new_delivery(workspace_id, endpoint_id, each) for each in events],
    )
    count = _make_due(
        session,
        workspace_id,
        _chosen(endpoint_id, since, until, with_delivered=with_delivered),
        resend_id=resend_id,
    )
    if not count:
        raise errors.InvalidParameter("since", "Nothing of that time is left to send.")
    made = WebhookResend(
        workspace_id=workspace_id,
        id=resend_id,
        endpoint_id=endpoint_id,
        since=since,
        until=until,
        with_delivered=with_delivered,
        delivery_count=count,
        created_at=clock.now(),
    )
    session.add(made)
    _record(session, "webhooks.resend_range", endpoint, by, delivery_count=count)
    return made


def _enabled(session: Session, workspace_id: str, endpoint_id: str) -> WebhookEndpoint:
    endpoint = endpoints.lock_endpoint(session, workspace_id, endpoint_id)
    if endpoint.status != "enabled":
        raise errors.EndpointDisabled
    return endpoint


def _delivery_of(
    session: Session, workspace_id: str, endpoint_id: str, event_id: str
) -> WebhookDelivery:
    return session.scalars(
        select(WebhookDelivery).where(
            WebhookDelivery.workspace_id == workspace_id,
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.event_id == event_id,
        )
    ).one()


def _events_between(
    session: Session, endpoint: WebhookEndpoint, since: datetime, until: datetime
) -> Sequence[str]:
    """List the ids of the events of a time that an endpoint is to be told of."""
    statement = select(Event.id).where(
        Event.workspace_id == endpoint.workspace_id,
        Event.id >= lowest_id("evt", since),
        Event.id < lowest_id("evt", until),
    )
    if endpoint.enabled_events != [endpoints.ALL_EVENTS]:
        statement = statement.where(Event.type.in_(endpoint.enabled_events))
    else:
        statement = statement.where(Event.type.in_(outbox.EVENT_TYPES))
    found = session.scalars(statement.limit(RESENT_AT_ONCE + 1)).all()
    if len(found) > RESENT_AT_ONCE:
        raise errors.InvalidParameter(
            "since", f"More than {RESENT_AT_ONCE:,} events lie in that time. Choose a shorter one."
        )
    return found


def _chosen(
    endpoint_id: str, since: datetime, until: datetime, *, with_delivered: bool
) -> list[ColumnElement[bool]]:
    chosen = [
        WebhookDelivery.endpoint_id == endpoint_id,
        WebhookDelivery.event_id >= lowest_id("evt", since),
        WebhookDelivery.event_id < lowest_id("evt", until),
    ]
    return chosen if with_delivered else [*chosen, WebhookDelivery.status != "delivered"]


def _make_due(
    session: Session,
    workspace_id: str,
    chosen: Sequence[ColumnElement[bool]],
    *,
    resend_id: str | None,
) -> int:
    """Let deliveries be due now, and say how many; one that is under way stays under its lease."""
    values = {**_DUE, "next_attempt_at": clock.now()}
    if resend_id is not None:
        values["resend_id"] = resend_id
    where = (WebhookDelivery.workspace_id == workspace_id, *chosen)
    # Locked in the order of their ids, as a claim does, so that neither waits crosswise.
    session.execute(
        select(WebhookDelivery.id).where(*where).order_by(WebhookDelivery.id).with_for_update()
    ).all()
    made_due = session.execute(
        update(WebhookDelivery)
        .where(*where)
        .values(values)
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(made_due.all())


def _record(
    session: Session,
    act: str,
    endpoint: WebhookEndpoint,
    by: Actor,
    *,
    delivery_count: int | None = None,
) -> None:
    trail.record(
        session,
        workspace_id=endpoint.workspace_id,
        act=act,
        by=by,
        subject_id=endpoint.id,
        after={"deliveryCount": delivery_count} if delivery_count else None,
    )

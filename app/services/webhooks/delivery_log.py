"""Reading how events got to their endpoints: the log that staff look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from app import errors
from app.models.outbox import Event
from app.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookResend
from app.services import paging
from app.services.paging import PAGE_ROWS, Page, make_page

COUNT_MAX = 10_000
"""A page says “more than 10,000” rather than count on while somebody waits."""

STATES = ("waiting", "delivered", "failed")


@dataclass(frozen=True, kw_only=True)
class DeliveryFilters:
    """What narrows the log; empty means all.

    Attributes:
        state: one of `STATES`.
    """

    endpoint_id: str = ""
    event_type: str = ""
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an endpoint does.

    Attributes:
        waiting_count: deliveries that are still to be made, counted up to a bound.
        failed_count: deliveries that were given up, counted up to the same bound.
    """

    endpoint: WebhookEndpoint
    waiting_count: int
    failed_count: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a range that is sent again has come."""

    resend: WebhookResend
    endpoint: WebhookEndpoint
    waiting_count: int

    @property
    def done_count(self) -> int:
        """How many of its deliveries have ended."""
        return self.resend.delivery_count - self.waiting_count


def list_deliveries(
    session: Session,
    *,
    workspace_id: str,
    filters: DeliveryFilters | None = None,
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page[WebhookDelivery]:
    """List deliveries with their events and endpoints, the newest first.

    Args:
        after: the id of the last row of the page before.
    """
    filters = filters or DeliveryFilters()
    statement = (
        select(WebhookDelivery)
        .where(WebhookDelivery.workspace_id == workspace_id)
        .join(WebhookDelivery.event)
        .options(contains_eager(WebhookDelivery.event), joinedload(WebhookDelivery.endpoint))
        .limit(limit + 1)
    )
    place: Any = WebhookDelivery.id
    endpoint_id: Any = WebhookDelivery.endpoint_id
    state: Any = WebhookDelivery.status
    if filters.event_type:
        events = select(Event.id).where(
            Event.workspace_id == workspace_id, Event.type == filters.event_type
        )
        if paging.are_few(session, events):
            few = session.scalars(events).all()
            statement = statement.where(WebhookDelivery.event_id.in_(few))
            place, endpoint_id, state = map(paging.without_index, (place, endpoint_id, state))
        else:
            statement = statement.where(paging.without_index(Event.type) == filters.event_type)
    if filters.endpoint_id and filters.state and state is WebhookDelivery.status:
        known = _of_endpoint(workspace_id, filters.endpoint_id)
        if paging.are_few(session, known.where(state == filters.state)):
            place = paging.without_index(place)
        else:
            state = paging.without_index(state)
    if filters.endpoint_id:
        statement = statement.where(endpoint_id == filters.endpoint_id)
    if filters.state:
        statement = statement.where(state == filters.state)
    if after:
        statement = statement.where(place < after)
    statement = statement.order_by(place.desc())
    rows = session.scalars(statement).all()
    return make_page(rows, limit=limit, cursors=[row.id for row in rows])


def _of_endpoint(workspace_id: str, endpoint_id: str) -> Select[str]:
    return select(WebhookDelivery.id).where(
        WebhookDelivery.workspace_id == workspace_id, WebhookDelivery.endpoint_id == endpoint_id
    )


def get_delivery(session: Session, *, workspace_id: str, delivery_id: str) -> WebhookDelivery:
    """Give one delivery with its event and endpoint.

    Raises:
        NotFound: no such delivery in this workspace, or its 30 days are over.
    """
    found = session.scalar(
        select(WebhookDelivery)
        .where(WebhookDelivery.workspace_id == workspace_id, WebhookDelivery.id == delivery_id)
        .options(joinedload(WebhookDelivery.event), joinedload(WebhookDelivery.endpoint))
    )
    if found is None:
        raise errors.NotFound("There is no such delivery here. They are kept for 30 days.")
    return found


def list_attempts(session: Session, *, delivery: WebhookDelivery) -> Sequence[WebhookAttempt]:
    """List a delivery's attempts, the latest first."""
    return session.scalars(
        select(WebhookAttempt)
        .where(
            WebhookAttempt.workspace_id == delivery.workspace_id,
            WebhookAttempt.delivery_id == delivery.id,
        )
        .order_by(WebhookAttempt.number.desc())
    ).all()


def list_of_entry(
    session: Session, *, workspace_id: str, entry_id: str
) -> Sequence[tuple[Event, Sequence[WebhookDelivery]]]:
    """List the events that a ledger entry made, each with its deliveries."""
    # Sorted here: asked for an order by ids, SQLite without statistics reads all in that order.
    events = sorted(
        session.scalars(
            select(Event).where(Event.workspace_id == workspace_id, Event.entry_id == entry_id)
        ),
        key=attrgetter("id"),
    )
    deliveries = sorted(
        session.scalars(
            select(WebhookDelivery)
            .where(
                WebhookDelivery.workspace_id == workspace_id,
                WebhookDelivery.event_id.in_([event.id for event in events]),
            )
            .options(joinedload(WebhookDelivery.endpoint))
        ),
        key=attrgetter("id"),
    )
    return [(event, [each for each in deliveries if each.event_id == event.id]) for event in events]


def list_health(session: Session, *, workspace_id: str) -> Sequence[Health]:
    """List the endpoints, the oldest first, with what waits and what failed."""
    endpoints = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id)
        .order_by(WebhookEndpoint.id)
    ).all()
    return [get_health(session, endpoint=endpoint) for endpoint in endpoints]


def list_needing_attention(session: Session, *, workspace_id: str) -> Sequence[Health]:
    """List the endpoints that a person should look at."""
    known = select(WebhookEndpoint).where(
        WebhookEndpoint.workspace_id == workspace_id,
        WebhookEndpoint.failing_since.is_not(None) | (WebhookEndpoint.disabled_reason != ""),
    )
    return [get_health(session, endpoint=each) for each in session.scalars(known).all()]


def get_health(session: Session, *, endpoint: WebhookEndpoint) -> Health:
    """Count what waits for an endpoint, and what was given up."""
    counts = {
        state: paging.count_up_to(
            session,
            _of_endpoint(endpoint.workspace_id, endpoint.id).where(WebhookDelivery.status == state),
            COUNT_MAX,
        )
        for state in ("waiting", "failed")
    }
    return Health(endpoint=endpoint, waiting_count=counts["waiting"], failed_count=counts["failed"])


def get_progress(session: Session, *, workspace_id: str, resend_id: str) -> Progress:
    """Say how far a resend has come.

    Raises:
        NotFound: no such resend in this workspace.
    """
    row = session.execute(
        select(WebhookResend, WebhookEndpoint)
        .join(
            WebhookEndpoint,
            (WebhookEndpoint.workspace_id == WebhookResend.workspace_id)
            & (WebhookEndpoint.id == WebhookResend.endpoint_id),
        )
        .where(WebhookResend.workspace_id == workspace_id, WebhookResend.id == resend_id)
    ).first()
    if row is None:
        raise errors.NotFound("There is no such resend here.")
    waiting = select(WebhookDelivery.id).where(
        WebhookDelivery.workspace_id == workspace_id,
        WebhookDelivery.resend_id == resend_id,
        WebhookDelivery.status == "waiting",
    )
    return Progress(
        resend=row[0],
        endpoint=row[1],
        waiting_count=paging.count_up_to(session, waiting, COUNT_MAX),
    )

"""Deliveries of events: written once per endpoint, claimed by workers, finished or tried again.

The claim is a lease, taken within one workspace, which SQLite, PostgreSQL and a distributed
PostgreSQL all do alike. At least once: whoever dies between the answer and `finish` lets the lease
run out, and the receiver sees the same `webhook-id` again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app import clock
from app.db import statements
from app.ids import lowest_id, new_id
from app.models.columns import JsonObject
from app.models.merchants import Workspace
from app.models.outbox import Event
from app.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.rules import retrying
from app.services import snapshots
from app.services.webhooks.endpoints import ALL_EVENTS

DISPATCHED_AT_ONCE = 500
INSERTED_AT_ONCE = 500
"""SQLite takes 32,766 values in one statement, and a row has ten."""

KEPT_DAYS = 30

PLACES_PER_ENDPOINT = 8
"""Attempts that may be under way to one endpoint at once, in one worker."""

PLACES_OF_A_FAILING_ENDPOINT = 1
"""Whoever does not answer is asked by one thread, so that fifty of them leave threads to others."""

LEASE_SECONDS = 30
"""Longer than the longest attempt with its wait for a thread and its two transactions."""

GONE = 410


@dataclass(frozen=True)
class Job:
    """One attempt to make: where to, what, and under which lease."""

    workspace_id: str
    delivery_id: str
    endpoint_id: str
    lease: str
    url: str
    secrets: Sequence[str]
    event_id: str
    body: JsonObject


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of an attempt.

    Attributes:
        status: the HTTP status, or None when there was no answer.
        error: why there was none, in words.
        start: the first characters of the answer.
        retry_after_seconds: what the receiver asked for, if it did.
    """

    duration_ms: float
    status: int | None = None
    error: str = ""
    start: str = ""
    retry_after_seconds: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - 2xx


def dispatch(session: Session, *, workspace_id: str) -> int:
    """Write the deliveries of events that have none yet, the oldest first; say how many events.

    An endpoint is told of what happened since it was made.
    """
    events = session.execute(
        select(Event.id, Event.type, Event.created_at)
        .where(Event.workspace_id == workspace_id, Event.is_dispatched.is_(False))
        .order_by(Event.id)
        .limit(DISPATCHED_AT_ONCE)
        # In one order, so that two who dispatch at once never wait for each other crosswise.
        .with_for_update(key_share=True)
    ).all()
    if not events:
        return 0
    endpoints = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.status == "enabled")
        .order_by(WebhookEndpoint.id)
        # Held against being deleted until the deliveries are written.
        .with_for_update(read=True, key_share=True)
    ).all()
    rows = [
        new_delivery(workspace_id, endpoint.id, event.id)
        for event in events
        for endpoint in endpoints
        if wants(endpoint, event.type) and event.created_at >= endpoint.created_at
    ]
    insert(session, rows)
    session.execute(
        update(Event)
        .where(Event.workspace_id == workspace_id, Event.id.in_([event.id for event in events]))
        .values(is_dispatched=True)
    )
    return len(events)


def wants(endpoint: WebhookEndpoint, event_type: str) -> bool:
    """Say whether an endpoint is told of a type of events."""
    return bool({ALL_EVENTS, event_type} & set(endpoint.enabled_events))


def signing_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Give what signs now, the newest first: two secrets while one is rotated."""
    ends_at = endpoint.previous_secret_until
    if endpoint.previous_secret and ends_at and ends_at > clock.now():
        return [endpoint.secret, endpoint.previous_secret]
    return [endpoint.secret]


def insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write deliveries, as `new_delivery` makes them; the unique key lets one row each stand.

    Two workers may write the same one at once.
    """
    statement = statements.insert_for(session.get_bind().dialect.name)(WebhookDelivery)
    for at in range(0, len(rows), INSERTED_AT_ONCE):
        part = list(rows[at : at + INSERTED_AT_ONCE])
        session.execute(statement.values(part).on_conflict_do_nothing())


def new_delivery(workspace_id: str, endpoint_id: str, event_id: str) -> dict[str, Any]:
    """Make the row of a delivery that is due now."""
    now = clock.now()
    return {
        "workspace_id": workspace_id,
        "id": new_id("whd"),
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "status": "waiting",
        "attempt_count": 0,
        "earlier_attempt_count": 0,
        "next_attempt_at": now,
        "last_error": "",
        "created_at": now,
    }


def remove_old(session: Session, *, workspace_id: str) -> None:
    """Delete deliveries that ended more than `KEPT_DAYS` ago, with their attempts."""
    oldest = clock.now() - timedelta(days=KEPT_DAYS)
    session.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.workspace_id == workspace_id,
            WebhookDelivery.id < lowest_id("whd", oldest),
            or_(WebhookDelivery.attempted_at.is_(None), WebhookDelivery.attempted_at < oldest),
            WebhookDelivery.status != "waiting",
        )
    )


def has_work(session: Session, *, workspace_id: str) -> bool:
    """Say whether `dispatch` or `claim` would find something; asked without a lock."""
    undispatched = select(Event.id).where(
        Event.workspace_id == workspace_id, Event.is_dispatched.is_(False)
    )
    enabled = select(WebhookEndpoint.id).where(
        WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.status == "enabled"
    )
    due = select(WebhookDelivery.id).where(
        *_is_due(workspace_id), WebhookDelivery.endpoint_id.in_(enabled)
    )
    return any(session.scalar(each.limit(1)) is not None for each in (undispatched, due))


@dataclass(frozen=True)
class Backlog:
    """Since when something waits for a worker; None where nothing does."""

    oldest_event_at: datetime | None
    longest_due_at: datetime | None


def get_backlog(session: Session, *, workspace_id: str) -> Backlog:
    """Say since when what a worker should have done waits."""
    oldest = (
        select(Event.created_at)
        .where(Event.workspace_id == workspace_id, Event.is_dispatched.is_(False))
        .order_by(Event.id)
        .limit(1)
    )
    enabled = select(WebhookEndpoint.id).where(
        WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.status == "enabled"
    )
    longest = select(func.min(WebhookDelivery.next_attempt_at)).where(
        *_is_due(workspace_id), WebhookDelivery.endpoint_id.in_(enabled)
    )
    return Backlog(session.scalar(oldest), session.scalar(longest))


def claim(session: Session, *, workspace_id: str, busy: Mapping[str, int]) -> list[Job]:
    """Take due deliveries under a lease of our own, the longest due first.

    Args:
        busy: how many attempts each endpoint has under way here.
    """
    workspace = session.scalars(select(Workspace).where(Workspace.id == workspace_id)).one()
    endpoints = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.status == "enabled")
        .order_by(WebhookEndpoint.id)
    ).all()
    jobs: list[Job] = []
    for endpoint in endpoints:
        places = PLACES_OF_A_FAILING_ENDPOINT if endpoint.failing_since else PLACES_PER_ENDPOINT
        count = places - busy.get(endpoint.id, 0)
        if count > 0:
            jobs += _claim_of(session, workspace, endpoint, count)
    return jobs


def finish(session: Session, *, job: Job, answer: Answer, luck: float) -> bool:
    """Write an attempt down and decide what follows; False when the lease is not ours any more."""
    endpoint = _endpoint_to_judge(session, job, answer)
    delivery = session.scalar(
        select(WebhookDelivery)
        .where(
            WebhookDelivery.workspace_id == job.workspace_id,
            WebhookDelivery.id == job.delivery_id,
            WebhookDelivery.lease == job.lease,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if delivery is None:
        return False
    attempt = _attempt(delivery, answer)
    session.add(attempt)
    delivery.attempt_count = attempt.number
    delivery.lease = delivery.lease_until = None
    delivery.last_status, delivery.last_error = attempt.status, attempt.error
    delivery.attempted_at = attempt.started_at
    _decide(delivery, answer, luck)
    if endpoint is not None:
        _judge(endpoint, answer)
    return True


def _is_due(workspace_id: str) -> list[Any]:
    now = clock.now()
    return [
        WebhookDelivery.workspace_id == workspace_id,
        WebhookDelivery.status == "waiting",
        WebhookDelivery.next_attempt_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until < now),
    ]


def _claim_of(
    session: Session, workspace: Workspace, endpoint: WebhookEndpoint, count: int
) -> list[Job]:
    due = session.scalars(
        select(WebhookDelivery.id)
        .where(*_is_due(workspace.id), WebhookDelivery.endpoint_id == endpoint.id)
        .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
        .limit(count)
    ).all()
    # Whoever comes second finds the lease taken, because the condition is judged again. The rows
    # are locked in the order of their ids, as a resend does, so that neither waits crosswise.
    taken = session.execute(
        select(WebhookDelivery.id, WebhookDelivery.event_id)
        .where(*_is_due(workspace.id), WebhookDelivery.id.in_(due))
        .order_by(WebhookDelivery.id)
        .with_for_update()
    ).all()
    if not taken:
        return []
    lease = new_id("lease")
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.workspace_id == workspace.id,
            WebhookDelivery.id.in_([row.id for row in taken]),
        )
        .values(lease=lease, lease_until=clock.now() + timedelta(seconds=LEASE_SECONDS))
        .execution_options(synchronize_session=False)
    )
    events = {
        event.id: event
        for event in session.scalars(
            select(Event).where(
                Event.workspace_id == workspace.id,
                Event.id.in_([row.event_id for row in taken]),
            )
        )
    }
    return [
        Job(
            workspace_id=workspace.id,
            delivery_id=row.id,
            endpoint_id=endpoint.id,
            lease=lease,
            url=endpoint.url,
            secrets=signing_secrets(endpoint),
            event_id=row.event_id,
            body=snapshots.event_body(events[row.event_id], is_live=workspace.is_live),
        )
        for row in taken
    ]


def _decide(delivery: WebhookDelivery, answer: Answer, luck: float) -> None:
    if answer.is_success:
        delivery.status = "delivered"
        return
    following = retrying.next_attempt_at(
        delivery.attempt_count - delivery.earlier_attempt_count,
        clock.now(),
        luck=luck,
        asked_seconds=answer.retry_after_seconds,
    )
    if following is None or answer.status == GONE:
        delivery.status = "failed"
    else:
        delivery.next_attempt_at = following


def _endpoint_to_judge(session: Session, job: Job, answer: Answer) -> WebhookEndpoint | None:
    """Lock the endpoint if this answer says something new of it: before the delivery, as all do."""
    known = select(WebhookEndpoint).where(
        WebhookEndpoint.workspace_id == job.workspace_id, WebhookEndpoint.id == job.endpoint_id
    )
    if answer.is_success:
        known = known.where(WebhookEndpoint.failing_since.is_not(None))
        if session.scalar(known) is None:
            return None
    locked = known.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(locked)


def _judge(endpoint: WebhookEndpoint, answer: Answer) -> None:
    """Remember since when an endpoint fails, and stop asking one that is gone or never answers."""
    now = clock.now()
    if answer.is_success:
        endpoint.failing_since = endpoint.last_failed_at = None
        return
    last = endpoint.last_failed_at
    if last is None or now - last > retrying.FORGOTTEN_AFTER:
        endpoint.failing_since = now
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.last_failed_at = now
    if endpoint.status != "enabled":
        return
    if answer.status == GONE:
        _switch_off(endpoint, "It answered that it is gone (410).")
    elif now - endpoint.failing_since >= retrying.DISABLED_AFTER:
        _switch_off(endpoint, "It failed for three days.")


def _switch_off(endpoint: WebhookEndpoint, reason: str) -> None:
    endpoint.status, endpoint.disabled_reason = "disabled", reason


def _attempt(delivery: WebhookDelivery, answer: Answer) -> WebhookAttempt:
    return WebhookAttempt(
        workspace_id=delivery.workspace_id,
        id=new_id("wha"),
        delivery_id=delivery.id,
        number=delivery.attempt_count + 1,
        status=answer.status,
        error=answer.error[:200],
        answer_start=answer.start[:500],
        duration_ms=answer.duration_ms,
        started_at=clock.now() - timedelta(milliseconds=answer.duration_ms),
    )

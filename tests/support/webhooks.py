"""Webhook endpoints and what became of their deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.services.webhooks import deliveries as webhook_deliveries
from app.services.webhooks import endpoints
from app.services.webhooks.deliveries import Answer
from app.worker.delivering import Deliverer
from tests import factories
from tests.cast import Cast
from tests.support.receivers import Receiver


def subscribe(cast: Cast, receiver: Receiver, *events: str) -> WebhookEndpoint:
    """Make an endpoint at a receiver, of some events or all."""
    return factories.make_endpoint(cast, *events, url=receiver.url)


def amend(cast: Cast, endpoint: WebhookEndpoint, **changes: Any) -> WebhookEndpoint:
    """Change parts of an endpoint."""
    with cast.database.writing() as session:
        return endpoints.amend_endpoint(
            session,
            workspace_id=cast.workspace_id,
            endpoint_id=endpoint.id,
            changes=changes,
            allows_http=True,
            by=cast.owner,
        )


def deliver(deliverer: Deliverer) -> None:
    """Work until nothing is left to begin."""
    while deliverer.turn():
        assert deliverer.wait()


def deliveries(cast: Cast) -> list[WebhookDelivery]:
    """Give all deliveries, the oldest first."""
    with cast.database.reading() as session:
        return list(
            session.scalars(
                select(WebhookDelivery)
                .where(WebhookDelivery.workspace_id == cast.workspace_id)
                .order_by(WebhookDelivery.id)
            )
        )


def attempts(cast: Cast) -> list[WebhookAttempt]:
    """Give all attempts, the oldest first."""
    with cast.database.reading() as session:
        return list(
            session.scalars(
                select(WebhookAttempt)
                .where(WebhookAttempt.workspace_id == cast.workspace_id)
                .order_by(WebhookAttempt.id)
            )
        )


def endpoint_now(cast: Cast, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Read an endpoint anew."""
    with cast.database.reading() as session:
        return endpoints.get_endpoint(
            session, workspace_id=cast.workspace_id, endpoint_id=endpoint.id
        )


def dispatch(cast: Cast) -> None:
    """Write the deliveries of what happened, without sending any."""
    with cast.database.writing() as session:
        while webhook_deliveries.dispatch(session, workspace_id=cast.workspace_id):
            pass


def answer(cast: Cast, *codes: int) -> None:
    """Let the due deliveries be answered so, without sending any."""
    with cast.database.writing() as session:
        jobs = webhook_deliveries.claim(session, workspace_id=cast.workspace_id, busy={})
        for job, code in zip(jobs, codes, strict=True):
            told = Answer(duration_ms=400, status=code, start="noted")
            webhook_deliveries.finish(session, job=job, answer=told, luck=0)

"""Webhook endpoints and what became of their deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.services import webhooks
from app.worker.delivering import Deliverer
from tests.cast import Cast
from tests.support.receivers import Receiver


def subscribe(cast: Cast, receiver: Receiver, *events: str) -> WebhookEndpoint:
    """Make an endpoint at a receiver, of some events or all."""
    with cast.database.writing() as session:
        return webhooks.create_endpoint(
            session,
            workspace_id=cast.workspace_id,
            url=receiver.url,
            enabled_events=list(events) or ["*"],
            allows_http=True,
            by=cast.owner,
        ).endpoint


def amend(cast: Cast, endpoint: WebhookEndpoint, **changes: Any) -> WebhookEndpoint:
    """Change parts of an endpoint."""
    with cast.database.writing() as session:
        return webhooks.amend_endpoint(
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
        return webhooks.get_endpoint(
            session, workspace_id=cast.workspace_id, endpoint_id=endpoint.id
        )

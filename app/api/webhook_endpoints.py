"""Webhook endpoints over HTTP."""

from __future__ import annotations

from flask import Response, current_app
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, parsing, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import page_request
from app.config import Settings
from app.http import keys
from app.http.database import reading
from app.models.columns import JsonObject
from app.services import outbox, snapshots
from app.services.webhooks import endpoints, resends
from app.services.webhooks.endpoints import NewEndpoint

blueprint = blueprints.make("webhook_endpoints", "/webhook-endpoints", "Where events go.")


@blueprint.get("", responses={200: schemas.WebhookEndpointList})
def list_webhook_endpoints(query: schemas.ListQuery) -> Response:
    """List webhook endpoints."""
    keys.check_scope("webhook_endpoints:read")
    with reading() as session:
        found = endpoints.list_endpoints(
            session, workspace_id=keys.workspace_id(), page=page_request(query)
        )
    return responses.many(schemas.WebhookEndpointList, found, snapshots.webhook_endpoint)


@blueprint.post("", responses={201: schemas.WebhookEndpoint})
def create_webhook_endpoint(
    header: schemas.OnceHeader, body: schemas.WebhookEndpointIn
) -> Response:
    """Create a webhook endpoint. Its secret is in this answer and in no other."""
    keys.check_scope("webhook_endpoints:write")

    def do(session: Session) -> Done:
        made = endpoints.create_endpoint(
            session,
            workspace_id=keys.workspace_id(),
            url=body.url,
            enabled_events=body.enabled_events,
            allows_http=_allows_http(),
            by=keys.actor(),
        )
        return Done(_with_secret(made), 201)

    return idempotent.act(schemas.WebhookEndpoint, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.WebhookEndpoint})
def retrieve_webhook_endpoint(path: schemas.IdPath) -> Response:
    """Retrieve a webhook endpoint."""
    keys.check_scope("webhook_endpoints:read")
    with reading() as session:
        found = endpoints.get_endpoint(
            session, workspace_id=keys.workspace_id(), endpoint_id=path.id
        )
    return responses.one(schemas.WebhookEndpoint, snapshots.webhook_endpoint(found))


@blueprint.patch("/<our_id:id>", responses={200: schemas.WebhookEndpoint})
def update_webhook_endpoint(path: schemas.IdPath, body: schemas.WebhookEndpointChanges) -> Response:
    """Update a webhook endpoint."""
    keys.check_scope("webhook_endpoints:write")
    changes = body.model_dump(exclude_unset=True, by_alias=False)
    return idempotent.act(
        schemas.WebhookEndpoint,
        lambda session: Done(
            snapshots.webhook_endpoint(
                endpoints.amend_endpoint(
                    session,
                    workspace_id=keys.workspace_id(),
                    endpoint_id=path.id,
                    changes=changes,
                    allows_http=_allows_http(),
                    by=keys.actor(),
                )
            )
        ),
    )


@blueprint.delete("/<our_id:id>", responses={200: schemas.Deleted})
def delete_webhook_endpoint(path: schemas.IdPath) -> Response:
    """Delete a webhook endpoint."""
    keys.check_scope("webhook_endpoints:write")

    def do(session: Session) -> Done:
        endpoints.delete_endpoint(
            session, workspace_id=keys.workspace_id(), endpoint_id=path.id, by=keys.actor()
        )
        return Done({"object": "webhook_endpoint", "id": path.id, "deleted": True})

    return idempotent.act(schemas.Deleted, do)


@blueprint.post("/<our_id:id>/rotate-secret", responses={200: schemas.WebhookEndpoint})
def rotate_webhook_secret(
    path: schemas.IdPath, header: schemas.OnceHeader, body: schemas.RotationIn
) -> Response:
    """Give a webhook endpoint a new secret, in this answer only; the old one signs beside it."""
    keys.check_scope("webhook_endpoints:write")

    def do(session: Session) -> Done:
        made = endpoints.rotate_secret(
            session,
            workspace_id=keys.workspace_id(),
            endpoint_id=path.id,
            overlap_hours=body.overlap_hours,
            by=keys.actor(),
        )
        return Done(_with_secret(made))

    return idempotent.act(schemas.WebhookEndpoint, do, key=idempotent.key_of(header))


@blueprint.post("/<our_id:id>/test", responses={200: schemas.Event})
def send_webhook_test(path: schemas.IdPath, header: schemas.OnceHeader) -> Response:
    """Send an event of type `webhook.test` to a webhook endpoint."""
    keys.check_scope("webhook_endpoints:write")
    parsing.refuse_any_body()

    def do(session: Session) -> Done:
        delivery = resends.send_test(
            session, workspace_id=keys.workspace_id(), endpoint_id=path.id, by=keys.actor()
        )
        event = outbox.get_event(
            session, workspace_id=keys.workspace_id(), event_id=delivery.event_id
        )
        return Done(snapshots.event(event))

    return idempotent.act(schemas.Event, do, key=idempotent.key_of(header))


def _with_secret(made: NewEndpoint) -> JsonObject:
    return {**snapshots.webhook_endpoint(made.endpoint), "secret": made.secret}


def _allows_http() -> bool:
    settings: Settings = current_app.extensions["regulars.settings"]
    return settings.allows_private_webhooks

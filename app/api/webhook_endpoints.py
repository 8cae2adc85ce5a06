"""Webhook endpoints over HTTP."""

from __future__ import annotations

from flask import Response, current_app
from sqlalchemy.orm import Session

from app.api import acting, answers, blueprints, schemas
from app.api.acting import Done
from app.api.places import between
from app.config import Settings
from app.db import reading
from app.http import keys
from app.services import snapshots, webhooks

blueprint = blueprints.make("webhook_endpoints", "/webhook-endpoints", "Where events go.")


@blueprint.get("", responses={200: schemas.WebhookEndpointList})
def list_webhook_endpoints(query: schemas.ListQuery) -> Response:
    """List webhook endpoints."""
    keys.check_scope("webhook_endpoints:read")
    with reading() as session:
        found = webhooks.list_endpoints(
            session, workspace_id=keys.workspace_id(), between=between(query)
        )
    return answers.many(schemas.WebhookEndpointList, found, snapshots.webhook_endpoint)


@blueprint.post("", responses={201: schemas.WebhookEndpoint})
def create_webhook_endpoint(
    header: schemas.OnceHeader, body: schemas.WebhookEndpointIn
) -> Response:
    """Create a webhook endpoint. Its secret is in this answer and in no other."""
    keys.check_scope("webhook_endpoints:write")

    def do(session: Session) -> Done:
        made = webhooks.create_endpoint(
            session,
            workspace_id=keys.workspace_id(),
            url=body.url,
            enabled_events=body.enabled_events,
            allows_http=_allows_http(),
            by=keys.actor(),
        )
        return Done({**snapshots.webhook_endpoint(made), "secret": made.secret}, 201)

    return acting.act(schemas.WebhookEndpoint, do, header=header)


@blueprint.get("/<our_id:id>", responses={200: schemas.WebhookEndpoint})
def retrieve_webhook_endpoint(path: schemas.IdPath) -> Response:
    """Retrieve a webhook endpoint."""
    keys.check_scope("webhook_endpoints:read")
    with reading() as session:
        found = webhooks.get_endpoint(
            session, workspace_id=keys.workspace_id(), endpoint_id=path.id
        )
    return answers.one(schemas.WebhookEndpoint, snapshots.webhook_endpoint(found))


@blueprint.patch("/<our_id:id>", responses={200: schemas.WebhookEndpoint})
def update_webhook_endpoint(path: schemas.IdPath, body: schemas.WebhookEndpointChanges) -> Response:
    """Update a webhook endpoint."""
    keys.check_scope("webhook_endpoints:write")
    changes = body.model_dump(exclude_unset=True, by_alias=False)
    return acting.act(
        schemas.WebhookEndpoint,
        lambda session: Done(
            snapshots.webhook_endpoint(
                webhooks.amend_endpoint(
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
        webhooks.delete_endpoint(
            session, workspace_id=keys.workspace_id(), endpoint_id=path.id, by=keys.actor()
        )
        return Done({"object": "webhook_endpoint", "id": path.id, "deleted": True})

    return acting.act(schemas.Deleted, do)


def _allows_http() -> bool:
    settings: Settings = current_app.extensions["regulars.settings"]
    return settings.allows_private_webhooks

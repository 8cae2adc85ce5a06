"""Events over HTTP: what webhooks tell, to read again."""

from __future__ import annotations

from flask import Response

from app.api import blueprints, responses, schemas
from app.api.list_params import page_request
from app.http import keys
from app.http.database import reading
from app.services import outbox, snapshots

blueprint = blueprints.make("events", "/events", "What happened, as webhooks tell it.")


@blueprint.get("", responses={200: schemas.EventList})
def list_events(query: schemas.EventsQuery) -> Response:
    """List events."""
    keys.check_scope("events:read")
    with reading() as session:
        found = outbox.list_events(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            event_type=query.type,
        )
    return responses.many(schemas.EventList, found, snapshots.event)


@blueprint.get("/<our_id:id>", responses={200: schemas.Event})
def retrieve_event(path: schemas.IdPath) -> Response:
    """Retrieve an event."""
    keys.check_scope("events:read")
    with reading() as session:
        found = outbox.get_event(session, workspace_id=keys.workspace_id(), event_id=path.id)
    return responses.one(schemas.Event, snapshots.event(found))

"""Where other systems tell of payments: signed by them, so that no key comes with it."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Blueprint, Response, current_app, request

from app import clock, errors
from app.api import responses
from app.config import Settings
from app.http import keys
from app.http.database import reading, writing
from app.http.requests import PAYMENTS_PREFIX
from app.rules import payments as rules
from app.services.payments import events, sources
from app.services.payments.sources import FoundSource

blueprint = Blueprint("api_payments", __name__, url_prefix=PAYMENTS_PREFIX.rstrip("/"))

BODY_BYTES_MAX = 1024 * 1024
"""An order of Shopify with many lines is far larger than what our own API takes."""


@blueprint.post("/payments/<source_id>")
def receive(source_id: str) -> Response:
    """Take what a source tells, once, and say what became of it."""
    request.max_content_length = BODY_BYTES_MAX
    found = _checked_source(source_id)
    try:
        message = rules.read(found.source.kind, headers=_headers(), body=_body())
    except rules.Unreadable as fault:
        raise errors.InvalidParameter("body", str(fault)) from None
    with writing() as session:
        received = events.receive(
            session, workspace=found.workspace, source=found.source, message=message
        )
    event = received.event
    told = {
        "id": event.id,
        "object": "inbound_event",
        "outcome": event.outcome,
        "detail": event.detail,
        "transactionId": event.entry_id,
        "repeated": received.is_repeated,
    }
    return responses.answer(json.dumps(told, ensure_ascii=False), HTTPStatus.OK)


def _checked_source(source_id: str) -> FoundSource:
    """Find the source and hold its signature against the body, byte for byte."""
    with reading() as session:
        found = sources.find_source(session, source_id=source_id)
    settings: Settings = current_app.extensions["regulars.settings"]
    if found is None:
        keys.limit_address(settings.sandbox_rate)
        raise errors.NotFound("There is no source of payments at this address, or it is off.")
    is_signed = rules.is_signed(
        found.source.kind,
        secrets=sources.good_secrets(found.source),
        headers=_headers(),
        body=request.get_data(),
        now=clock.timestamp(),
    )
    if not is_signed:
        keys.limit_address(settings.sandbox_rate)
        raise errors.InvalidSignature
    return found


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _body() -> dict[str, object]:
    try:
        body = json.loads(request.get_data().decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise rules.Unreadable("The body is no JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise rules.Unreadable("The body must be a JSON object.")
    return body

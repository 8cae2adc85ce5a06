"""Webhook endpoints: where events go (spec sections 5 and 6)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id
from app.models.columns import JsonObject
from app.models.webhooks import WebhookEndpoint
from app.rules import addresses, inputs
from app.rules.actors import Actor, Permission
from app.services import paging
from app.services.api_keys.keys import OVERLAP_HOURS
from app.services.audit import trail
from app.services.outbox import EVENT_TYPES
from app.services.paging import PageRequest, RequestedPage

ALL_EVENTS = "*"
STATUSES = ("enabled", "disabled")
URL_CHARACTERS_MAX = 2000
SECRET_BYTES = 32
ENDPOINTS_MAX = 50

_DELETED = "webhooks.delete_endpoint"


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint and the secret that is shown this once; "" when it was shown before."""

    endpoint: WebhookEndpoint
    secret: str


def create_endpoint(
    session: Session,
    *,
    workspace_id: str,
    url: str,
    enabled_events: Sequence[str],
    by: Actor,
    allows_http: bool = False,
) -> NewEndpoint:
    """Make an endpoint with a secret of its own.

    Args:
        allows_http: whether this installation takes plain http and private addresses.

    Raises:
        InvalidParameter: the address or an event type is unusable.
        PermissionDenied: the role may not.
    """
    check_may_manage(by)
    url = _checked_url(url, allows_http=allows_http)
    enabled_events = _checked_events(enabled_events)
    endpoint_id = new_id("we")
    known = select(WebhookEndpoint.id).where(WebhookEndpoint.workspace_id == workspace_id)
    if len(session.scalars(known).all()) >= ENDPOINTS_MAX:
        raise errors.InvalidParameter(
            "url", f"A workspace has {ENDPOINTS_MAX} endpoints at most. Delete one first."
        )
    endpoint = WebhookEndpoint(
        workspace_id=workspace_id,
        id=endpoint_id,
        url=url,
        enabled_events=enabled_events,
        status="enabled",
        secret=new_secret(),
        created_at=clock.now(),
    )
    session.add(endpoint)
    _record(session, "webhooks.create_endpoint", endpoint, by, before=None)
    return NewEndpoint(endpoint, endpoint.secret)


def amend_endpoint(
    session: Session,
    *,
    workspace_id: str,
    endpoint_id: str,
    changes: Mapping[str, Any],
    by: Actor,
    allows_http: bool = False,
) -> WebhookEndpoint:
    """Change parts of an endpoint; what is not named stays.

    Args:
        changes: any of `url`, `enabled_events` and `status`.

    Raises:
        NotFound, InvalidParameter, PermissionDenied: as they say.
    """
    check_may_manage(by)
    endpoint = lock_endpoint(session, workspace_id, endpoint_id)
    before = _plain(endpoint)
    if "url" in changes:
        endpoint.url = _checked_url(changes["url"], allows_http=allows_http)
    if "enabled_events" in changes:
        endpoint.enabled_events = _checked_events(changes["enabled_events"])
    if "status" in changes:
        if changes["status"] not in STATUSES:
            raise errors.InvalidParameter("status", f"status is one of {', '.join(STATUSES)}.")
        endpoint.status = changes["status"]
        # A person decided, so the row of failures begins anew.
        endpoint.failing_since = endpoint.last_failed_at = None
        endpoint.disabled_reason = ""
    _record(session, "webhooks.amend_endpoint", endpoint, by, before=before)
    return endpoint


def rotate_secret(
    session: Session,
    *,
    workspace_id: str,
    endpoint_id: str,
    overlap_hours: int,
    by: Actor,
) -> NewEndpoint:
    """Give an endpoint a new secret; the old one signs beside it until the overlap is over.

    A secret that was still ending from an earlier rotation ends now: two sign at the most.

    Raises:
        InvalidParameter: not one of `OVERLAP_HOURS`.
        NotFound, PermissionDenied: as they say.
    """
    check_may_manage(by)
    if overlap_hours not in OVERLAP_HOURS:
        raise errors.InvalidParameter("overlap_hours", "Choose one of the times in the list.")
    endpoint = lock_endpoint(session, workspace_id, endpoint_id)
    endpoint.previous_secret = endpoint.secret if overlap_hours else None
    ends_at = clock.now() + timedelta(hours=overlap_hours)
    endpoint.previous_secret_until = ends_at if overlap_hours else None
    endpoint.secret = new_secret()
    _record(session, "webhooks.rotate_secret", endpoint, by, before=None)
    return NewEndpoint(endpoint, endpoint.secret)


def delete_endpoint(session: Session, *, workspace_id: str, endpoint_id: str, by: Actor) -> None:
    """Remove an endpoint.

    Raises:
        NotFound: no such endpoint in this workspace.
    """
    check_may_manage(by)
    endpoint = lock_endpoint(session, workspace_id, endpoint_id)
    trail.record(
        session,
        workspace_id=workspace_id,
        act=_DELETED,
        by=by,
        subject_id=endpoint_id,
        before=_plain(endpoint),
    )
    session.execute(
        delete(WebhookEndpoint).where(
            WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id
        )
    )


def was_deleted(session: Session, *, workspace_id: str, endpoint_id: str) -> bool:
    """Return whether there was such an endpoint in this workspace, and it was deleted."""
    return trail.is_recorded(
        session, workspace_id=workspace_id, act=_DELETED, subject_id=endpoint_id
    )


def get_endpoint(session: Session, *, workspace_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Give one endpoint.

    Raises:
        NotFound: no such endpoint in this workspace.
    """
    return _one(
        session.scalar(
            select(WebhookEndpoint).where(
                WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id
            )
        )
    )


def list_endpoints(
    session: Session, *, workspace_id: str, page: PageRequest
) -> RequestedPage[WebhookEndpoint]:
    """List endpoints, the newest first."""
    statement = select(WebhookEndpoint).where(WebhookEndpoint.workspace_id == workspace_id)
    return paging.read_page_by_id(session, statement, WebhookEndpoint.id, page, prefix="we")


def new_secret() -> str:
    """Make a secret that signs webhooks."""
    # Standard Webhooks: `whsec_` and 24 to 64 random bytes in base64.
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _checked_url(url: str, *, allows_http: bool) -> str:
    url = inputs.checked_text(url, param="url", most=URL_CHARACTERS_MAX)
    schemes, host = ("https", "http") if allows_http else ("https",), ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_address = parts.scheme in schemes and bool(host)
        is_address = is_address and parts.port != 0 and "@" not in parts.netloc
        is_address = is_address and url.isascii()
    except ValueError:
        is_address = False
    if not is_address or any(character.isspace() for character in url):
        raise errors.InvalidParameter(
            "url", "Give a whole https address, for example https://shop.example.com/hooks."
        )
    # Names are looked up at each delivery; what is plainly not public is told at once.
    if not allows_http and addresses.is_private(host):
        raise errors.InvalidParameter(
            "url", "This address is not on the public internet, so nothing can be sent there."
        )
    return url


def _checked_events(enabled_events: Sequence[str]) -> list[str]:
    if list(enabled_events) == [ALL_EVENTS]:
        return [ALL_EVENTS]
    unknown = [each for each in enabled_events if each not in EVENT_TYPES]
    if unknown or not enabled_events:
        raise errors.InvalidParameter(
            "enabledEvents", f'Give ["*"] for all, or some of: {", ".join(EVENT_TYPES)}.'
        )
    return sorted(set(enabled_events), key=EVENT_TYPES.index)


def check_may_manage(by: Actor) -> None:
    """Refuse who may not manage webhooks.

    Raises:
        PermissionDenied: the role may not.
    """
    if not by.may(Permission.MANAGE_WEBHOOKS):
        raise errors.PermissionDenied("A manager has to do this.")


def lock_endpoint(session: Session, workspace_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Lock an endpoint's row until the transaction ends and give it as it is now.

    Raises:
        NotFound: no such endpoint in this workspace.
    """
    return _one(
        session.scalar(
            select(WebhookEndpoint)
            .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id)
            # The endpoint before its deliveries, always; new deliveries need not wait for this.
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _one(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    if endpoint is None:
        raise errors.NotFound("There is no such webhook endpoint here.")
    return endpoint


def _plain(endpoint: WebhookEndpoint) -> JsonObject:
    return {
        "url": endpoint.url,
        "enabledEvents": endpoint.enabled_events,
        "status": endpoint.status,
    }


def _record(
    session: Session,
    act: str,
    endpoint: WebhookEndpoint,
    by: Actor,
    *,
    before: JsonObject | None,
) -> None:
    trail.record(
        session,
        workspace_id=endpoint.workspace_id,
        act=act,
        by=by,
        subject_id=endpoint.id,
        before=before,
        after=_plain(endpoint),
    )

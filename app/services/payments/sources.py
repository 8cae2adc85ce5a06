"""Sources of payments: the systems that may tell of them, each with its secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id
from app.models.merchants import Workspace
from app.models.payments import PaymentEvent, PaymentSource
from app.rules import inputs, signing
from app.rules import payments as rules
from app.rules.actors import Actor
from app.services import programs
from app.services.api_keys.keys import OVERLAP_HOURS
from app.services.audit import trail
from app.services.webhooks import endpoints

SOURCES_MAX = 20
EVENTS_SHOWN = 100
SECRET_CHARACTERS_MIN = 16
"""Stripe's and Shopify's are longer; what is shorter was not copied whole."""


@dataclass(frozen=True)
class NewSource:
    """A source and the secret that is shown this once; "" when there is none to show."""

    source: PaymentSource
    secret: str


@dataclass(frozen=True)
class FoundSource:
    """A source that is on, and the workspace that it tells."""

    source: PaymentSource
    workspace: Workspace


def create(
    session: Session,
    *,
    workspace: Workspace,
    kind: str,
    name: str,
    program_id: str,
    by: Actor,
    secret: str = "",
) -> NewSource:
    """Let a system tell of payments.

    Args:
        secret: what it signs with, for Stripe and Shopify, which make their own.

    Raises:
        InvalidParameter, MissingParameter: the name, kind or secret is unusable.
        NotFound: no such program here.
        PermissionDenied: the role may not.
    """
    endpoints.check_may_manage(by)
    if kind not in rules.KINDS:
        raise errors.InvalidParameter("kind", f"Choose one of {', '.join(rules.KINDS)}.")
    name = inputs.checked_text(name, param="name", most=80, required=True)
    programs.get_program(session, workspace_id=workspace.id, program_id=program_id)
    secret = _secret_for(kind, secret)
    source_id = new_id("src")
    if len(list_sources(session, workspace=workspace)) >= SOURCES_MAX:
        raise errors.InvalidParameter(
            "name", f"A workspace has {SOURCES_MAX} sources at most. Switch one off and use it."
        )
    source = PaymentSource(
        id=source_id,
        merchant_id=workspace.merchant_id,
        mode=workspace.mode,
        kind=kind,
        name=name,
        program_id=program_id,
        secret=secret,
        status="enabled",
        created_at=clock.now(),
    )
    session.add(source)
    record(session, workspace, "inbound.create", source, by)
    return NewSource(source, secret if kind == "regulars" else "")


def find_source(session: Session, *, source_id: str) -> FoundSource | None:
    """Give a source that is on, with its workspace; or None."""
    row = session.execute(
        select(PaymentSource, Workspace)
        .join(
            Workspace,
            (Workspace.merchant_id == PaymentSource.merchant_id)
            & (Workspace.mode == PaymentSource.mode),
        )
        .where(PaymentSource.id == source_id, PaymentSource.status == "enabled")
    ).first()
    return None if row is None else FoundSource(row[0], row[1])


def good_secrets(source: PaymentSource) -> list[str]:
    """Give the secrets that a message may be signed with now."""
    ends_at = source.previous_secret_until
    if source.previous_secret and ends_at and ends_at > clock.now():
        return [source.secret, source.previous_secret]
    return [source.secret]


def get_source(session: Session, *, workspace: Workspace, source_id: str) -> PaymentSource:
    """Give one source.

    Raises:
        NotFound: no such source in this workspace.
    """
    source = session.scalar(
        select(PaymentSource)
        .where(
            PaymentSource.id == source_id,
            PaymentSource.merchant_id == workspace.merchant_id,
            PaymentSource.mode == workspace.mode,
        )
        .execution_options(populate_existing=True)
    )
    if source is None:
        raise errors.NotFound("There is no such source of payments here.")
    return source


def list_sources(session: Session, *, workspace: Workspace) -> Sequence[PaymentSource]:
    """List a workspace's sources, the oldest first."""
    return session.scalars(
        select(PaymentSource)
        .where(
            PaymentSource.merchant_id == workspace.merchant_id,
            PaymentSource.mode == workspace.mode,
        )
        .order_by(PaymentSource.id)
    ).all()


def rename(
    session: Session, *, workspace: Workspace, source_id: str, name: str, by: Actor
) -> PaymentSource:
    """Call a source something else."""
    endpoints.check_may_manage(by)
    source = get_source(session, workspace=workspace, source_id=source_id)
    source.name = inputs.checked_text(name, param="name", most=80, required=True)
    record(session, workspace, "inbound.rename", source, by)
    return source


def switch(
    session: Session, *, workspace: Workspace, source_id: str, is_on: bool, by: Actor
) -> PaymentSource:
    """Switch a source on or off; what it tells while it is off is refused."""
    endpoints.check_may_manage(by)
    source = get_source(session, workspace=workspace, source_id=source_id)
    source.status = "enabled" if is_on else "disabled"
    record(session, workspace, "inbound.switch", source, by)
    return source


def replace_secret(
    session: Session,
    *,
    workspace: Workspace,
    source_id: str,
    overlap_hours: int,
    by: Actor,
    secret: str = "",
) -> NewSource:
    """Take another secret; the old one is good until the overlap is over.

    Args:
        secret: the new one, for Stripe and Shopify, which make their own.

    Raises:
        InvalidParameter: the secret or the overlap is unusable.
        NotFound, PermissionDenied: as they say.
    """
    endpoints.check_may_manage(by)
    if overlap_hours not in OVERLAP_HOURS:
        raise errors.InvalidParameter("overlap_hours", "Choose one of the times in the list.")
    source = get_source(session, workspace=workspace, source_id=source_id)
    secret = _secret_for(source.kind, secret)
    source.previous_secret = source.secret if overlap_hours else None
    ends_at = clock.now() + timedelta(hours=overlap_hours)
    source.previous_secret_until = ends_at if overlap_hours else None
    source.secret = secret
    record(session, workspace, "inbound.replace_secret", source, by)
    return NewSource(source, secret if source.kind == "regulars" else "")


def list_events(
    session: Session, *, workspace_id: str, source_id: str, limit: int = EVENTS_SHOWN
) -> Sequence[PaymentEvent]:
    """List what a source told last, the newest first."""
    return session.scalars(
        select(PaymentEvent)
        .where(PaymentEvent.workspace_id == workspace_id, PaymentEvent.source_id == source_id)
        .order_by(PaymentEvent.id.desc())
        .limit(limit)
    ).all()


def _secret_for(kind: str, secret: str) -> str:
    if kind == "regulars":
        return endpoints.new_secret()
    secret = inputs.checked_text(secret, param="secret", most=255, required=True)
    if len(secret) < SECRET_CHARACTERS_MIN or not secret.isascii() or " " in secret:
        raise errors.InvalidParameter("secret", "This is no whole secret. Copy it once more.")
    if secret.startswith(signing.SECRET_PREFIX) and kind == "shopify":
        raise errors.InvalidParameter("secret", "This is a secret of Stripe, not of Shopify.")
    return secret


def record(
    session: Session, workspace: Workspace, act: str, source: PaymentSource, by: Actor
) -> None:
    """Write down what somebody did to a source, or to what it told."""
    trail.record(
        session,
        workspace_id=workspace.id,
        act=act,
        by=by,
        subject_id=source.id,
        after={"name": source.name, "kind": source.kind, "status": source.status},
    )

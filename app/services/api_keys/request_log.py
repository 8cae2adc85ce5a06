"""The log of API requests: written beside the requests, read on the Developers page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, literal_column, or_, select
from sqlalchemy.orm import Session

from app import clock, errors
from app.db import statements
from app.db.base import table_of
from app.db.statements import Statement
from app.models.api_requests import ApiRequest
from app.models.audit import AuditEntry
from app.models.ledger import LedgerEntry
from app.services.paging import PAGE_ROWS, Page, make_page

KEPT_DAYS = 30

_REDEMPTION_KINDS = {"redemptions.redeem": "redemption", "redemptions.cancel": "cancellation"}


@dataclass(frozen=True, kw_only=True)
class RequestFilters:
    """What narrows the log; empty means all."""

    key_id: str = ""
    failed_only: bool = False


_INSERT = Statement.inserting(table_of(ApiRequest))


def record(session: Session, *, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write requests down.

    Args:
        rows: each with a value for every column of `ApiRequest`.
    """
    for row in rows:
        statements.defer(session, _INSERT(**row))


def list_requests(
    session: Session,
    *,
    workspace_id: str,
    filters: RequestFilters | None = None,
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page[ApiRequest]:
    """List requests, newest first.

    Args:
        after: the id of the last row of the page before.
    """
    filters = filters or RequestFilters()
    statement = (
        select(ApiRequest)
        .where(ApiRequest.workspace_id == workspace_id)
        .order_by(ApiRequest.id.desc())
        .limit(limit + 1)
    )
    if filters.key_id:
        statement = statement.where(ApiRequest.key_id == filters.key_id)
    if filters.failed_only:
        # Written out, so that a plan knows the index of the failed ones.
        statement = statement.where(ApiRequest.error_code != literal_column("''"))
    if after:
        statement = statement.where(ApiRequest.id < after)
    rows = session.scalars(statement).all()
    return make_page(rows, limit=limit, cursors=[row.id for row in rows])


def get_request(session: Session, *, workspace_id: str, request_id: str) -> ApiRequest:
    """Give one request.

    Raises:
        NotFound: no such request in this workspace, or its 30 days are over.
    """
    found = session.scalar(
        select(ApiRequest).where(
            ApiRequest.workspace_id == workspace_id, ApiRequest.id == request_id
        )
    )
    if found is None:
        raise errors.NotFound("There is no such request here. They are kept for 30 days.")
    return found


def list_entries(session: Session, *, workspace_id: str, request_id: str) -> Sequence[LedgerEntry]:
    """List the ledger entries that a request made."""
    made = select(AuditEntry.subject_id).where(
        AuditEntry.workspace_id == workspace_id, AuditEntry.request_id == request_id
    )
    by_redemption = [
        and_(
            LedgerEntry.kind == kind,
            LedgerEntry.redemption_id.in_(made.where(AuditEntry.act == act)),
        )
        for act, kind in _REDEMPTION_KINDS.items()
    ]
    return session.scalars(
        select(LedgerEntry)
        .where(
            LedgerEntry.workspace_id == workspace_id,
            or_(LedgerEntry.id.in_(made), *by_redemption),
        )
        .order_by(LedgerEntry.id)
    ).all()


def find_maker(session: Session, *, entry: LedgerEntry) -> ApiRequest | None:
    """Give the request that made an entry, or None: made by a person, or too long ago."""
    acts = {kind: act for act, kind in _REDEMPTION_KINDS.items()}
    subject = AuditEntry.subject_id == entry.id
    if entry.kind in acts:
        subject = and_(
            AuditEntry.subject_id == entry.redemption_id, AuditEntry.act == acts[entry.kind]
        )
    request_ids = select(AuditEntry.request_id).where(
        AuditEntry.workspace_id == entry.workspace_id, subject
    )
    return session.scalar(
        select(ApiRequest)
        .where(ApiRequest.workspace_id == entry.workspace_id, ApiRequest.id.in_(request_ids))
        .limit(1)
    )


def list_seen_calls(
    session: Session, *, workspace_id: str, among: Sequence[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Give those of some calls that succeeded in the last 30 days, each as method and route."""
    succeeded = (
        select(ApiRequest.id)
        .where(
            ApiRequest.workspace_id == workspace_id,
            ApiRequest.method == method,
            ApiRequest.route == route,
            ApiRequest.status < 300,  # noqa: PLR2004 - 2xx
        )
        .exists()
        for method, route in among
    )
    # Call by call: the log of a month has millions, and an index leads to one of each.
    seen = session.execute(select(*succeeded)).one()
    return frozenset(call for call, has_succeeded in zip(among, seen, strict=True) if has_succeeded)


def remove_old(session: Session, *, workspace_id: str) -> None:
    """Delete what is older than `KEPT_DAYS`."""
    session.execute(
        delete(ApiRequest).where(
            ApiRequest.workspace_id == workspace_id,
            ApiRequest.recorded_at < clock.now() - timedelta(days=KEPT_DAYS),
        )
    )

"""Reading the audit log: who did what, when, where, with the state before and after.

A page reads the workspace that it is in, and the acts that belong to no workspace. Nothing else of
Live is read in Test: there an owner has not shown the second factor that Live requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, TextClause, func, select, text
from sqlalchemy.orm import Session

from app.ids import lowest_id
from app.models.audit import OF_THE_MERCHANT, AuditEntry, is_of_the_merchant
from app.models.merchants import LIVE, Workspace
from app.services import paging
from app.services.names import read_names
from app.services.paging import PAGE_ROWS, Page, make_page

EXPORTED_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class AuditFilters:
    """What narrows the log; empty means all. `since` is inclusive and `until` exclusive."""

    actor_id: str = ""
    act: str = ""
    member_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditLine:
    """One act, with the names of who did it and where.

    Attributes:
        approver_name: the manager who approved it, or None.
    """

    entry: AuditEntry
    actor_name: str | None
    location_name: str | None
    device_name: str | None
    approver_name: str | None

    @property
    def is_of_the_merchant(self) -> bool:
        """Whether the act belongs to no workspace and is shown in both."""
        return is_of_the_merchant(self.entry.act)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was done at a shop or till of the other workspace, which has no name here."""
        has_place = bool(self.entry.location_id or self.entry.device_id)
        return has_place and not (self.location_name or self.device_name)


def list_lines(
    session: Session,
    *,
    workspace: Workspace,
    filters: AuditFilters | None = None,
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page[AuditLine]:
    """List acts that a page in a workspace may show, the newest first.

    Args:
        after: the id of the last line of the page before.
    """
    entries: list[AuditEntry] = []
    # One after the other: asked for both at once, PostgreSQL sorts all that there is.
    for readable in _readable(session, workspace):
        statement = (
            _narrowed(session, readable, filters or AuditFilters())
            .order_by(AuditEntry.id.desc())
            .limit(limit + 1)
        )
        if after:
            statement = statement.where(AuditEntry.id < after)
        entries += session.scalars(statement)
    entries.sort(key=lambda entry: entry.id, reverse=True)
    found = make_page(entries, limit=limit, cursors=[entry.id for entry in entries])
    return Page(_named(session, workspace.id, found.rows), found.cursor)


def export(session: Session, *, workspace: Workspace, filters: AuditFilters) -> Iterator[AuditLine]:
    """Yield all acts that a page in a workspace may show, the newest first.

    They are read in pieces, so that a long log needs little memory.
    """
    after: str | None = None
    while True:
        found = list_lines(
            session,
            workspace=workspace,
            filters=filters,
            after=after,
            limit=EXPORTED_AT_ONCE,
        )
        yield from found.rows
        after = found.cursor
        if after is None:
            return


def _named(session: Session, workspace_id: str, entries: Sequence[AuditEntry]) -> list[AuditLine]:
    names = read_names(
        session,
        workspace_id=workspace_id,
        ids=(
            each
            for entry in entries
            for each in (entry.actor_id, entry.location_id, entry.device_id, _approver_of(entry))
        ),
    )
    return [
        AuditLine(
            entry,
            actor_name=names.get(entry.actor_id),
            location_name=names.get(entry.location_id),
            device_name=names.get(entry.device_id),
            approver_name=names.get(_approver_of(entry)),
        )
        for entry in entries
    ]


def _approver_of(entry: AuditEntry) -> str | None:
    return (entry.after or {}).get("approvedBy")


def list_acts(session: Session, *, workspace: Workspace) -> Sequence[str]:
    """List the kinds of acts that a page in a workspace may show, for the filter."""
    return sorted(
        {
            act
            for readable in _readable(session, workspace)
            for act in session.scalars(_distinct_acts(readable.workspace_id))
            if not readable.conditions or is_of_the_merchant(act)
        }
    )


@dataclass(frozen=True)
class _Readable:
    """A part of the log that a page may read: a workspace's acts that meet the conditions."""

    workspace_id: str
    conditions: tuple[TextClause, ...] = ()


def _readable(session: Session, workspace: Workspace) -> Sequence[_Readable]:
    """Return the condition for the acts that a page in a workspace may read.

    The acts of the merchant are kept in Live, so there they are among all the others.
    """
    own = _Readable(workspace.id)
    if workspace.is_live:
        return [own]
    live_id = session.scalars(
        select(Workspace.id).where(
            Workspace.merchant_id == workspace.merchant_id, Workspace.mode == LIVE
        )
    ).one()
    return [own, _Readable(live_id, (text(OF_THE_MERCHANT),))]


def _distinct_acts(workspace_id: str) -> Select[str]:
    """Go from each act to the next one in the index, and past all the entries between them."""
    here = AuditEntry.workspace_id == workspace_id
    found = select(func.min(AuditEntry.act).label("act")).where(here).cte("acts", recursive=True)
    following = select(func.min(AuditEntry.act)).where(here, AuditEntry.act > found.c.act)
    found = found.union_all(select(following.scalar_subquery()).where(found.c.act.is_not(None)))
    return select(found.c.act).where(found.c.act.is_not(None))


def _narrowed(session: Session, readable: _Readable, filters: AuditFilters) -> Any:
    statement = select(AuditEntry).where(
        AuditEntry.workspace_id == readable.workspace_id, *readable.conditions
    )
    wanted = {
        column: value
        for column, value in (
            (AuditEntry.member_id, filters.member_id),
            (AuditEntry.actor_id, filters.actor_id),
            (AuditEntry.act, filters.act),
        )
        if value
    }
    leading = _leading(session, readable.workspace_id, wanted)
    for column, value in wanted.items():
        is_led = leading is not None and column is not leading
        statement = statement.where((paging.without_index(column) if is_led else column) == value)
    if filters.since:
        statement = statement.where(AuditEntry.id >= lowest_id("aud", filters.since))
    if filters.until:
        statement = statement.where(AuditEntry.id < lowest_id("aud", filters.until))
    return statement


def _leading(session: Session, workspace_id: str, wanted: Mapping[Any, str]) -> Any:
    """Give the column whose index has few acts to look through, or None if any will do."""
    if len(wanted) < 2 or AuditEntry.member_id in wanted:  # noqa: PLR2004 - nothing to choose from
        return next(iter(wanted), None)
    for column, value in wanted.items():
        known = select(AuditEntry.id).where(
            AuditEntry.workspace_id == workspace_id, column == value
        )
        if paging.are_few(session, known):
            return column
    return None

"""Reading the ledger: a member's lines with who and where, and the sum that ends in the balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from app import errors
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.services import paging
from app.services.names import read_names
from app.services.paging import PAGE_ROWS, Page, PageRequest, RequestedPage, make_page


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a ledger as staff read it.

    Attributes:
        actor_name: the name of the person, API key or source of payments, or None.
        device_name: the registered till on which it was done, or None.
        approver_name: the manager who approved it, or None.
        reversed_points: what was taken back of this line so far.
        reversed_at: when something of this line was last taken back, or None.
        redemption: what a redemption or cancellation belongs to, or None.
        original: the line that a reversal takes back, or None.
    """

    entry: LedgerEntry
    actor_name: str | None
    location_name: str | None
    reversed_points: int
    reversed_at: datetime | None
    redemption: Redemption | None
    original: LedgerEntry | None
    device_name: str | None
    approver_name: str | None

    @property
    def left_points(self) -> int:
        """How many points of this line can still be reversed."""
        return left_points(self.entry, self.reversed_points)


@dataclass(frozen=True, kw_only=True)
class Sum:
    """A balance by kind of line.

    Attributes:
        kind: the lines' kind.
        count: how many there are.
        points: their signed sum.
    """

    kind: str
    count: int
    points: int


@dataclass(frozen=True, kw_only=True)
class LedgerFilters:
    """What narrows a ledger; `since` is inclusive and `until` exclusive, both aware."""

    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_entries(
    session: Session, *, workspace_id: str, page: PageRequest, member_id: str | None = None
) -> RequestedPage[LedgerEntry]:
    """List entries, the newest first: of one member, by `seq`, or of all, by id.

    Raises:
        NotFound: the cursor is no id of this list.
    """
    statement = select(LedgerEntry).where(LedgerEntry.workspace_id == workspace_id)
    if member_id is None:
        return paging.read_page_by_id(session, statement, LedgerEntry.id, page, prefix="ptx")
    # An id is made before the member's row is locked: of two acts at once, the later may have the
    # smaller one.
    statement = statement.where(LedgerEntry.member_id == member_id)
    edge = None
    if page.cursor is not None:
        seq = session.scalar(
            select(LedgerEntry.seq).where(
                LedgerEntry.workspace_id == workspace_id,
                LedgerEntry.member_id == member_id,
                LedgerEntry.id == page.cursor,
            )
        )
        if seq is None:
            raise errors.NotFound("This account has no such transaction.", param=page.param)
        edge = (seq,)
    return paging.read_page(session, statement, [LedgerEntry.seq], page=page, edge=edge)


def list_rows(
    session: Session,
    *,
    member: Member,
    filters: LedgerFilters | None = None,
    before_seq: int | None = None,
    limit: int = PAGE_ROWS,
) -> Page[Row]:
    """List a member's lines, newest first.

    Args:
        before_seq: the `seq` of the last line of the page before.
    """
    filters = filters or LedgerFilters()
    statement = _rows_statement(member).order_by(LedgerEntry.seq.desc()).limit(limit + 1)
    if filters.kind:
        statement = statement.where(LedgerEntry.kind == filters.kind)
    if filters.since:
        statement = statement.where(paging.without_index(LedgerEntry.recorded_at) >= filters.since)
    if filters.until:
        statement = statement.where(paging.without_index(LedgerEntry.recorded_at) < filters.until)
    if before_seq is not None:
        statement = statement.where(LedgerEntry.seq < before_seq)
    rows = _completed(session, member, session.execute(statement).all())
    return make_page(rows, limit=limit, cursors=[str(row.entry.seq) for row in rows])


def get_row(session: Session, *, member: Member, entry_id: str) -> Row:
    """Give one line of a member's ledger, which must be there."""
    found = session.execute(_rows_statement(member).where(LedgerEntry.id == entry_id)).one()
    return _completed(session, member, [found])[0]


def sum_by_kind(session: Session, *, member: Member) -> Sequence[Sum]:
    """Sum a member's ledger by kind; the sums add up to the balance."""
    rows = session.execute(
        select(LedgerEntry.kind, func.count(), func.sum(LedgerEntry.points))
        .where(
            LedgerEntry.workspace_id == member.workspace_id,
            LedgerEntry.member_id == member.id,
        )
        .group_by(LedgerEntry.kind)
    )
    sums = {kind: Sum(kind=kind, count=count, points=int(points)) for kind, count, points in rows}
    order = ("award", "reversal", "redemption", "cancellation", "adjustment")
    return [sums[kind] for kind in order if kind in sums]


def left_points(entry: LedgerEntry, reversed_points: int) -> int:
    """Return how many points of an entry can still be reversed."""
    if entry.kind not in {"award", "adjustment"} or entry.points <= 0:
        return 0
    return entry.points - reversed_points


def _rows_statement(member: Member) -> Select[LedgerEntry, Redemption, LedgerEntry]:
    original = aliased(LedgerEntry)
    return (
        select(LedgerEntry, Redemption, original)
        .outerjoin(
            Redemption,
            (Redemption.workspace_id == LedgerEntry.workspace_id)
            & (Redemption.id == LedgerEntry.redemption_id),
        )
        .outerjoin(
            original,
            (original.workspace_id == LedgerEntry.workspace_id)
            & (original.id == LedgerEntry.reverses_id),
        )
        .where(
            LedgerEntry.workspace_id == member.workspace_id,
            LedgerEntry.member_id == member.id,
        )
    )


def _completed(
    session: Session, member: Member, found: Sequence[SqlRow[*tuple[Any, ...]]]
) -> list[Row]:
    """Make rows of what `_rows_statement` found, with names and with what was taken back.

    Those are statements of their own: joined to the lines, SQLite without statistics reads all of
    the shop's reversals.
    """
    entries = [entry for entry, *_ in found]
    reversals = _read_reversals(session, member, entries)
    names = read_names(
        session,
        workspace_id=member.workspace_id,
        ids=(
            each
            for entry in entries
            for each in (entry.actor_id, entry.approved_by, entry.location_id, entry.device_id)
        ),
    )
    return [
        Row(
            entry=entry,
            actor_name=names.get(entry.actor_id),
            location_name=names.get(entry.location_id),
            reversed_points=reversals.get(entry.id, (0, None))[0],
            reversed_at=reversals.get(entry.id, (0, None))[1],
            redemption=redemption,
            original=original,
            device_name=names.get(entry.device_id),
            approver_name=names.get(entry.approved_by),
        )
        for entry, redemption, original in found
    ]


def _read_reversals(
    session: Session, member: Member, entries: Sequence[LedgerEntry]
) -> dict[str | None, tuple[int, datetime]]:
    """Give what was taken back of each entry, and when last."""
    rows = session.execute(
        select(
            LedgerEntry.reverses_id,
            func.sum(LedgerEntry.points),
            func.max(LedgerEntry.recorded_at),
        )
        .where(
            LedgerEntry.workspace_id == member.workspace_id,
            LedgerEntry.reverses_id.in_([entry.id for entry in entries]),
        )
        .group_by(LedgerEntry.reverses_id)
    )
    return {entry_id: (-int(points), at) for entry_id, points, at in rows}

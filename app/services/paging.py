"""Bounded pages of rows, read by keyset: a page costs the same at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session

from app import errors, ids

Row = TypeVar("Row")

PAGE_ROWS = 25


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows.

    Attributes:
        rows: at most the page's size.
        cursor: what to ask the next page with; None on the last page.
    """

    rows: Sequence[Row]
    cursor: str | None


def make_page(rows: Sequence[Row], *, limit: int, cursors: Sequence[str]) -> Page[Row]:
    """Make a page of `limit` rows from a read of one more than that.

    Args:
        cursors: each row's own cursor, in the same order.
    """
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], cursors[limit - 1])


FEW_MAX = 2_000
"""Up to this many rows, reading and sorting all costs less than walking an index to find them."""


def without_index(column: Any) -> Any:
    """Return a column for ORDER BY or WHERE that the database cannot use an index for.

    A walk along the index of a list's order stops when the page is full. Where few rows match, the
    walk is long. SQLite takes it all the same, because Regulars plans without its statistics.
    """
    return func.coalesce(column, column)


def are_few(session: Session, statement: Any) -> bool:
    """Return whether a statement, which an index answers, finds `FEW_MAX` rows at most."""
    return count_up_to(session, statement, FEW_MAX) <= FEW_MAX


def order_column(session: Session, column: Any, *clauses: Any) -> Any:
    """Return the column that orders a list, `without_index` if few rows meet the clauses.

    Args:
        clauses: conditions that another index answers.
    """
    return without_index(column) if are_few(session, select(column).where(*clauses)) else column


def count_up_to(session: Session, statement: Any, most: int) -> int:
    """Count a statement's rows, at most `most` + 1, so that a large table costs no more."""
    # No columns, so that an index alone may do.
    bounded = statement.with_only_columns(literal(1)).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(bounded)) or 0


@dataclass(frozen=True)
class PageRequest:
    """The page of a list that a caller of the API asks for (spec section 5).

    Attributes:
        cursor: the id that the page follows, or precedes if `is_newer`; None for the first page.
        is_newer: whether the page lies on the newer side of the cursor.
    """

    limit: int = 25
    cursor: str | None = None
    is_newer: bool = False

    @property
    def param(self) -> str:
        """Give the name under which the cursor was sent."""
        return "endingBefore" if self.is_newer else "startingAfter"


@dataclass(frozen=True)
class RequestedPage(Generic[Row]):
    """The answer to a `PageRequest`: rows, newest first.

    Attributes:
        has_more: whether more rows follow in the direction that was asked for.
        is_newer: whether that direction is the newer one.
    """

    rows: Sequence[Row]
    has_more: bool
    is_newer: bool = False


def read_page(
    session: Session,
    statement: Any,
    columns: Sequence[Any],
    *,
    page: PageRequest,
    edge: tuple[Any, ...] | None,
) -> RequestedPage[Any]:
    """Read a page of a list that is ordered by `columns`, the newest first.

    Args:
        edge: the columns' values at the cursor, or None without one.
    """
    order = [column.asc() if page.is_newer else column.desc() for column in columns]
    statement = statement.order_by(*order).limit(page.limit + 1)
    if edge is not None:
        position = tuple_(*columns)
        statement = statement.where(position > edge if page.is_newer else position < edge)
    rows = list(session.scalars(statement).unique().all())
    has_more, rows = len(rows) > page.limit, rows[: page.limit]
    return RequestedPage(rows[::-1] if page.is_newer else rows, has_more, page.is_newer)


def read_page_by_id(
    session: Session, statement: Any, column: Any, page: PageRequest, *, prefix: str
) -> RequestedPage[Any]:
    """Read a page of a list whose ids are in the order of time.

    Args:
        prefix: what the list's ids begin with.

    Raises:
        NotFound: the cursor is no id of this list, so it would silently start from the first page.
    """
    if page.cursor is not None and not ids.is_id(page.cursor, prefix):
        raise errors.NotFound(
            f"That is no id of this list. They are {prefix}_ and 26 characters.",
            param=page.param,
        )
    edge = None if page.cursor is None else (page.cursor,)
    return read_page(session, statement, [column], page=page, edge=edge)

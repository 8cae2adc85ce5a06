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


def cut(rows: Sequence[Row], *, limit: int, cursors: Sequence[str]) -> Page[Row]:
    """Make a page of `limit` rows from a read of one more than that.

    Args:
        cursors: each row's own cursor, in the same order.
    """
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], cursors[limit - 1])


FEW_MAX = 2_000
"""So few rows are read and sorted, rather than found in passing along all in an index's order."""


def aside(column: Any) -> Any:
    """Give a column for an order or a bound that shall not choose the index.

    A list is walked in the order of an index, which ends with the page. Where few rows match that
    walk is long, and SQLite, which has no statistics in a shop, takes it all the same.
    """
    return func.coalesce(column, column)


def are_few(session: Session, statement: Any) -> bool:
    """Say whether a statement, which an index answers, finds `FEW_MAX` rows at most."""
    return count_up_to(session, statement, FEW_MAX) <= FEW_MAX


def place_among(session: Session, column: Any, *clauses: Any) -> Any:
    """Give the column in whose order a list is walked, aside where few rows meet the clauses.

    Args:
        clauses: what an index answers.
    """
    return aside(column) if are_few(session, select(column).where(*clauses)) else column


def count_up_to(session: Session, statement: Any, most: int) -> int:
    """Count a statement's rows, at most `most` + 1, so that a large table costs no more."""
    # No columns, so that an index alone may do.
    bounded = statement.with_only_columns(literal(1)).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(bounded)) or 0


@dataclass(frozen=True)
class Between:
    """Which part of a list is asked for, as the API asks for it (spec section 5).

    Attributes:
        cursor: the id after or before which the part lies; None for the list's beginning.
        is_newer: whether the part lies on the newer side of the cursor.
    """

    limit: int = 25
    cursor: str | None = None
    is_newer: bool = False

    @property
    def param(self) -> str:
        """Give the name under which the cursor was sent."""
        return "endingBefore" if self.is_newer else "startingAfter"


@dataclass(frozen=True)
class Window(Generic[Row]):
    """A part of a list, newest first.

    Attributes:
        has_more: whether the list goes on in the direction that was asked for.
        is_newer: whether that direction is the newer one.
    """

    rows: Sequence[Row]
    has_more: bool
    is_newer: bool = False


def window(
    session: Session,
    statement: Any,
    columns: Sequence[Any],
    *,
    between: Between,
    edge: tuple[Any, ...] | None,
) -> Window[Any]:
    """Read a part of a list that is ordered by `columns`, the newest first.

    Args:
        edge: the columns' values at the cursor, or None without one.
    """
    order = [column.asc() if between.is_newer else column.desc() for column in columns]
    statement = statement.order_by(*order).limit(between.limit + 1)
    if edge is not None:
        place = tuple_(*columns)
        statement = statement.where(place > edge if between.is_newer else place < edge)
    rows = list(session.scalars(statement).unique().all())
    has_more, rows = len(rows) > between.limit, rows[: between.limit]
    return Window(rows[::-1] if between.is_newer else rows, has_more, between.is_newer)


def window_by_id(
    session: Session, statement: Any, column: Any, between: Between, *, prefix: str
) -> Window[Any]:
    """Read a part of a list whose ids are in the order of time.

    Args:
        prefix: what the list's ids begin with.

    Raises:
        NotFound: the cursor is no id of this list; as a mere place it would begin it anew.
    """
    if between.cursor is not None and not ids.is_id(between.cursor, prefix):
        raise errors.NotFound(
            f"That is no id of this list. They are {prefix}_ and 26 characters.",
            param=between.param,
        )
    edge = None if between.cursor is None else (between.cursor,)
    return window(session, statement, [column], between=between, edge=edge)

"""Bounded pages of rows, read by keyset: a page costs the same at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

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

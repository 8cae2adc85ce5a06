"""Ledger lines as the pages show them: words, icons, links between lines, what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app import clock
from app.models.ledger import LedgerEntry
from app.rules.actors import Actor, Permission, may_undo
from app.services.ledger.history import Row

ICONS = {
    "award": "plus",
    "redemption": "gift",
    "reversal": "arrow-back-up",
    "cancellation": "arrow-back-up",
    "adjustment": "adjustments",
}

KIND_NAMES = {
    "award": "Award",
    "redemption": "Redeemed",
    "reversal": "Reversal",
    "cancellation": "Cancelled",
    "adjustment": "Adjusted",
}

ACTOR_NAMES = {"system": "Regulars", "rule": "Earning rule", "key": "API key"}


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """One line of the table.

    Attributes:
        tie: `end` for a line that takes back the very next one, `start` for that next one, else "".
        can_reverse: some of it is left to reverse and this person may.
        can_cancel: it is a redemption that this person may cancel.
        can_fulfil: it is a redemption that waits to be handed over.
    """

    row: Row
    icon: str
    kind_name: str
    actor_name: str
    tie: str
    can_reverse: bool
    can_cancel: bool
    can_fulfil: bool

    @property
    def is_void(self) -> bool:
        """Whether nothing is left of it: it stays, but loses its colour."""
        row = self.row
        if row.redemption is not None and row.entry.kind == "redemption":
            return row.redemption.status == "cancelled"
        return row.reversed_points > 0 and row.left_points == 0


def who_did(entry: LedgerEntry, actor_name: str | None) -> str:
    """Name the person, key or rule that wrote a line."""
    return actor_name or ACTOR_NAMES.get(entry.actor_kind, entry.actor_kind)


def make_lines(rows: Sequence[Row], *, by: Actor) -> list[LedgerLine]:
    """Make the lines of a page, newest first."""
    ties = _ties(rows)
    return [_line(row, tie, by) for row, tie in zip(rows, ties, strict=True)]


def _line(row: Row, tie: str, by: Actor) -> LedgerLine:
    entry = row.entry
    may = may_undo(by, done_by=entry.actor_id, done_at=entry.recorded_at, now=clock.now())
    redemption = row.redemption if entry.kind == "redemption" else None
    is_open = redemption is not None and redemption.status == "confirmed"
    is_fulfilled = redemption is not None and redemption.status == "fulfilled"
    return LedgerLine(
        row=row,
        icon=ICONS[entry.kind],
        kind_name=KIND_NAMES[entry.kind],
        actor_name=who_did(entry, row.actor_name),
        tie=tie,
        can_reverse=row.left_points > 0 and may,
        can_cancel=may and (is_open or (is_fulfilled and by.may(Permission.CANCEL_FULFILLED))),
        can_fulfil=is_open and by.may(Permission.FULFIL),
    )


def _ties(rows: Sequence[Row]) -> list[str]:
    """Tie each line to the next one where it takes that one back."""
    ties = [""] * len(rows)
    for index, (row, following) in enumerate(pairwise(rows)):
        if _takes_back(row, following) and not ties[index]:
            ties[index], ties[index + 1] = "end", "start"
    return ties


def _takes_back(row: Row, other: Row) -> bool:
    if row.entry.kind == "cancellation":
        return (
            other.entry.kind == "redemption"
            and row.entry.redemption_id == other.entry.redemption_id
        )
    return row.entry.reverses_id == other.entry.id

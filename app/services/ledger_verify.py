"""Verify: walk every chain and recompute everything from the entries (spec section 2).

It believes nothing but the entries: balances, lifetimes, tiers' points, stock, reversal bounds and
the totals of days are worked out again and compared with what is stored. It only reads, so nobody
waits for it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, Text, cast, func, select
from sqlalchemy.orm import Session

from app.db import table_of
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules import hashing
from app.services import totals

_READ_ROWS = 2_000
_PROGRESS_ENTRIES = 50_000


@dataclass
class Report:
    """What a walk found.

    Attributes:
        fault: the first thing that does not fit, in a sentence that names it; None when all fits.
    """

    entry_count: int = 0
    member_count: int = 0
    reward_count: int = 0
    fault: str | None = None


@dataclass(frozen=True)
class Heads:
    """Where all chains of a workspace stand.

    Attributes:
        digest: SHA-256, in hex, over a line `id entries hash` for each member, by id: two states
            with one digest hold the same entries.
    """

    member_count: int
    entry_count: int
    digest: str


@dataclass
class _Chain:
    """The running state of one member's walk."""

    seq: int = 0
    balance: int = 0
    lifetime: int = 0
    qualifying: int = 0
    head: str = hashing.GENESIS
    reversible: dict[str, int] = field(default_factory=dict)
    awards: set[str] = field(default_factory=set)
    redemptions: dict[str, int] = field(default_factory=dict)
    visited_at: datetime | None = None
    visited_on: date | None = None


class _Days:
    """The totals as the entries and the members give them, to be compared with the stored ones."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.days: dict[date, Counter[str]] = defaultdict(Counter)
        self.whole: Counter[str] = Counter()

    def count_entry(self, chain: _Chain, entry: LedgerEntry) -> None:
        """Count an entry in its day, and its member once a day if it is a visit."""
        on = entry.recorded_at.astimezone(self._zone).date()
        day = self.days[on]
        day[f"{entry.kind}_points"] += entry.points
        day[f"{entry.kind}_count"] += 1
        if entry.kind in totals.VISITS:
            day["visit_count"] += chain.visited_on != on
            chain.visited_at, chain.visited_on = entry.recorded_at, on

    def count_member(self, balance: int, seen_at: datetime) -> None:
        """Count a member on the day when it was seen last, and its balance."""
        self.days[seen_at.astimezone(self._zone).date()]["seen_count"] += 1
        self.whole["member_count"] += 1
        self.whole["outstanding_points"] += balance
        self.whole["below_zero_count"] += balance < 0
        self.whole["owed_points"] += max(0, -balance)


class _Fault(Exception):
    """The first thing that does not fit."""


def read_heads(session: Session, *, workspace_id: str) -> Heads:
    """Sum up where the chains of a workspace stand; they are believed and not walked."""
    told = hashlib.sha256()
    member_count = entry_count = 0
    rows = session.execute(
        select(Member.id, Member.entry_count, Member.head_hash)
        .where(Member.workspace_id == workspace_id)
        .order_by(Member.id)
        .execution_options(yield_per=_READ_ROWS)
    )
    for member_id, count, head in rows:
        told.update(f"{member_id} {count} {head}\n".encode())
        member_count += 1
        entry_count += count
    return Heads(member_count, entry_count, told.hexdigest())


def verify_workspace(
    session: Session,
    *,
    workspace_id: str,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check one workspace.

    Args:
        progress: called now and then with the number of entries read so far.
    """
    report = Report()
    days = _Days(totals.zone_of(session, workspace_id))
    try:
        _check_chains(session, workspace_id, report, days, progress or (lambda _count: None))
        _check_totals(session, workspace_id, days)
        _check_stock(session, workspace_id, report)
    except _Fault as fault:
        report.fault = str(fault)
    return report


def _check_chains(
    session: Session,
    workspace_id: str,
    report: Report,
    days: _Days,
    progress: Callable[[int], None],
) -> None:
    """Walk the members, and beside them their entries and redemptions, in one order.

    One member is held in memory at a time, however many there are.
    """
    with ExitStack() as open_cursors:
        members, entries, redemptions = (
            open_cursors.enter_context(closing(_rows(session, statement)))
            for statement in _statements(workspace_id)
        )
        chains = _Groups(_counted(entries, report, progress))
        bought = _Groups(redemptions)
        for member in members:
            report.member_count += 1
            chain = _Chain()
            for entry in chains.of(member.id):
                _step(chain, entry)
                days.count_entry(chain, entry)
            if not chain.seq and member.entry_count:
                _check_nobody_is_gone(session, workspace_id, chains, bought)
            _check_member(member, chain)
            _check_redemptions(chain, bought.of(member.id))
            days.count_member(member.balance, member.last_seen_at)
        _check_nobody_is_gone(session, workspace_id, chains, bought)


def _check_nobody_is_gone(
    session: Session, workspace_id: str, chains: _Groups, bought: _Groups
) -> None:
    """Refuse rows whose turn never comes, since their member is not there."""
    for waiting in (chains.waiting, bought.waiting):
        if waiting is not None and not session.scalar(
            select(Member.id).where(
                Member.workspace_id == workspace_id, Member.id == waiting.member_id
            )
        ):
            raise _Fault(f"Member {waiting.member_id} is gone, but {waiting.id} is its.")


class _Groups:
    """Rows in the order of their members, given member by member."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self.waiting = next(rows, None)
        """The first row that was not given yet."""

    def of(self, member_id: str) -> Iterator[Any]:
        """Give the rows of the member whose turn it is, if the next ones are its."""
        while self.waiting is not None and self.waiting.member_id == member_id:
            yield self.waiting
            self.waiting = next(self._rows, None)


def _counted(
    entries: Iterator[Any], report: Report, progress: Callable[[int], None]
) -> Iterator[Any]:
    for entry in entries:
        report.entry_count += 1
        if report.entry_count % _PROGRESS_ENTRIES == 0:
            progress(report.entry_count)
        yield entry


def _statements(workspace_id: str) -> Sequence[Select[*tuple[Any, ...]]]:
    """Give what reads the members, the entries and the redemptions."""
    table = table_of(LedgerEntry)
    return (
        select(
            Member.id,
            Member.entry_count,
            Member.balance,
            Member.lifetime_points,
            Member.qualifying_points,
            Member.head_hash,
            Member.last_seen_at,
            Member.last_visit_at,
        )
        .where(Member.workspace_id == workspace_id)
        .order_by(Member.id),
        select(
            *(column for column in table.c if column.name != "metadata"),
            # Most have none, and a text is told from "{}" faster than it is parsed.
            cast(table.c.metadata, Text).label("metadata_text"),
        )
        .where(LedgerEntry.workspace_id == workspace_id)
        .order_by(LedgerEntry.member_id, LedgerEntry.seq),
        select(Redemption.member_id, Redemption.id, Redemption.status, Redemption.points_spent)
        .where(Redemption.workspace_id == workspace_id)
        .order_by(Redemption.member_id, Redemption.id),
    )


def _rows(session: Session, statement: Select[*tuple[Any, ...]]) -> Generator[Any]:
    # A fault ends a walk early, and PostgreSQL's cursor has to be closed all the same.
    result = session.execute(statement, execution_options={"yield_per": _READ_ROWS})
    with closing(result) as rows:
        yield from rows


def _step(chain: _Chain, entry: LedgerEntry) -> None:
    _expect(entry, "seq", entry.seq, chain.seq + 1)
    _expect(entry, "balance", entry.balance_after, chain.balance + entry.points)
    earned = entry.points if entry.kind == "award" else 0
    _expect(entry, "lifetime points", entry.lifetime_after, chain.lifetime + earned)
    qualifying = chain.qualifying + _qualifying_change(chain, entry)
    _expect(entry, "points that count for a tier", entry.qualifying_after, qualifying)
    _check_text(entry)
    _expect(
        entry,
        "hash",
        entry.hash,
        hashing.entry_hash(previous_hash=chain.head, content=hashing.hashed_text(entry)),
    )
    _follow_links(chain, entry)
    chain.seq, chain.balance, chain.head = entry.seq, entry.balance_after, entry.hash
    chain.lifetime, chain.qualifying = entry.lifetime_after, entry.qualifying_after


def _qualifying_change(chain: _Chain, entry: LedgerEntry) -> int:
    if entry.kind == "award":
        return entry.points
    if entry.kind == "reversal" and entry.reverses_id in chain.awards:
        return entry.points
    return 0


def _check_text(entry: Any) -> None:
    # A person's erased text leaves its digest, which the hash covers; there is nothing to compare.
    if entry.salt is None:
        if (entry.reason, entry.note, entry.metadata_text) != (None, None, None):
            raise _Fault(f"{_name(entry)}: its text is there, but its salt was erased.")
        return
    has_metadata = entry.metadata_text not in {None, "{}"}
    digest = hashing.text_digest(
        salt=entry.salt,
        reason=entry.reason or "",
        note=entry.note,
        metadata=json.loads(entry.metadata_text) if has_metadata else {},
    )
    _expect(entry, "text", entry.text_digest, digest)


def _follow_links(chain: _Chain, entry: LedgerEntry) -> None:
    if entry.kind == "award":
        chain.awards.add(entry.id)
    if entry.kind == "award" or (entry.kind == "adjustment" and entry.points > 0):
        chain.reversible[entry.id] = entry.points
    if entry.kind == "reversal":
        left = chain.reversible.get(entry.reverses_id or "", 0) + entry.points
        if left < 0:
            raise _Fault(f"{_name(entry)} takes back more than its award gave.")
        chain.reversible[entry.reverses_id or ""] = left
    if entry.redemption_id is not None:
        total = chain.redemptions.get(entry.redemption_id, 0) + entry.points
        chain.redemptions[entry.redemption_id] = total


def _check_member(row: Row[*tuple[Any, ...]], chain: _Chain) -> None:
    stored = (row.entry_count, row.balance, row.lifetime_points, row.qualifying_points)
    worked_out = (chain.seq, chain.balance, chain.lifetime, chain.qualifying)
    if stored != worked_out or row.head_hash != chain.head:
        raise _Fault(
            f"Member {row.id} says {row.entry_count} entries and a balance of {row.balance}; "
            f"its ledger has {chain.seq} entries that sum to {chain.balance}. "
            f"The last entry that fits has seq {chain.seq}."
        )
    if row.last_visit_at != chain.visited_at:
        raise _Fault(
            f"Member {row.id} says that its last visit was {row.last_visit_at}; "
            f"its ledger says {chain.visited_at}."
        )


def _check_totals(session: Session, workspace_id: str, worked_out: _Days) -> None:
    stored = totals.read_workspace(session, workspace_id=workspace_id)
    _compare("of the workspace", stored, worked_out.whole)
    for on, sums in totals.read_days(session, workspace_id=workspace_id).items():
        _compare(f"of {on}", sums, worked_out.days.pop(on, Counter()))
    for on, sums in worked_out.days.items():
        _compare(f"of {on}", {}, sums)


def _compare(whose: str, stored: Mapping[str, int], worked_out: Counter[str]) -> None:
    for name in sorted({*stored, *worked_out}):
        if stored.get(name, 0) != worked_out[name]:
            raise _Fault(
                f"The totals {whose} say {stored.get(name, 0)} {name.replace('_', ' ')}; "
                f"the ledger gives {worked_out[name]}."
            )


def _check_redemptions(chain: _Chain, rows: Iterator[Any]) -> None:
    sums = dict(chain.redemptions)
    for row in rows:
        expected = 0 if row.status == "cancelled" else -row.points_spent
        found = sums.pop(row.id, None)
        if found != expected:
            raise _Fault(
                f"Redemption {row.id} is {row.status} and cost {row.points_spent}, "
                f"but its entries sum to {found}."
            )
    for redemption_id in sums:
        raise _Fault(f"Redemption {redemption_id} is in the ledger of another member too.")


def _check_stock(session: Session, workspace_id: str, report: Report) -> None:
    taken = (
        select(Redemption.reward_id, func.count().label("taken_count"))
        .where(Redemption.workspace_id == workspace_id, Redemption.status != "cancelled")
        .group_by(Redemption.reward_id)
        .subquery()
    )
    statement = (
        select(Reward, func.coalesce(taken.c.taken_count, 0))
        .outerjoin(taken, taken.c.reward_id == Reward.id)
        .where(Reward.workspace_id == workspace_id)
        .order_by(Reward.id)
    )
    for reward, taken_count in session.execute(statement):
        report.reward_count += 1
        if reward.stock_supplied is not None and reward.stock_taken != taken_count:
            raise _Fault(
                f"Reward {reward.id} says {reward.stock_taken} are taken; "
                f"{taken_count} redemptions hold one."
            )


def _expect(entry: LedgerEntry, what: str, stored: object, worked_out: object) -> None:
    if stored != worked_out:
        raise _Fault(f"{_name(entry)}: its {what} is {stored}, but should be {worked_out}.")


def _name(entry: LedgerEntry) -> str:
    return f"Entry {entry.id} (member {entry.member_id}, seq {entry.seq})"

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
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, Text, cast, func, select
from sqlalchemy.orm import Session

from app.db.base import table_of
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules import hashing
from app.rules.ledger import VISITS
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


@dataclass(slots=True)
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
    visited_at: str | None = None
    visited_on: date | None = None


class _Days:
    """The totals as the entries and the members give them, to be compared with the stored ones."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._dates: dict[str, Sequence[date]] = {}
        self._kinds: dict[tuple[date, str], list[int]] = {}
        self._others: dict[date, Counter[str]] = defaultdict(Counter)
        self.whole: Counter[str] = Counter()
        self.tiers: Counter[tuple[str, str | None]] = Counter()

    def count_entry(self, chain: _Chain, kind: str, points: int, recorded_at: str) -> None:
        """Count an entry in its day, and its member once a day if it is a visit."""
        on = self._date_of(recorded_at)
        sums = self._kinds.get((on, kind))
        if sums is None:
            sums = self._kinds[on, kind] = [0, 0]
        sums[0] += points
        sums[1] += 1
        if kind in VISITS:
            if chain.visited_on != on:
                self._others[on]["visit_count"] += 1
            chain.visited_at, chain.visited_on = recorded_at, on

    def count_member(self, member: Row[*tuple[Any, ...]]) -> None:
        """Count a member in its tier, on the day when it was seen last, and its balance."""
        balance = member.balance
        if member.status == "active":
            self.tiers[member.program_id, member.tier] += 1
        self._others[self._date_of(member.last_seen_at)]["seen_count"] += 1
        self.whole["member_count"] += 1
        self.whole["outstanding_points"] += balance
        self.whole["below_zero_count"] += balance < 0
        self.whole["owed_points"] += max(0, -balance)

    def sums(self) -> dict[date, Counter[str]]:
        """Give each day's totals by the columns of `DayTotals`."""
        days = defaultdict(Counter, {on: Counter(sums) for on, sums in self._others.items()})
        for (on, kind), (points, count) in self._kinds.items():
            days[on][f"{kind}_points"] += points
            days[on][f"{kind}_count"] += count
        return days

    def _date_of(self, instant: str) -> date:
        """Give the day of an instant; no zone has begun one within a quarter of an hour."""
        dates = self._dates.get(instant[:13])
        if dates is None:
            hour = datetime.fromisoformat(f"{instant[:13]}:00+00:00")
            dates = self._dates[instant[:13]] = [
                (hour + timedelta(minutes=minutes)).astimezone(self._zone).date()
                for minutes in (0, 15, 30, 45)
            ]
        return dates[int(instant[14:16]) // 15]


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
            for statement in _statements(workspace_id, session.get_bind().dialect.name)
        )
        chains = _Groups(entries, _ENTRY_MEMBER)
        bought = _Groups(redemptions, 0)
        told = 0
        for member in members:
            report.member_count += 1
            chain = _Chain()
            for entry in chains.of(member.id):
                kind, points, recorded_at = _step(chain, entry)
                days.count_entry(chain, kind, points, recorded_at)
            report.entry_count += chain.seq
            if report.entry_count // _PROGRESS_ENTRIES > told:
                told = report.entry_count // _PROGRESS_ENTRIES
                progress(report.entry_count)
            if not chain.seq and member.entry_count:
                _check_nobody_is_gone(session, workspace_id, chains, bought)
            _check_member(member, chain)
            _check_redemptions(chain, bought.of(member.id))
            days.count_member(member)
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
    """Rows in the order of their members, given member by member.

    Args:
        at: where in a row its member's id is.
    """

    def __init__(self, rows: Iterator[Any], at: int) -> None:
        self._rows = rows
        self._at = at
        self.waiting = next(rows, None)
        """The first row that was not given yet."""

    def of(self, member_id: str) -> Iterator[Any]:
        """Give the rows of the member whose turn it is, if the next ones are its."""
        row, at = self.waiting, self._at
        while row is not None and row[at] == member_id:
            yield row
            row = self.waiting = next(self._rows, None)


_ENTRY_MEMBER = hashing.HASHED.index("member_id")


def _statements(workspace_id: str, dialect_name: str) -> Sequence[Select[*tuple[Any, ...]]]:
    """Give what reads the members, the entries and the redemptions; times as the hash has them."""
    instant = partial(_instant, dialect_name)
    entry, member = table_of(LedgerEntry).c, table_of(Member).c
    return (
        select(
            member.id,
            member.entry_count,
            member.balance,
            member.lifetime_points,
            member.qualifying_points,
            member.head_hash,
            instant(member.last_seen_at),
            instant(member.last_visit_at),
            member.program_id,
            member.status,
            member.tier,
        )
        .where(member.workspace_id == workspace_id)
        .order_by(member.id),
        select(
            *(
                instant(entry[name]) if name in {"recorded_at", "occurred_at"} else entry[name]
                for name in hashing.HASHED
            ),
            entry.salt,
            entry.reason,
            entry.note,
            # Most have none, and a text is told from "{}" faster than it is parsed.
            cast(entry.metadata, Text).label("metadata_text"),
            entry.hash,
        )
        .where(entry.workspace_id == workspace_id)
        .order_by(entry.member_id, entry.seq),
        select(Redemption.member_id, Redemption.id, Redemption.status, Redemption.points_spent)
        .where(Redemption.workspace_id == workspace_id)
        .order_by(Redemption.member_id, Redemption.id),
    )


def _instant(dialect_name: str, column: ColumnElement[datetime]) -> ColumnElement[str]:
    """Let the database write a time as `hashing.instant` does: Python takes ten times as long."""
    if dialect_name == "sqlite":
        written: ColumnElement[str] = func.replace(cast(column, Text), " ", "T").concat("Z")
    else:
        form = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        written = func.to_char(func.timezone("UTC", column), form)
    return written.label(column.name)


def _rows(session: Session, statement: Select[*tuple[Any, ...]]) -> Generator[Any]:
    # A fault ends a walk early, and PostgreSQL's cursor has to be closed all the same.
    result = session.connection().execute(statement, execution_options={"yield_per": _READ_ROWS})
    with closing(result):
        for part in result.partitions():
            yield from part


def _step(chain: _Chain, entry: Row[*tuple[Any, ...]]) -> tuple[str, int, str]:
    """Check an entry against the one before it; give its kind, its points and when it was."""
    (
        entry_id, _, seq, kind, points, balance, lifetime,
        qualifying, text_digest, recorded_at, reverses_id, redemption_id,
        _, _, _, _, _, _, _, _, _, _, salt, reason, note, metadata_text, digest,
    ) = entry  # fmt: skip
    is_award = kind == "award"
    counts = is_award or (kind == "reversal" and reverses_id in chain.awards)
    worked_out = (
        chain.seq + 1,
        chain.balance + points,
        chain.lifetime + points if is_award else chain.lifetime,
        chain.qualifying + points if counts else chain.qualifying,
        _digest_of_text(entry)
        if metadata_text != "{}" or salt is None
        else hashing.text_digest(salt=salt, reason=reason or "", note=note, metadata=_NO_METADATA),
        hashing.entry_hash(previous_hash=chain.head, content=hashing.content_of(entry)),
    )
    stored = (seq, balance, lifetime, qualifying, text_digest, digest)
    if stored != worked_out:
        raise _Fault(_blame(entry, stored, worked_out))
    if is_award:
        chain.awards.add(entry_id)
    if is_award or (kind == "adjustment" and points > 0):
        chain.reversible[entry_id] = points
    elif kind == "reversal":
        left = chain.reversible.get(reverses_id, 0) + points
        if left < 0:
            raise _Fault(f"{_name(entry)} takes back more than its award gave.")
        chain.reversible[reverses_id] = left
    if redemption_id is not None:
        chain.redemptions[redemption_id] = chain.redemptions.get(redemption_id, 0) + points
    chain.seq, chain.balance, chain.lifetime = seq, balance, lifetime
    chain.qualifying, chain.head = qualifying, digest
    return kind, points, recorded_at


_CHECKED = ("seq", "balance", "lifetime points", "points that count for a tier", "text", "hash")
"""What `_step` compares of an entry, in its order."""

_NO_METADATA: Mapping[str, Any] = {}


def _blame(
    entry: Row[*tuple[Any, ...]], stored: Sequence[object], worked_out: Sequence[object]
) -> str:
    what, found, due = next(
        each for each in zip(_CHECKED, stored, worked_out, strict=True) if each[1] != each[2]
    )
    return f"{_name(entry)}: its {what} is {found}, but should be {due}."


def _digest_of_text(entry: Row[*tuple[Any, ...]]) -> str:
    """Work out the digest of a text, or believe the stored one where the text was erased.

    The hash covers the digest, so nothing is lost with it.
    """
    if entry.salt is None:
        if (entry.reason, entry.note, entry.metadata_text) != (None, None, None):
            raise _Fault(f"{_name(entry)}: its text is there, but its salt was erased.")
        return str(entry.text_digest)
    return hashing.text_digest(
        salt=entry.salt,
        reason=entry.reason or "",
        note=entry.note,
        metadata=json.loads(entry.metadata_text or "{}"),
    )


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
    kept = totals.read_tiers(session, workspace_id=workspace_id)
    for program_id, tier in sorted({*kept, *worked_out.tiers}, key=str):
        found, due_count = kept.get((program_id, tier), 0), worked_out.tiers[program_id, tier]
        if found != due_count:
            raise _Fault(
                f"The totals of program {program_id} say that tier {tier or 'none'} has {found} "
                f"members; {due_count} are in it."
            )
    due = worked_out.sums()
    for on, sums in totals.read_days(session, workspace_id=workspace_id).items():
        _compare(f"of {on}", sums, due.pop(on, Counter()))
    for on, sums in due.items():
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
    known = totals.read_rewards(session, workspace_id=workspace_id)
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
        if known.get(reward.id, 0) != taken_count:
            raise _Fault(
                f"The totals of reward {reward.id} say that {known.get(reward.id, 0)} were taken; "
                f"{taken_count} redemptions hold one."
            )
        if reward.stock_supplied is not None and reward.stock_taken != taken_count:
            raise _Fault(
                f"Reward {reward.id} says {reward.stock_taken} are taken; "
                f"{taken_count} redemptions hold one."
            )


def _name(entry: Row[*tuple[Any, ...]]) -> str:
    return f"Entry {entry.id} (member {entry.member_id}, seq {entry.seq})"

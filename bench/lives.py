"""What happened in a made-up workspace of any size, worked out in processes of their own.

Nothing here touches a database: `bench.bulk` writes what this gives. A batch is worked out of its
own number, so that it is the same people whoever works it out, and whenever.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from typing import Any
from zoneinfo import ZoneInfo

from app.db.base import Base, table_of
from app.ids import ALPHABET, CODE_CHARACTERS, id_at, new_id
from app.models.audit import AuditEntry
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.redemptions import Redemption
from app.rules import hashing, searching
from app.rules.ledger import VISITS
from app.rules.tiers import Tier, tier_key
from app.sandbox import seeding
from app.services.members import customers
from app.services.members.search import words

HISTORY_DAYS = 730
SHARE_REDEEMING = 0.12
SHARE_REVERSED = 0.012
SHARE_TOLD = 0.1
"""So many acts are staff's and have an audit entry; the others came from the till's system."""

VISITS_MOST = 40.0

WORTH_PROCESSES = 8
"""Fewer batches than this are worked out here: a process takes longer to start."""

AHEAD = 5
"""So many batches, for each process, may wait for whoever writes them."""

_BEGUN_WITH = "demo"


@dataclass(frozen=True)
class Offer:
    """A reward that anyone may redeem, in any number."""

    id: str
    name: str
    points_cost: int


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The workspace that is filled.

    Attributes:
        now: when its history ends.
    """

    workspace_id: str
    program_id: str
    time_zone: str
    tiers: Sequence[Tier]
    offers: Sequence[Offer]
    location_ids: Sequence[str]
    staff_ids: Sequence[str]
    key_id: str
    now: datetime


@dataclass(frozen=True)
class Batch:
    """So many members with so many entries, and the number by which they are made up."""

    number: int
    first_person: int
    member_count: int
    entry_count: int


@dataclass
class Rows:
    """What a batch writes, a row per list, in the order of the tables' columns."""

    customers: list[Any] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)
    redemptions: list[Any] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    audit: list[Any] = field(default_factory=list)
    days: defaultdict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    whole: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str | None] = field(default_factory=Counter)
    search_words: list[Any] = field(default_factory=list)
    name_words: set[str] = field(default_factory=set)
    code_number: int = 0

    def next_code(self) -> str:
        """Give a code that no other batch gives: chance alone would meet some code twice."""
        scattered = self.code_number * _CODE_STEP % _CODES
        self.code_number += 1
        return "".join(
            ALPHABET[scattered >> 5 * place & 31] for place in range(CODE_CHARACTERS)
        ).upper()


_CODES = 1 << 5 * CODE_CHARACTERS
_CODE_STEP = 0x2545F491
"""Odd, so that all numbers below `_CODES` become different codes."""

_CODES_OF_BATCH = 1 << 14


def work_out(shop: Shop, batches: Sequence[Batch]) -> Generator[Rows]:
    """Work batches out, in their order: in other processes, when there are enough of them."""
    if len(batches) < WORTH_PROCESSES:
        for batch in batches:
            yield work_out_one(shop, batch)
        return
    processes = os.cpu_count() or 1
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _leave_ctrl_c_alone)
    under_way: deque[Future[Rows]] = deque()
    try:
        for batch in batches:
            under_way.append(pool.submit(work_out_one, shop, batch))
            # Enough to work on while a transaction is written, and memory is finite.
            if len(under_way) > AHEAD * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def work_out_one(shop: Shop, batch: Batch) -> Rows:
    """Work one batch out: its members, each with a history of its own."""
    dice = random.Random(f"{_BEGUN_WITH} {batch.number}")
    rows = Rows(code_number=batch.number * _CODES_OF_BATCH)
    zone = ZoneInfo(shop.time_zone)
    for index, entries in enumerate(_shares(dice, batch.member_count, batch.entry_count)):
        _Life(shop, dice, rows, zone).live(batch.first_person + index, entries)
    return rows


def _leave_ctrl_c_alone() -> None:
    """Let the process that writes end the others, when it is told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _shares(dice: random.Random, member_count: int, entry_count: int) -> list[int]:
    """Share entries out so that a few members have many and most have few; the sum is exact."""
    weights = [min(dice.paretovariate(1.1), VISITS_MOST) for _ in range(member_count)]
    whole, given, shares, running = sum(weights), 0, [], 0.0
    for weight in weights:
        running += weight
        due = round(entry_count * running / whole)
        shares.append(due - given)
        given = due
    return shares


class _Life:
    """One member's history, from joining to now."""

    def __init__(self, shop: Shop, dice: random.Random, rows: Rows, zone: ZoneInfo) -> None:
        self._shop, self._dice, self._rows, self._zone = shop, dice, rows, zone
        self._member_id = ""
        self._balance = self._lifetime = self._qualifying = self._seq = 0
        self._head = hashing.GENESIS
        self._last_at: datetime | None = None
        self._visit_at: datetime | None = None
        self._visited_on: date | None = None
        self._last_award: tuple[str, int] | None = None

    def live(self, number: int, entry_count: int) -> None:
        """Write the member of a number with so many entries."""
        dice, now = self._dice, self._shop.now
        joined_at = now - timedelta(seconds=dice.randint(3600, HISTORY_DAYS * 86_400))
        seconds = (now - joined_at).total_seconds()
        self._member_id = new_id("loy")
        for share in sorted(dice.random() for _ in range(entry_count)):
            self._act(joined_at + timedelta(seconds=seconds * share))
        self._finish(number, joined_at)

    def _act(self, at: datetime) -> None:
        dice = self._dice
        affordable = [each for each in self._shop.offers if each.points_cost <= self._balance]
        if affordable and dice.random() < SHARE_REDEEMING:
            self._redeem(at, dice.choice(affordable))
        elif self._last_award is not None and dice.random() < SHARE_REVERSED:
            award_id, points = self._last_award
            self._last_award = None
            self._qualifying -= points
            self._write(at, "reversal", -points, "Refund", reverses_id=award_id)
        else:
            reason, points = seeding.make_purchase(dice)
            self._lifetime += points
            self._qualifying += points
            self._last_award = (self._write(at, "award", points, reason), points)

    def _redeem(self, at: datetime, reward: Offer) -> None:
        redemption_id = id_at("rdm", at)
        self._rows.taken[reward.id] += 1
        self._rows.redemptions.append(
            _row(
                Redemption,
                workspace_id=self._shop.workspace_id,
                id=redemption_id,
                member_id=self._member_id,
                reward_id=reward.id,
                status="fulfilled",
                points_spent=reward.points_cost,
                code=self._rows.next_code(),
                metadata={},
                created_at=at,
                fulfilled_at=at,
            )
        )
        self._write(at, "redemption", -reward.points_cost, reward.name, redemption_id=redemption_id)

    def _write(
        self,
        at: datetime,
        kind: str,
        points: int,
        reason: str,
        *,
        reverses_id: str | None = None,
        redemption_id: str | None = None,
    ) -> str:
        dice, salt = self._dice, hashing.new_salt()
        self._seq += 1
        self._balance += points
        by_staff = dice.random() < SHARE_TOLD
        values: dict[str, Any] = {
            "workspace_id": self._shop.workspace_id,
            # Of the time when it is written, as an imported history's, so that the keys of a
            # large ledger grow at their end.
            "id": new_id("ptx"),
            "member_id": self._member_id,
            "seq": self._seq,
            "kind": kind,
            "points": points,
            "balance_after": self._balance,
            "lifetime_after": self._lifetime,
            "qualifying_after": self._qualifying,
            "reason": reason,
            "metadata": {},
            "salt": salt,
            "text_digest": hashing.text_digest(salt=salt, reason=reason, note=None, metadata={}),
            "actor_kind": "staff" if by_staff else "key",
            "actor_id": dice.choice(self._shop.staff_ids) if by_staff else self._shop.key_id,
            "location_id": dice.choice(self._shop.location_ids) if by_staff else None,
            "recorded_at": at,
            "occurred_at": at,
            "reverses_id": reverses_id,
            "redemption_id": redemption_id,
        }
        instant = hashing.instant(at)
        content = hashing.content_of(
            [instant if name in _TIMES else values.get(name) for name in hashing.HASHED]
        )
        self._head = values["hash"] = hashing.entry_hash(previous_hash=self._head, content=content)
        self._rows.entries.append(_row(LedgerEntry, **values))
        self._count(at, kind, points)
        if by_staff:
            self._tell(values)
        return str(values["id"])

    def _count(self, at: datetime, kind: str, points: int) -> None:
        on = at.astimezone(self._zone).date()
        day = self._rows.days[on]
        day[f"{kind}_points"] += points
        day[f"{kind}_count"] += 1
        self._last_at = at
        if kind in VISITS:
            day["visit_count"] += self._visited_on != on
            self._visit_at, self._visited_on = at, on

    def _tell(self, entry: Mapping[str, Any]) -> None:
        self._rows.audit.append(
            _row(
                AuditEntry,
                workspace_id=self._shop.workspace_id,
                id=id_at("aud", entry["recorded_at"]),
                act=_ACTS[entry["kind"]],
                actor_kind="staff",
                actor_id=entry["actor_id"],
                location_id=entry["location_id"],
                member_id=self._member_id,
                subject_id=entry["redemption_id"] or entry["id"],
                before={"balance": self._balance - entry["points"]},
                after={"balance": self._balance, "points": entry["points"]},
                recorded_at=entry["recorded_at"],
            )
        )

    def _finish(self, number: int, joined_at: datetime) -> None:
        rows, workspace_id = self._rows, self._shop.workspace_id
        customer = Customer(workspace_id=workspace_id, id=new_id("cust"), created_at=joined_at)
        customers.fill(customer, seeding.make_person(self._dice, number))
        named = {name: getattr(customer, name) for name in _names(Customer) if name != "metadata"}
        rows.customers.append(_row(Customer, **named, metadata={}))
        rows.search_words += words.rows_of(customer)
        rows.name_words.update(searching.name_words(customer.name))
        seen_at = self._visit_at or joined_at
        tier = tier_key(self._qualifying, self._shop.tiers)
        rows.members.append(
            _row(
                Member,
                workspace_id=workspace_id,
                id=self._member_id,
                program_id=self._shop.program_id,
                customer_id=customer.id,
                status="active",
                balance=self._balance,
                lifetime_points=self._lifetime,
                qualifying_points=self._qualifying,
                tier=tier,
                entry_count=self._seq,
                head_hash=self._head,
                last_entry_at=self._last_at,
                last_seen_at=seen_at,
                last_visit_at=self._visit_at,
                metadata={},
                created_at=joined_at,
            )
        )
        rows.days[seen_at.astimezone(self._zone).date()]["seen_count"] += 1
        rows.tiers[tier] += 1
        rows.whole["member_count"] += 1
        rows.whole["outstanding_points"] += self._balance
        rows.whole["below_zero_count"] += self._balance < 0
        rows.whole["owed_points"] += max(0, -self._balance)


_ACTS = {
    "award": "ledger.award",
    "reversal": "ledger.reverse",
    "redemption": "redemptions.redeem",
}


def _names(model: type[Base]) -> Sequence[str]:
    return [column.name for column in table_of(model).c]


_COLUMNS: Mapping[type[Base], Sequence[str]] = {
    model: _names(model) for model in (Customer, Member, Redemption, LedgerEntry, AuditEntry)
}
_TIMES = frozenset({"recorded_at", "occurred_at"})


def _row(model: type[Base], **values: Any) -> list[Any]:
    """Give a row in the order of the table's columns; what is not named is NULL."""
    return [values.get(name) for name in _COLUMNS[model]]

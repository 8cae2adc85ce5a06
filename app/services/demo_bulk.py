"""A workspace of any size, to see how the product behaves there: `demo seed --members --entries`.

The members and their ledgers are worked out here and written in bulk, past the services, with the
chains, totals and redemptions that the services would have made; `ledger verify` passes. What has
no bearing on size is left out: there are no events, and an audit entry for one act in ten.

Each batch is one transaction and is worked out of its own number, so an interrupted run goes on
where it stopped.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import clock, statements
from app.db import Base, table_of
from app.ids import ALPHABET, CODE_CHARACTERS, id_at
from app.models.audit import AuditEntry
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.merchants import Workspace
from app.models.programs import Location, Program
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.models.staff import Staff
from app.rules import hashing, searching
from app.rules.actors import SYSTEM
from app.rules.tiers import tier_key
from app.services import api_keys, customers, demo, programs, search_words, totals

BATCH_MEMBERS = 1_000
HISTORY_DAYS = 730
SHARE_REDEEMING = 0.12
SHARE_REVERSED = 0.012
SHARE_TOLD = 0.1
"""So many acts are staff's and have an audit entry; the others came from the till's system."""

VISITS_MOST = 40.0

_BEGUN_WITH = "demo"


@dataclass(frozen=True)
class Shop:
    """The workspace that is filled."""

    workspace_id: str
    program: Program
    rewards: Sequence[Reward]
    location_ids: Sequence[str]
    staff_ids: Sequence[str]
    key_id: str


@dataclass
class _Rows:
    """What a batch writes, a row per tuple, in the order of the tables' columns."""

    customers: list[Any] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)
    redemptions: list[Any] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    audit: list[Any] = field(default_factory=list)
    days: defaultdict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    whole: Counter[str] = field(default_factory=Counter)
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


def open_shop(session: Session, *, workspace_id: str) -> Shop:
    """Give the shop of a workspace: the one that is there, or a new one with its rewards."""
    known = programs.list_programs(session, workspace_id=workspace_id)
    if not known:
        demo.furnish(session, workspace_id=workspace_id)
        session.flush()
        known = programs.list_programs(session, workspace_id=workspace_id)
    on_offer = session.scalars(
        select(Reward).where(
            Reward.workspace_id == workspace_id,
            Reward.stock_supplied.is_(None),
            Reward.per_member_limit.is_(None),
            Reward.min_tier.is_(None),
        )
    ).all()
    places = session.scalars(select(Location.id).where(Location.workspace_id == workspace_id)).all()
    people = session.scalars(
        select(Staff.id)
        .join(Workspace, Workspace.merchant_id == Staff.merchant_id)
        .where(Workspace.id == workspace_id)
        .order_by(Staff.id)
    ).all()
    return Shop(workspace_id, known[0], on_offer, places, people, _key_id(session, workspace_id))


def _key_id(session: Session, workspace_id: str) -> str:
    """Give the id of the key that most acts came by."""
    workspace = session.get_one(Workspace, workspace_id)
    known = api_keys.list_keys(session, workspace=workspace)
    if known:
        return known[0].id
    return api_keys.create(session, workspace=workspace, name="Till system", by=SYSTEM).key.id


def count_members(session: Session, *, workspace_id: str) -> int:
    """Count the members that are there already."""
    return totals.read_workspace(session, workspace_id=workspace_id)["member_count"]


def batches(member_count: int, entry_count: int) -> Iterator[tuple[int, int, int]]:
    """Cut the work: the number of a batch, its members and its entries."""
    whole = -(-member_count // BATCH_MEMBERS)
    for number in range(whole):
        first, last = number * BATCH_MEMBERS, min(member_count, (number + 1) * BATCH_MEMBERS)
        done, due = (entry_count * at // member_count for at in (first, last))
        yield number, last - first, due - done


def write_batch(
    session: Session, *, shop: Shop, number: int, member_count: int, entry_count: int
) -> None:
    """Write one batch of members with their ledgers."""
    dice = random.Random(f"{_BEGUN_WITH} {number}")  # noqa: S311 - the same members each time
    rows = _Rows(code_number=number * _CODES_OF_BATCH)
    for index, entries in enumerate(_shares(dice, member_count, entry_count)):
        person_number = number * BATCH_MEMBERS + index + 1
        _Life(shop, dice, rows, totals.zone_of(session, shop.workspace_id)).live(
            person_number, entries
        )
    for model, written in (
        (Customer, rows.customers),
        (Member, rows.members),
        (Redemption, rows.redemptions),
        (LedgerEntry, rows.entries),
        (AuditEntry, rows.audit),
    ):
        statements.insert_many(session, table_of(model), written)
    for on, sums in rows.days.items():
        totals.add_to_day(session, shop.workspace_id, on, sums)
    totals.add_to_workspace(session, shop.workspace_id, rows.whole)
    search_words.add_many(session, shop.workspace_id, rows.search_words, rows.name_words)


def measure_tables(session: Session) -> None:
    """Let the database's planner know what is in the tables now."""
    session.execute(text("ANALYZE"))


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

    def __init__(self, shop: Shop, dice: random.Random, rows: _Rows, zone: ZoneInfo) -> None:
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
        dice, now = self._dice, clock.now()
        joined_at = now - timedelta(seconds=dice.randint(3600, HISTORY_DAYS * 86_400))
        seconds = (now - joined_at).total_seconds()
        self._member_id = id_at("loy", joined_at)
        for share in sorted(dice.random() for _ in range(entry_count)):
            self._act(joined_at + timedelta(seconds=seconds * share))
        self._finish(number, joined_at)

    def _act(self, at: datetime) -> None:
        dice = self._dice
        affordable = [each for each in self._shop.rewards if each.points_cost <= self._balance]
        if affordable and dice.random() < SHARE_REDEEMING:
            self._redeem(at, dice.choice(affordable))
        elif self._last_award is not None and dice.random() < SHARE_REVERSED:
            award_id, points = self._last_award
            self._last_award = None
            self._qualifying -= points
            self._write(at, "reversal", -points, "Refund", reverses_id=award_id)
        else:
            reason, points = demo.make_purchase(dice)
            self._lifetime += points
            self._qualifying += points
            self._last_award = (self._write(at, "award", points, reason), points)

    def _redeem(self, at: datetime, reward: Reward) -> None:
        redemption_id = id_at("rdm", at)
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
        values = {
            "workspace_id": self._shop.workspace_id,
            "id": id_at("ptx", at),
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
        entry = SimpleNamespace(**{**_NOTHING, **values})
        self._head = hashing.entry_hash(
            previous_hash=self._head, content=hashing.hashed_text(entry)
        )
        self._rows.entries.append(_row(LedgerEntry, **values, hash=self._head))
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
        if kind in totals.VISITS:
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
        customer = Customer(
            workspace_id=workspace_id, id=id_at("cust", joined_at), created_at=joined_at
        )
        customers.fill(customer, demo.make_person(self._dice, number))
        named = {name: getattr(customer, name) for name in _names(Customer) if name != "metadata"}
        rows.customers.append(_row(Customer, **named, metadata={}))
        rows.search_words += search_words.rows_of(customer)
        rows.name_words.update(searching.name_words(customer.name))
        seen_at = self._visit_at or joined_at
        rows.members.append(
            _row(
                Member,
                workspace_id=workspace_id,
                id=self._member_id,
                program_id=self._shop.program.id,
                customer_id=customer.id,
                status="active",
                balance=self._balance,
                lifetime_points=self._lifetime,
                qualifying_points=self._qualifying,
                tier=tier_key(self._qualifying, self._shop.program.tiers),
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
_NOTHING = dict.fromkeys(_COLUMNS[LedgerEntry])


def _row(model: type[Base], **values: Any) -> list[Any]:
    """Give a row in the order of the table's columns; what is not named is NULL."""
    return [values.get(name) for name in _COLUMNS[model]]

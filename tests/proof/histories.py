"""Histories of many who act at once, and whether they could have happened one act after the other.

Each call is written down with the moments at which it began and ended. The history of a member is
linearizable if every call can be given one moment between those two, so that done in that order one
by one, each gives what it gave. The ledger's own `seq` is taken as the order of the acts that wrote
an entry; where the reads and the refusals stand among them is searched for.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import select

from app import errors
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.rewards import Reward
from app.rules.ledger import Entry
from app.services.members import enrolment
from tests import factories
from tests.cast import Cast

MEMBERS = 10
COST = 40


@dataclass
class Call:
    """One call to one member.

    Attributes:
        seq: which entry it wrote, or None for a read or a refusal.
        change: the points of that entry.
        read: the balance that it read.
        refused_at: it was refused because the balance was less than this.
    """

    member_id: str
    began: float
    ended: float = 0.0
    seq: int | None = None
    change: int = 0
    read: int | None = None
    refused_at: int | None = None
    entry_id: str = ""
    redemption_id: str = ""


@dataclass
class History:
    """All calls, and what nobody expected."""

    calls: list[Call] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)


def record(cast: Cast, *, count: int, threads: int, seed: int) -> History:
    """Let threads award, adjust, redeem, reverse and read, each at random, and write it down."""
    history = History()
    people = [factories.enrol(cast) for _ in range(MEMBERS)]
    reward = factories.make_reward(cast, points_cost=COST)

    def work(number: int) -> None:
        dice, awards = random.Random(f"{seed} {number}"), list[Entry]()  # noqa: S311
        try:
            for _ in range(count // threads):
                history.calls.append(_act(cast, dice, dice.choice(people), reward, awards))
        except BaseException as fault:
            history.faults.append(fault)

    with ThreadPoolExecutor(threads) as crowd:
        list(crowd.map(work, range(threads)))
    _find_entries(cast, history.calls)
    return history


def _act(
    cast: Cast, dice: random.Random, member: Member, reward: Reward, awards: list[Entry]
) -> Call:
    act = dice.choice(["award", "award", "adjust", "redeem", "redeem", "reverse", "read", "read"])
    if act == "reverse" and not awards:
        act = "award"
    taken_back = awards.pop() if act == "reverse" else None
    call = Call(taken_back.member_id if taken_back else member.id, time.perf_counter())
    try:
        if taken_back is not None:
            call.entry_id = factories.reverse(cast, taken_back).id
        elif act == "award":
            awards.append(factories.award(cast, member, dice.randint(1, 30)))
            call.entry_id = awards[-1].id
        elif act == "adjust":
            call.entry_id = factories.adjust(cast, member, dice.randint(1, 9)).id
        elif act == "redeem":
            call.redemption_id = factories.redeem(cast, member, reward).id
        else:
            call.read = _read(cast, member)
    except errors.AccountNegative:
        call.refused_at = 0
    except errors.InsufficientPoints:
        call.refused_at = COST
    call.ended = time.perf_counter()
    return call


def _read(cast: Cast, member: Member) -> int:
    with cast.database.reading() as session:
        return enrolment.get_member(
            session, workspace_id=cast.workspace_id, member_id=member.id
        ).balance


def _find_entries(cast: Cast, calls: Iterable[Call]) -> None:
    """Give each call that wrote an entry its place in the chain."""
    with cast.database.reading() as session:
        entries = session.scalars(
            select(LedgerEntry).where(LedgerEntry.workspace_id == cast.workspace_id)
        ).all()
    by_name = {entry.id: entry for entry in entries} | {
        entry.redemption_id: entry for entry in entries if entry.redemption_id
    }
    for call in calls:
        if name := call.entry_id or call.redemption_id:
            call.seq, call.change = by_name[name].seq, by_name[name].points


def find_fault(calls: Sequence[Call]) -> str | None:
    """Say why a history of several members is not linearizable, or None if it is."""
    of_each: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        of_each[call.member_id].append(call)
    return next(filter(None, map(_fault_of_one, of_each.values())), None)


def _fault_of_one(calls: Sequence[Call]) -> str | None:
    writes = sorted((call for call in calls if call.seq), key=lambda call: call.seq or 0)
    if [call.seq for call in writes] != list(range(1, len(writes) + 1)):
        return "an entry is missing or there twice"
    balances = [0]
    for call in writes:
        balances.append(balances[-1] + call.change)
    latest = 0.0
    for call in writes:
        # Who stands later in the chain may not have been over before an earlier one began.
        if call.ended < latest:
            return f"entry {call.seq} was over before an earlier one began"
        latest = max(latest, call.began)
    looks = sorted((call for call in calls if not call.seq), key=lambda call: call.began)
    return _fault_of_looks(looks, writes, balances)


def _fault_of_looks(
    looks: Sequence[Call], writes: Sequence[Call], balances: Sequence[int]
) -> str | None:
    """Place each read and refusal after so many entries, as early as it may stand."""
    placed: list[tuple[float, int]] = []
    for call in looks:
        over = (write.seq or 0 for write in writes if write.ended < call.began)
        seen = (place for ended, place in placed if ended < call.began)
        least = max((0, *over, *seen))
        begun_later = (write.seq or 0 for write in writes if write.began > call.ended)
        most = min((len(writes) + 1, *begun_later)) - 1
        for place in range(least, most + 1):
            if _fits(call, balances[place]):
                placed.append((call.ended, place))
                break
        else:
            return f"nothing between entries {least} and {most} explains {call}"
    return None


def _fits(call: Call, balance: int) -> bool:
    if call.read is not None:
        return balance == call.read
    return call.refused_at is not None and balance < call.refused_at

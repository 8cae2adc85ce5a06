"""Acts through the services, by one client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count, cycle
from typing import Any

from sqlalchemy import text

from app.db.database import Database
from app.rules.actors import Actor
from app.rules.ledger import Entry
from app.services import idempotency, redemptions
from app.services.idempotency import IdempotencyKey
from app.services.ledger import acts as ledger_acts
from app.services.ledger import history
from app.services.members import enrolment
from app.services.members.search import matches
from app.services.results import Result
from bench import databases
from bench.measuring import Figures, side_by_side, table
from tests import factories
from tests.cast import Cast

KEY = Actor(kind="key", id="key_bench", role="key")
"""Who awards: an API key, as most awards come by."""

MEMBERS = 200
ROUNDS = 5
TIMES = 100


def run() -> str:
    """Measure on each kind of database and give the report's section."""
    parts = ["## Services, one client", ""]
    for kind in databases.KINDS:
        with databases.new(kind) as database:
            found = _measure(database)
        award_rate = found["award"].per_second
        ratios = [f"{name} {found[name].per_second / award_rate:.2f}" for name in ACTS]
        parts += [f"### {kind}", "", table(list(found.values())), ""]
        parts += [f"Rates beside an award's: {', '.join(ratios)}.", ""]
    return "\n".join(parts)


ACTS = ("adjust", "reverse", "redeem", "cancel")
"""What goes through the ledger as an award does."""


def _measure(database: Database) -> dict[str, Figures]:
    cast = factories.make_cast(database)
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    reward = factories.make_reward(cast, points_cost=1)
    entries = [award(cast, member_id, 1000, f"first {member_id}").id for member_id in ids]
    if not database.is_sqlite:
        # Autovacuum has done so within a minute in a shop; nobody does it for SQLite.
        with database.writing() as session:
            session.execute(text("ANALYZE"))
    turn, entry, number = cycle(ids), cycle(entries), count()
    bought: deque[str] = deque()
    by, reason = cast.manager, "Purchase"

    def redeem() -> None:
        given = {"member_id": next(turn), "reward_id": reward.id, "by": by}
        bought.append(keyed(cast, f"key {next(number)}", redemptions.redeem, **given).id)

    def cancel() -> None:
        given = {"redemption_id": bought.popleft(), "by": by}
        keyed(cast, f"key {next(number)}", redemptions.cancel, **given)

    def adjust() -> None:
        given = {"member_id": next(turn), "points": 5, "reason": reason, "by": by}
        keyed(cast, f"key {next(number)}", ledger_acts.adjust, **given)

    def reverse() -> None:
        given = {"entry_id": next(entry), "points": 1, "reason": reason, "by": by}
        keyed(cast, f"key {next(number)}", ledger_acts.reverse, **given)

    acts: dict[str, Callable[[], object]] = {
        "award": lambda: award(cast, next(turn), 5, f"key {next(number)}"),
        "adjust": adjust,
        "reverse": reverse,
        "redeem": redeem,
        "cancel": cancel,
        "retrieve a member": lambda: _retrieve(cast, next(turn)),
        "first page of a ledger": lambda: _ledger(cast, next(turn)),
        "search by name": lambda: _search(cast, "member 17"),
    }
    return side_by_side(acts, rounds=ROUNDS, times=TIMES)


def award(cast: Cast, member_id: str, points: int, key: str) -> Entry:
    """Award points under a one-time key."""
    given = {"member_id": member_id, "points": points, "reason": "Purchase", "by": KEY}
    made: Entry = keyed(cast, key, ledger_acts.award, **given)
    return made


def keyed(cast: Cast, key: str, service: Callable[..., Any], **given: Any) -> Any:
    """Run a service under a key, as the API runs it, and return what it made."""
    once = IdempotencyKey("api", key, key)
    with cast.database.writing() as session:
        idempotency.claim(session, workspace_id=cast.workspace_id, key=once)
        made = service(session, workspace_id=cast.workspace_id, **given)
        value = made.value if isinstance(made, Result) else made
        idempotency.keep(session, workspace_id=cast.workspace_id, key=once, result_id=value.id)
    return value


def _retrieve(cast: Cast, member_id: str) -> None:
    with cast.database.reading() as session:
        enrolment.get_member(session, workspace_id=cast.workspace_id, member_id=member_id)


def _ledger(cast: Cast, member_id: str) -> None:
    with cast.database.reading() as session:
        member = enrolment.get_member(session, workspace_id=cast.workspace_id, member_id=member_id)
        history.list_rows(session, member=member, filters=history.LedgerFilters())


def _search(cast: Cast, typed: str) -> None:
    with cast.database.reading() as session:
        matches.find_members(session, workspace_id=cast.workspace_id, text=typed)

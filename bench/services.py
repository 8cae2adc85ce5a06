"""Acts through the services, by one client."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, cycle

from sqlalchemy import text

from app.db import Database
from app.rules.actors import Actor
from app.services import ledger, ledger_history, member_search, members, redemptions
from app.services.idempotency import Once
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
        parts += [f"### {kind}", "", table(list(found.values())), ""]
    return "\n".join(parts)


def _measure(database: Database) -> dict[str, Figures]:
    cast = factories.make_cast(database)
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    reward = factories.make_reward(cast, points_cost=1)
    for member_id in ids:
        award(cast, member_id, 1000, f"first {member_id}")
    if not database.is_sqlite:
        # Autovacuum has done so within a minute in a shop; nobody does it for SQLite.
        with database.writing() as session:
            session.execute(text("ANALYZE"))
    turn, number = cycle(ids), count()
    acts: dict[str, Callable[[], object]] = {
        "award": lambda: award(cast, next(turn), 5, f"key {next(number)}"),
        "redeem": lambda: _redeem(cast, next(turn), reward.id),
        "retrieve a member": lambda: _retrieve(cast, next(turn)),
        "first page of a ledger": lambda: _ledger(cast, next(turn)),
        "search by name": lambda: _search(cast, "member 17"),
    }
    return side_by_side(acts, rounds=ROUNDS, times=TIMES)


def award(cast: Cast, member_id: str, points: int, key: str) -> None:
    """Award points under a one-time key."""
    with cast.database.writing() as session:
        ledger.award(
            session,
            workspace_id=cast.workspace_id,
            member_id=member_id,
            points=points,
            reason="Purchase",
            by=KEY,
            once=Once("api", key),
        )


def _redeem(cast: Cast, member_id: str, reward_id: str) -> None:
    with cast.database.writing() as session:
        redemptions.redeem(
            session,
            workspace_id=cast.workspace_id,
            member_id=member_id,
            reward_id=reward_id,
            by=cast.cashier,
        )


def _retrieve(cast: Cast, member_id: str) -> None:
    with cast.database.reading() as session:
        members.get_member(session, workspace_id=cast.workspace_id, member_id=member_id)


def _ledger(cast: Cast, member_id: str) -> None:
    with cast.database.reading() as session:
        member = members.get_member(session, workspace_id=cast.workspace_id, member_id=member_id)
        ledger_history.list_rows(session, member=member, filters=ledger_history.Filters())


def _search(cast: Cast, typed: str) -> None:
    with cast.database.reading() as session:
        member_search.find_members(session, workspace_id=cast.workspace_id, text=typed)

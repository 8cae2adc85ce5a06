"""How often the hot path waits for PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.config import Rate
from app.db.database import Database
from app.rules.actors import Actor
from app.rules.ledger import Source
from app.services import redemptions
from app.services.api_keys import keys
from app.services.ledger import acts as ledger_acts
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.once import find_entry, run_once
from tests.support.turns import turns_counted

ROUND_TRIPS = 2

WHO = ["key", "manager", "cashier"]
"""Staff have limits and may be the member themselves, which is read in the same round trip."""

ACTS = ["award", "adjust", "reverse", "redeem", "fulfil", "cancel"]


class Acts:
    """What may be done to a member, each act under a key of its own as the edges do it."""

    def __init__(self, cast: Cast, by: Actor) -> None:
        self.cast, self.by = cast, by
        self.member = factories.enrol(cast)
        self.reward = factories.make_reward(cast, points_cost=1, stock=10)
        self.award = factories.award(cast, self.member, 900)
        self.redemptions = [factories.redeem(cast, self.member, self.reward) for _ in range(2)]

    def do(self, act: str, number: int, database: Database) -> None:
        """Do an act, which brings a new tier with its event where that can be."""
        acts: dict[str, dict[str, Any]] = {
            "award": {
                "member_id": self.member.id,
                "points": 600,
                "reason": "Purchase",
                "source": Source("payment", f"pay_{number}"),
            },
            "adjust": {"member_id": self.member.id, "points": 600, "reason": "Correction"},
            "reverse": {"entry_id": self.award.id, "points": 300, "reason": "Refund"},
            "redeem": {"member_id": self.member.id, "reward_id": self.reward.id},
            "fulfil": {"redemption_id": self.redemptions[number % 2].id},
            "cancel": {"redemption_id": self.redemptions[number % 2].id},
        }
        service: Any = getattr(ledger_acts, act, None) or getattr(redemptions, act)
        watched = replace(self.cast, database=database)
        run_once(watched, f"key {number}", service, find_entry, by=self.by, **acts[act])


@pytest.mark.parametrize("act", ACTS)
def test_an_act_takes_two_round_trips(postgres: Database, act: str) -> None:
    """BEGIN with the key, the locks and what the act reads; what it writes, with COMMIT."""
    _count_round_trips(postgres, act, "manager")


@pytest.mark.parametrize("who", WHO)
def test_an_award_takes_two_round_trips_whoever_gives_it(postgres: Database, who: str) -> None:
    _count_round_trips(postgres, "award", who)


def _count_round_trips(postgres: Database, act: str, who: str) -> None:
    cast = factories.make_cast(postgres)
    key = Actor(kind="key", id="key_1", role="key")
    acts = Acts(cast, {"key": key, "manager": cast.manager, "cashier": cast.cashier}[who])

    with turns_counted(cast) as (watched, turns):
        acts.do(act, 0, watched.database)  # signs in to the database, which takes its own time
        before = turns.count
        acts.do(act, 1, watched.database)

        assert turns.count - before == ROUND_TRIPS
    assert factories.verify(cast).fault is None


def test_a_key_is_looked_up_and_counted_in_one_round_trip(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    secret, rate = make_secret(cast), Rate(per_second=1, burst=10)

    with turns_counted(cast) as (watched, turns):
        keys.admit(watched.database, secret=secret, rate=rate)  # signs in to the database
        before = turns.count
        admitted = keys.admit(watched.database, secret=secret, rate=rate)

        assert turns.count - before == 1
    assert admitted is not None
    assert admitted[1].remaining == rate.burst - 2

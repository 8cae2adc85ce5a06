"""How often the hot path waits for PostgreSQL."""

from __future__ import annotations

import pytest

from app.config import Rate
from app.db import Database
from app.rules.actors import Actor
from app.services import api_keys, ledger
from app.services.idempotency import Once
from app.services.ledger import Source
from tests import factories
from tests.support.api import make_secret
from tests.support.turns import turns_counted

ROUND_TRIPS = 2

WHO = ["key", "manager", "cashier"]
"""Staff have limits and may be the member themselves, which is asked in the same round trip."""


@pytest.mark.parametrize("who", WHO)
def test_an_award_takes_two_round_trips(postgres: Database, who: str) -> None:
    """BEGIN with the key and the locks; what it writes, with COMMIT."""
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast)
    key = Actor(kind="key", id="key_1", role="key")
    by = {"key": key, "manager": cast.manager, "cashier": cast.cashier}[who]

    with turns_counted(cast) as (watched, turns):

        def award(number: int) -> None:
            with watched.database.writing() as session:
                ledger.award(
                    session,
                    workspace_id=cast.workspace_id,
                    member_id=member.id,
                    points=600,
                    reason="Purchase",
                    source=Source("payment", f"pay_{number}"),
                    by=by,
                    once=Once("api", f"key {number}"),
                )

        award(0)  # signs in to the database, which takes its own time
        before = turns.count
        award(1)  # which brings a new tier with its event

        assert turns.count - before == ROUND_TRIPS
    assert factories.reload(cast, member).balance == 1200


def test_a_key_is_looked_up_and_counted_in_one_round_trip(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    secret, rate = make_secret(cast), Rate(per_second=1, burst=10)

    with turns_counted(cast) as (watched, turns):
        api_keys.admit(watched.database, secret=secret, rate=rate)  # signs in to the database
        before = turns.count
        admitted = api_keys.admit(watched.database, secret=secret, rate=rate)

        assert turns.count - before == 1
    assert admitted is not None
    assert admitted[1].remaining == rate.burst - 2

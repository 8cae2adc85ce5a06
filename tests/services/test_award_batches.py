"""Batches of awards that meet: see `services.ledger.batches`."""

from __future__ import annotations

from app.db.database import Database
from app.rules.actors import Actor
from app.rules.ledger import Source
from app.services.idempotency import IdempotencyKey
from app.services.ledger import batches
from app.services.ledger.acts import Award
from app.services.ledger.batches import BatchResult, Wanted
from app.services.results import Result
from tests import factories
from tests.support.crowd import crowd

KEY = Actor(kind="key", id="key_1", role="key")
SHARED_COUNT = 900
"""So many that the claims of one batch take long enough for those of another to meet them."""

BATCHES = 8


def test_batches_of_a_crowd_meet_without_harm(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    people = [factories.enrol(cast) for _ in range(10)]
    shared = [
        _wanted(people[number % 10].id, f"shared {number}", Source("payment", f"pay_{number}"))
        for number in range(SHARED_COUNT)
    ]

    def act(number: int) -> list[BatchResult]:
        wanted = [_wanted(people[0].id, f"own {number}"), *shared]
        with cast.database.writing() as session:
            return batches.award_all(
                session,
                workspace_id=cast.workspace_id,
                wanted=wanted if number % 2 else wanted[::-1],
                by=KEY,
            )

    answers = crowd(act, count=BATCHES)

    assert answers.faults == []
    made = [each for batch in answers.given for each in batch if _is_new(each)]
    assert len(made) == BATCHES + SHARED_COUNT
    assert sum(factories.reload(cast, each).balance for each in people) == 10 * len(made)
    assert factories.verify(cast).fault is None


def _wanted(member_id: str, key: str, source: Source | None = None) -> Wanted:
    given = Award(points=10, reason="Purchase", source=source)
    return Wanted(member_id, given, IdempotencyKey("api", key, key))


def _is_new(result: BatchResult) -> bool:
    return isinstance(result, Result) and not result.replayed

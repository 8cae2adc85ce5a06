"""Connections whose server side is gone: one act at most is refused, nothing lost or doubled."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.db.database import Database
from app.db.engines import IDLE_SECONDS
from app.rules.actors import Actor
from app.services import idempotency
from app.services.idempotency import IdempotencyKey
from app.services.ledger import acts
from tests import factories
from tests.cast import Cast
from tests.support.databases import terminate_connections
from tests.support.once import find_entry, run_once

KEY = Actor(kind="key", id="key_1", role="key")
ONCE = IdempotencyKey("api", "k1", "k1")


def _award(cast: Cast, member_id: str, key: str) -> None:
    given = {"member_id": member_id, "points": 10, "reason": "Purchase", "by": KEY}
    run_once(cast, key, acts.award, find_entry, **given)


def _fill_pool(database: Database, count: int) -> None:
    """Let the pool hold so many connections."""
    connections = [database.engine.connect() for _ in range(count)]
    for connection in connections:
        connection.close()


def test_a_connection_lost_in_an_act_undoes_it_and_the_next_try_does_it(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast)

    def cut_off() -> None:
        with postgres.writing() as session:
            idempotency.claim(session, workspace_id=cast.workspace_id, key=ONCE)
            acts.award(
                session,
                workspace_id=cast.workspace_id,
                member_id=member.id,
                points=10,
                reason="Purchase",
                by=KEY,
            )
            terminate_connections(postgres)

    with pytest.raises(OperationalError):
        cut_off()
    _award(cast, member.id, "k1")

    assert factories.reload(cast, member).balance == 10
    assert factories.verify(cast).fault is None


def test_of_many_connections_that_are_lost_in_use_one_act_finds_out(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast)
    _fill_pool(postgres, 8)
    terminate_connections(postgres)

    with pytest.raises(OperationalError):
        _award(cast, member.id, "k1")
    for number in range(1, 10):
        _award(cast, member.id, f"k{number}")

    assert factories.reload(cast, member).balance == 90


def test_connections_that_were_idle_are_lost_unnoticed(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast)
    _fill_pool(postgres, 8)
    terminate_connections(postgres)
    time.sleep(IDLE_SECONDS * 1.1)

    for number in range(10):
        _award(cast, member.id, f"k{number}")
    with postgres.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM ledger_entries")) == 10

"""Every statement on a workspace's table names the workspace: `tests.support.workspace_rule` looks.

Each statement here breaks the rule, as a service would.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import bulk, statements
from app.db.statements import Statement
from app.models.members import Member
from app.models.rewards import Reward
from tests.cast import Cast
from tests.support import workspace_rule
from tests.support.workspace_rule import HEARING, ROOT, Hearing, names_the_workspace

WITHOUT = Table("events", MetaData(), Column("id", String))
"""A workspace's table as a mistaken model would have it."""


def prepared(session: Session) -> None:
    statements.execute(session, Statement(lambda _: select(Member.workspace_id))())


def deferred(session: Session) -> None:
    statements.defer(session, Statement(lambda _: update(Member).values(balance=0))())


def alone(session: Session) -> None:
    statements.send(session.connection(), [Statement(lambda _: select(Member.id))()])


def in_bulk(session: Session) -> None:
    bulk.insert_many(session, WITHOUT, [["evt_1"]])


EVERY_SHOP = "SELECT max(seq) FROM ledger_entries"
SERVICE = "def count(session, statement): session.scalar(statement)"

FAULTS: list[Callable[[Session], object]] = [
    lambda session: session.scalars(select(Member).where(Member.id == "loy_1")).all(),
    lambda session: session.execute(update(Reward).values(name="Tea")),
    lambda session: session.execute(delete(Reward).where(Reward.id == "rwd_1")),
    lambda session: session.execute(insert(WITHOUT).values(id="evt_1")),
    lambda session: session.execute(text("SELECT count(*) FROM ledger_entries")),
    prepared,
    deferred,
    alone,
    in_bulk,
]


@pytest.mark.parametrize("send", FAULTS, ids=lambda send: send.__name__)
def test_a_statement_without_the_workspace_is_found(
    cast: Cast, send: Callable[[Session], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_rule, "EXEMPT", {})
    for _ in range(2):
        try:
            with cast.database.writing() as session:
                send(session)
        except DBAPIError:
            # The row that it inserts lacks what the table asks for.
            pass

        assert len(HEARING.take_faults()) == 1


def test_a_test_may_send_it_and_a_service_that_the_test_calls_may_not(cast: Cast) -> None:
    made: dict[str, Callable[..., object]] = {}
    exec(compile(SERVICE, str(ROOT / "app/services/counting.py"), "exec"), made)  # noqa: S102

    with cast.database.reading() as session:
        session.scalar(text(EVERY_SHOP))
        assert HEARING.take_faults() == []
        made["count"](session, text(EVERY_SHOP))
        assert len(HEARING.take_faults()) == 1


@pytest.mark.parametrize(
    ("sql", "is_right"),
    [
        ("SELECT members.workspace_id FROM members WHERE members.id = ?", False),
        ("SELECT * FROM members WHERE members.workspace_id IS NOT NULL", False),
        ("SELECT * FROM members WHERE members.workspace_id = ?", True),
        ("INSERT INTO events (id) SELECT workspace_id FROM events", False),
        ("INSERT INTO events (workspace_id, id) VALUES (?, ?)", True),
        ("COPY events (id) FROM STDIN", False),
        ("SELECT * FROM staff", True),
        ("ANALYZE members", True),
    ],
)
def test_the_workspace_is_compared_or_given_and_not_just_read(sql: str, is_right: bool) -> None:
    assert names_the_workspace(sql) is is_right


def test_the_tables_of_what_the_product_sends_are_remembered() -> None:
    hearing = Hearing()
    hearing.hear("SELECT id FROM rewards WHERE workspace_id = ?", is_prepared=False)
    assert hearing.tables == set()
    hearing.hear("SELECT id FROM members WHERE workspace_id = ?", is_prepared=True)
    assert hearing.tables == {"members"}

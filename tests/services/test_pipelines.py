"""What goes to PostgreSQL together: kept statements, transactions, and faults in the middle."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Integer, bindparam, column, func, literal, select, text
from sqlalchemy.exc import (
    DataError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.orm import Session

from app.db import statements
from app.db.database import Database
from app.db.pipelines import Pipeline
from app.db.statements import Statement
from tests import factories
from tests.support.databases import terminate_connections

_TWELVE_BY = Statement(
    lambda _: select((literal(12) // bindparam("number", type_=Integer)).label("share"))
)
_SETTING = Statement(lambda _: select(func.current_setting(bindparam("name")).label("value")))
_KEPT = text("SELECT count(*) FROM pg_prepared_statements")


def _shares(session: Session, *numbers: Any) -> list[int]:
    found = statements.execute(session, *(_TWELVE_BY(number=number) for number in numbers))
    return [rows[0].share for rows in found]


@pytest.mark.parametrize("keeps", [True, False])
def test_statements_are_kept_on_a_connection_only_where_they_may(
    postgres: Database, *, keeps: bool
) -> None:
    """Behind a pooler that hands out another connection each time, nothing may be kept on one."""
    database = Database(postgres.url, prepares=keeps)
    cast = factories.make_cast(database)
    member = factories.enrol(cast)
    for _ in range(2):
        factories.award(cast, member, 10)

    with database.engine.connect() as connection:
        kept = connection.scalar(_KEPT)
    assert factories.verify(cast).fault is None
    database.engine.dispose()
    assert bool(kept) == keeps


def test_a_kept_statement_outlives_a_rollback_and_a_fault(postgres: Database) -> None:
    for number in (0, 3, 4):
        try:
            with postgres.reading() as session:
                assert _shares(session, 6, number) == [2, 12 // number]
        except DataError:
            assert number == 0

    with postgres.engine.connect() as connection:
        assert connection.scalar(_KEPT) == 1


def test_what_fails_leaves_nothing_behind_it_and_the_connection_good(postgres: Database) -> None:
    with postgres.reading() as session:
        with pytest.raises(DataError, match="division by zero"):
            _shares(session, 4, 0, 3)
        with pytest.raises(InternalError, match="aborted"):
            _shares(session, 4)
        session.rollback()
        assert _shares(session, 4) == [3]


def test_a_value_that_cannot_be_sent_is_told_before_anything_is_sent(postgres: Database) -> None:
    with postgres.writing() as session:
        with pytest.raises(ProgrammingError, match="cannot adapt"):
            _shares(session, 4, object())
        assert _shares(session, 4) == [3]


def test_a_transaction_begins_as_the_session_says(postgres: Database) -> None:
    names = ("transaction_isolation", "transaction_read_only")

    def told(session: Session) -> list[str]:
        found = statements.execute(session, *(_SETTING(name=name) for name in names))
        return [rows[0].value for rows in found]

    with postgres.reading() as session:
        assert told(session) == ["repeatable read", "on"]
    with postgres.writing() as session:
        assert told(session) == ["read committed", "off"]


def test_a_server_that_goes_is_told_as_gone(postgres: Database) -> None:
    with postgres.reading() as session:
        _shares(session, 4)
        terminate_connections(postgres)
        with pytest.raises(OperationalError) as raised:
            _shares(session, 4)
        assert raised.value.connection_invalidated
        assert getattr(raised.value.orig, "sqlstate", "") == "57P01"

    with postgres.reading() as session:
        assert _shares(session, 4) == [3]


def test_an_interrupt_is_told_as_one_and_the_connection_not_used_again(postgres: Database) -> None:
    interrupted = mock.patch.object(Pipeline, "_collecting", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt), interrupted, postgres.reading() as session:
        _shares(session, 4)
    with postgres.reading() as session:
        assert _shares(session, 4) == [3]


def test_a_statement_whose_table_was_changed_is_prepared_anew(postgres: Database) -> None:
    of_it = Statement(lambda _: select(column("one")).select_from(text("changed")))
    with postgres.writing() as session:
        session.execute(text("CREATE TABLE changed AS SELECT 1 AS one"))
    with postgres.writing() as session:
        assert len(statements.execute(session, of_it())[0]) == 1
        session.execute(text("ALTER TABLE changed ALTER one TYPE bigint"))

    with postgres.reading() as session, pytest.raises(NotSupportedError, match="cached plan"):
        statements.execute(session, of_it())
    with postgres.reading() as session:
        assert len(statements.execute(session, of_it())[0]) == 1


def test_much_that_goes_and_comes_at_once_fits_through(postgres: Database) -> None:
    numbers = [1 + number % 12 for number in range(20_000)]
    with postgres.reading() as session:
        assert _shares(session, *numbers) == [12 // number for number in numbers]

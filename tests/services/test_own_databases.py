"""Each test has a database of its own, although `tests.support` uses databases again."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app.db.database import Database
from app.models.registry import metadata
from tests import factories
from tests.support.databases import PostgresMaker
from tests.support.shops import shop_in


def rows(database: Database) -> int:
    with database.reading() as session:
        return sum(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.tables.values()
        )


def test_what_a_test_leaves_behind_is_gone(postgres_maker: PostgresMaker) -> None:
    with postgres_maker.new() as database:
        cast = shop_in(database)
        factories.award(cast, factories.enrol(cast), 10)
        assert rows(database) > 0
        before = database

    with postgres_maker.new() as database:
        assert rows(database) == 0
        with pytest.raises(OperationalError, match="does not exist"), before.engine.connect():
            pass


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER ledger_entries_refuse_change ON ledger_entries",
        "ALTER TABLE ledger_entries DISABLE TRIGGER USER",
        "ALTER TABLE members ADD COLUMN more int",
        "DROP INDEX ix_members_customer_id",
        "ANALYZE merchants",
    ],
)
def test_a_database_that_a_test_has_changed_is_used_no_more(
    postgres_maker: PostgresMaker, change: str
) -> None:
    with postgres_maker.new() as database:
        shop_in(database)
        with database.engine.begin() as connection:
            connection.execute(text(change))
        count = len(postgres_maker.empty)

    assert len(postgres_maker.empty) == count


def test_a_shop_that_was_copied_is_the_shop_that_was_made(database: Database) -> None:
    cast = shop_in(database)
    factories.award(cast, factories.enrol(cast), 10)

    assert factories.verify(cast).fault is None
    with database.writing() as session:
        assert factories.sign_in(session, "owner").staff.id == cast.owner.id

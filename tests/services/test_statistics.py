"""What ANALYZE tells SQLite does not change the plans of a server that is running or started."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy.engine import Connection, make_url

from app.db.database import Database
from app.services.members import enrolment
from app.services.members.customers import Person
from app.services.members.search import matches
from app.services.members.search.matches import MemberFilters
from tests import factories
from tests.cast import Cast
from tests.support.statements import statements_heard

MEMBERS = 60


@pytest.mark.parametrize("told_by", ["ANALYZE", "PRAGMA optimize"])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_statistics_change_no_plan(sqlite: Database, told_by: str, is_restarted: bool) -> None:
    cast = factories.make_cast(sqlite)
    for number in range(MEMBERS):
        factories.enrol(cast, f"Mary Murphy {number}", phone=f"087 123 44{number:02}")
    before = _plans(cast)

    with closing(sqlite3.connect(str(make_url(sqlite.url).database))) as operator:
        # Optimizing is for the tables that the connection has looked into.
        operator.execute("SELECT 1 FROM members WHERE workspace_id = '' AND tier = ''")
        operator.execute("SELECT 1 FROM customers WHERE workspace_id = '' AND email_key = ''")
        operator.execute(told_by)
        operator.commit()
        assert operator.execute("SELECT count(*) FROM sqlite_stat1").fetchone() > (5,)
    if is_restarted:
        sqlite.engine.dispose()

    assert _plans(cast) == before


def _plans(cast: Cast) -> list[tuple[str, list[str]]]:
    """Return the plans of searches and lists, on the connections of the server's pool."""
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    with statements_heard(cast.database) as heard, cast.database.reading() as session:
        for text in ("", "mary", "mary 4401", "ary murphy", "mray", "4471"):
            for filters in (
                MemberFilters(),
                MemberFilters(tier="bronze"),
                MemberFilters(program_id=cast.program_id),
            ):
                matches.find_members(session, text=text, filters=filters, **given)
            matches.find_close_members(session, text=text, **given)
        enrolment.list_near_duplicates(session, person=Person(phone="0871234471"), **given)
    with cast.database.engine.connect() as connection:
        return [
            (each.sql, _explain(connection, each.sql))
            for each in heard
            if not each.sql.startswith("BEGIN")
        ]


def _explain(connection: Connection, sql: str) -> list[str]:
    nothing = (None,) * sql.count("?")
    return [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", nothing)]

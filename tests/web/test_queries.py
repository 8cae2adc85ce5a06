"""Pages ask the database a bounded number of times, however many rows they show."""

from __future__ import annotations

import re

import pytest

from app.services.members.search import matches
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.statements import statements_heard

QUERIES_MAX = 16


def test_queries_do_not_grow_with_rows(cast: Cast, owner: Visitor) -> None:
    member = factories.enrol(cast)
    reward = factories.make_reward(cast, points_cost=1)
    paths = ["/", "/members", f"/members/{member.id}", "/redemptions", "/rewards", "/programs"]

    def fill(count: int) -> None:
        for number in range(count):
            factories.award(cast, member, 10)
            factories.redeem(cast, member, reward)
            factories.enrol(cast, f"Member {number}")
            factories.make_reward(cast, f"Reward {number}")

    fill(2)
    few = {path: _count(cast, owner, path) for path in paths}
    fill(15)
    many = {path: _count(cast, owner, path) for path in paths}

    assert few == many
    assert max(many.values()) <= QUERIES_MAX, many


def _count(cast: Cast, owner: Visitor, path: str) -> int:
    with statements_heard(cast.database) as statements:
        assert owner.get(path).status == 200
    return len([each for each in statements if not each.sql.startswith("BEGIN")])


def test_all_members_are_counted_and_a_filter_is_bounded(
    cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "COUNT_MAX", 2)
    for number in range(4):
        factories.enrol(cast, f"Member {number}")

    whole, active = owner.get("/members").text, owner.get("/members?status=active").text
    assert re.search(r"\b4 members\b", whole)
    assert "More than" not in whole
    assert "More than 2 members" in active


LARGE = (
    *("customers", "members", "search_words", "ledger_entries", "redemptions", "events"),
    *("audit_entries", "api_requests", "webhook_deliveries", "webhook_attempts"),
)
"""The tables that grow with a shop."""

WHOLE = re.compile(
    rf"(SCAN|SEARCH) ({'|'.join(LARGE)})(_\d+)?\b(?!.*\((workspace_id=\? AND |rowid=|id=))"
)


def test_no_page_reads_all_of_a_table_that_grows(
    cast: Cast, owner: Visitor, paths: list[str]
) -> None:
    """A shop's SQLite has no statistics, so that a plan has to be good without them.

    A list may walk an index from its end, if that ends with the page; a list within another one
    has to have an end of its own.
    """
    for path in paths:
        with statements_heard(cast.database) as heard:
            assert owner.get(path).status == 200
        for each in heard:
            if each.sql.startswith(("SELECT", "WITH")):
                assert not _whole(cast, each.sql), (path, each.sql, _whole(cast, each.sql))


JOINS_MAX = 4
"""PostgreSQL plans in time that doubles with each table: eight took it 3 ms, to run for 0.2."""


def test_no_page_joins_many_tables(cast: Cast, owner: Visitor, paths: list[str]) -> None:
    for path in paths:
        with statements_heard(cast.database) as heard:
            assert owner.get(path).status == 200
        for each in heard:
            assert each.sql.count(" JOIN ") <= JOINS_MAX, (path, each.sql)


def _whole(cast: Cast, sql: str) -> list[str]:
    """Give what of a statement's plan reads all of a large table."""
    if "min(" in sql:
        # The least of an index is at its end.
        return []
    nothing = (None,) * sql.count("?")
    with cast.database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", nothing).all()
    ends = 0 if any("TEMP B-TREE" in text for _, _, _, text in plan) else sql.count("LIMIT")
    return [
        text for _, parent, _, text in plan if WHOLE.match(text) and ends <= (1 if parent else 0)
    ]

"""The totals that pages read are those of the ledger, whatever happened: see `services.totals`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app import clock, errors
from app.db.base import table_of
from app.db.database import Database
from app.migrations.running import upgrade
from app.models.members import Customer
from app.models.search import NameWord, SearchWord
from app.services import reports, totals
from app.services.members.search import ranges
from tests import factories
from tests.cast import Cast
from tests.support.crowd import crowd
from tests.support.tampering import run_sql

MIDNIGHT = datetime.fromisoformat("2026-03-12T00:00:00+00:00")
"""In Dublin, where the cast's shop is, the day begins with it."""


def _whole(cast: Cast) -> dict[str, int]:
    with cast.database.reading() as session:
        return dict(totals.read_workspace(session, workspace_id=cast.workspace_id))


def _fault(cast: Cast) -> str:
    return factories.verify(cast).fault or ""


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Give a shop with acts of each kind on two days, and a member below zero."""
    with clock.set_to(MIDNIGHT - timedelta(minutes=1)):
        member, other = factories.enrol(cast), factories.enrol(cast)
        award = factories.award(cast, member, 500)
        reward = factories.make_reward(cast, points_cost=300)
        factories.cancel(cast, factories.redeem(cast, member, reward))
    with clock.set_to(MIDNIGHT + timedelta(minutes=1)):
        factories.redeem(cast, member, reward)
        factories.reverse(cast, award)
        factories.adjust(cast, other, 40)
    return cast


def test_the_whole_is_what_the_members_have(busy: Cast) -> None:
    assert _whole(busy) == {
        "member_count": 2,
        "outstanding_points": -260,
        "below_zero_count": 1,
        "owed_points": 300,
    }
    assert _fault(busy) == ""


def test_who_comes_again_is_seen_on_the_later_day_alone(busy: Cast) -> None:
    with busy.database.reading() as session:
        days = totals.read_days(session, workspace_id=busy.workspace_id)

    assert [(sums["visit_count"], sums["seen_count"]) for _, sums in sorted(days.items())] == [
        (1, 1),
        (1, 1),
    ]


def test_each_tier_has_the_active_members_that_are_in_it(cast: Cast) -> None:
    _, closed, reopened = (factories.enrol(cast) for _ in range(3))
    risen = factories.enrol(cast)
    factories.award(cast, risen, 600)
    fallen = factories.award(cast, closed, 600)
    factories.close(cast, closed)
    factories.reverse(cast, fallen)
    factories.close(cast, reopened)
    factories.reopen(cast, reopened)

    assert _tiers(cast) == {"bronze": 2, "silver": 1}
    assert _fault(cast) == ""

    factories.edit_program(cast, tiers=[{"key": "all", "name": "All", "threshold": 0}])
    factories.reopen(cast, closed)

    assert _tiers(cast) == {"all": 4}
    assert _fault(cast) == ""


def _tiers(cast: Cast) -> dict[str | None, int]:
    with cast.database.reading() as session:
        found = totals.read_tiers(session, workspace_id=cast.workspace_id)
    return {tier: count for (_, tier), count in found.items()}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE day_totals SET award_points = award_points + 1",
        "UPDATE day_totals SET visit_count = visit_count - 1",
        "UPDATE day_totals SET seen_count = seen_count + 1",
        "DELETE FROM day_totals",
        "UPDATE workspace_totals SET outstanding_points = outstanding_points - 1",
        "UPDATE workspace_totals SET owed_points = owed_points + 1",
        "DELETE FROM workspace_totals",
        "UPDATE reward_totals SET taken_count = taken_count + 1",
        "DELETE FROM reward_totals",
        "UPDATE tier_totals SET member_count = member_count + 1",
        "DELETE FROM tier_totals",
        "UPDATE members SET last_visit_at = NULL",
        "UPDATE members SET last_seen_at = '2026-03-01 12:00:00.000000+00:00'",
    ],
)
def test_verify_names_a_total_that_is_not_the_ledgers(busy: Cast, change: str) -> None:
    run_sql(busy.database, change)

    assert _fault(busy).startswith(("The totals of ", "Member ")), _fault(busy)


def test_what_is_refused_counts_nowhere(busy: Cast) -> None:
    before = _whole(busy)

    def refused() -> None:
        with busy.database.writing() as session:
            totals.count_member(session, workspace_id=busy.workspace_id, seen_at=clock.now())
            raise errors.MemberClosed

    with pytest.raises(errors.MemberClosed):
        refused()

    assert _whole(busy) == before


def test_a_writing_session_refuses_savepoints(busy: Cast) -> None:
    with (
        pytest.raises(NotImplementedError, match="savepoints"),
        busy.database.writing() as session,
        session.begin_nested(),
    ):
        pass


def test_an_older_database_gets_its_totals_and_words_from_what_it_has(busy: Cast) -> None:
    """Migrations 0011, 0013, 0016 and 0018, on the tables as they were before them."""
    factories.enrol(busy, "Zdeňka Kovářová", email="z.kov@example.com", phone="+353 87 123 4471")
    database, before, words = busy.database, _whole(busy), _words(busy)
    assert len(words) > 4
    for statement in (
        "ALTER TABLE staff DROP COLUMN sandbox_location_id",
        "ALTER TABLE staff DROP COLUMN live_location_id",
        "DROP INDEX ix_audit_entries_of_the_merchant",
        "DROP INDEX ix_events_type",
        "DROP INDEX ix_api_requests_key",
        "DROP INDEX ix_api_requests_failed",
        "DROP INDEX ix_webhook_deliveries_status",
        "DROP INDEX ix_members_owing",
        "CREATE INDEX ix_members_balance ON members (workspace_id, balance)",
        "DROP TABLE tier_totals",
        "DROP TABLE reward_totals",
        "DROP TABLE ledger_checks",
        "DROP TABLE day_totals",
        "DROP TABLE workspace_totals",
        "DROP INDEX ix_members_tier",
        "DROP INDEX ix_members_closed",
        "ALTER TABLE members DROP COLUMN last_visit_at",
        "DROP TABLE search_words",
        "DROP TABLE name_words",
        *(["DROP TABLE name_words_inside"] if database.is_sqlite else []),
        "DROP INDEX ix_customers_phone_reversed",
        "ALTER TABLE customers DROP COLUMN phone_reversed",
        "UPDATE customers SET search_text = 'as it was', phone_digits = '353'",
        "UPDATE alembic_version SET version_num = '0010'",
    ):
        run_sql(database, statement)

    upgrade(database.engine, "0011")

    assert _whole(busy) == before
    upgrade(database.engine)
    assert _fault(busy) == ""
    assert _words(busy) == words


def _words(cast: Cast) -> list[Any]:
    tables = [SearchWord, NameWord]
    keys = (Customer.id, Customer.search_text, Customer.phone_digits, Customer.phone_reversed)
    with cast.database.reading() as session:
        kept = [tuple(row) for row in session.execute(select(*keys).order_by(Customer.id))]
        for table in tables:
            kept += sorted(tuple(row) for row in session.execute(select(*table_of(table).c)))
        inside = ranges.find_words_with(session, cast.workspace_id, "ovar")
    assert inside == ["kovarova"]
    return kept


def test_the_totals_of_a_crowd_are_exact(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    reward = factories.make_reward(cast, points_cost=1)
    members = [factories.enrol(cast) for _ in range(10)]

    def act(number: int) -> None:
        member = members[number % len(members)]
        award = factories.award(cast, member, 10)
        factories.redeem(cast, member, reward)
        factories.reverse(cast, award, points=3)

    answers = crowd(act)

    assert answers.faults == []
    with cast.database.reading() as session:
        overview = reports.get_overview(
            session, workspace_id=cast.workspace_id, time_zone="Europe/Dublin"
        )
    assert overview.outstanding == 50 * 6
    assert overview.today.visit_count == len(members)
    assert _fault(cast) == ""


def test_a_total_is_spread_over_slots(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    members = [factories.enrol(cast) for _ in range(30)]
    for member in members:
        factories.award(cast, member, 10)

    with cast.database.reading() as session:
        slots = session.execute(text("SELECT count(*) FROM workspace_totals")).scalar_one()
    assert 1 < slots <= totals.SHARDS

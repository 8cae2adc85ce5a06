"""The figures of Today, against a ledger made by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app import clock
from app.services import reports
from app.services.reports import CHART_DAYS, Overview
from tests import factories
from tests.cast import Cast

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)


def test_the_figures_are_those_of_the_ledger(cast: Cast) -> None:
    with clock.set_to(NOON - timedelta(days=1)):
        ann, ben = factories.enrol(cast, "Ann"), factories.enrol(cast, "Ben")
        award = factories.award(cast, ann, 1000)
        factories.award(cast, ben, 300)
        reward = factories.make_reward(cast)
        kept = factories.redeem(cast, ann, reward)
    with clock.set_to(NOON):
        factories.award(cast, ben, 200)
        factories.cancel(cast, factories.redeem(cast, ben, reward))
        factories.reverse(cast, award, points=600)
        factories.adjust(cast, ben, -100)
        overview = _overview(cast)

    assert kept.points_spent == 450
    yesterday, today = overview.days[-2:]
    assert today is overview.today
    assert (yesterday.on, today.on) == (date(2026, 7, 14), date(2026, 7, 15))
    assert (yesterday.issued, yesterday.redeemed, yesterday.change) == (1300, 450, 850)
    assert (today.issued, today.redeemed) == (200, 450)
    assert today.points == {
        "award": 200,
        "redemption": -450,
        "cancellation": 450,
        "reversal": -600,
        "adjustment": -100,
    }
    assert today.counts == dict.fromkeys(today.counts, 1)
    assert (yesterday.visit_count, today.visit_count) == (2, 1)
    assert (overview.outstanding, overview.member_count, overview.seen_count) == (350, 2, 2)
    assert (overview.total("award"), overview.total("redemption")) == (1500, -900)
    assert overview.opening == 0
    assert overview.outstanding_by_day[-3:] == [0, 850, 350]
    assert [member.id for member in overview.below_zero] == [ann.id]
    assert (overview.below_zero_count, overview.owed_points) == (1, 50)


def test_an_empty_shop_has_thirty_days_of_nothing(cast: Cast) -> None:
    overview = _overview(cast)

    assert len(overview.days) == CHART_DAYS
    assert (overview.outstanding, overview.member_count, overview.owed_points) == (0, 0, 0)
    assert overview.outstanding_by_day == [0] * CHART_DAYS


@pytest.mark.parametrize(
    ("at", "on"),
    [
        # Dublin is an hour ahead of UTC in summer, and at UTC in winter.
        (datetime(2026, 7, 14, 22, 59, 59, 999999, UTC), date(2026, 7, 14)),
        (datetime(2026, 7, 14, 23, 0, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 7, 15, 22, 59, 59, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 12, 14, 23, 59, 59, tzinfo=UTC), date(2026, 12, 14)),
        (datetime(2026, 12, 15, 0, 0, tzinfo=UTC), date(2026, 12, 15)),
        # The clocks went back in the night to the 25th, which has 25 hours.
        (datetime(2026, 10, 24, 22, 59, tzinfo=UTC), date(2026, 10, 24)),
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 26, 0, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_a_day_is_a_day_in_dublin(cast: Cast, at: datetime, on: date) -> None:
    member = factories.enrol(cast)
    with clock.set_to(at):
        factories.award(cast, member, 10)
    with clock.set_to(at + timedelta(days=3)):
        overview = _overview(cast)

    assert [day.on for day in overview.days if day.issued] == [on]


def test_what_is_older_than_the_chart_is_its_opening(cast: Cast) -> None:
    member = factories.enrol(cast)
    first_shown = datetime(2026, 6, 15, 23, 0, tzinfo=UTC)
    with clock.set_to(first_shown - timedelta(microseconds=1)):
        factories.award(cast, member, 70)
    with clock.set_to(first_shown):
        factories.award(cast, member, 5)
    with clock.set_to(NOON):
        overview = _overview(cast)

    assert overview.opening == 70
    assert (overview.days[0].on, overview.days[0].issued) == (date(2026, 6, 16), 5)
    assert overview.outstanding == 75


def test_who_was_not_here_for_thirty_days_is_not_counted_as_seen(cast: Cast) -> None:
    with clock.set_to(NOON - timedelta(days=30, seconds=1)):
        factories.enrol(cast)
    with clock.set_to(NOON):
        factories.enrol(cast)
        overview = _overview(cast)

    assert (overview.member_count, overview.seen_count) == (2, 1)


def test_those_who_owe_most_come_first_and_five_at_most(cast: Cast) -> None:
    for owed in (10, 70, 30, 50, 20, 60):
        factories.adjust(cast, factories.enrol(cast), -owed, allow_negative=True)

    overview = _overview(cast)

    assert [member.balance for member in overview.below_zero] == [-70, -60, -50, -30, -20]
    assert (overview.below_zero_count, overview.owed_points) == (6, 240)


def test_the_latest_things_say_who_and_where(cast: Cast) -> None:
    with clock.set_to(NOON):
        member = factories.enrol(cast, "Ann")
    with clock.set_to(NOON + timedelta(seconds=1)):
        entry = factories.award(cast, member, 10, by=cast.cashier)
    with cast.database.reading() as session:
        latest, joined = reports.list_activity(session, workspace_id=cast.workspace_id)
        (only,) = reports.list_activity(session, workspace_id=cast.workspace_id, limit=1)

    assert latest.entry is not None
    assert only.entry is not None
    assert latest.entry.id == only.entry.id == entry.id
    assert (latest.actor_name, latest.location_name) == ("Cashier Person", "Quay Street")
    assert latest.member.customer.name == "Ann"
    assert (joined.entry, joined.member.id, joined.at) == (None, member.id, NOON)


def test_nothing_of_another_workspace_is_counted(cast: Cast) -> None:
    factories.award(cast, factories.enrol(cast), 10)

    with cast.database.reading() as session:
        overview = reports.get_overview(
            session, workspace_id=cast.live_workspace_id, time_zone="Europe/Dublin"
        )
        activity = reports.list_activity(session, workspace_id=cast.live_workspace_id)

    assert (overview.member_count, overview.outstanding, list(activity)) == (0, 0, [])


def _overview(cast: Cast) -> Overview:
    with cast.database.reading() as session:
        return reports.get_overview(
            session, workspace_id=cast.workspace_id, time_zone="Europe/Dublin"
        )

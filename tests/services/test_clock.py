"""Days of 23 and 25 hours, 29 February, and a server's clock that steps back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.models.ledger import LedgerEntry
from app.models.merchants import Merchant
from app.services import reports, totals
from tests import factories
from tests.cast import Cast

SECOND = timedelta(seconds=1)

DAYS = [
    # A zone, and when one of its days begins and ends by UTC; from the tz database's tables.
    ("Europe/Dublin", "2026-03-29T00:00", "2026-03-29T23:00", 23),
    ("Europe/Dublin", "2026-10-24T23:00", "2026-10-26T00:00", 25),
    ("America/New_York", "2026-03-08T05:00", "2026-03-09T04:00", 23),
    ("America/New_York", "2026-11-01T04:00", "2026-11-02T05:00", 25),
    # Half an hour, and south of the equator.
    ("Australia/Lord_Howe", "2026-10-03T13:30", "2026-10-04T13:00", 23.5),
    ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-05T13:30", 24.5),
    # At midnight: this day begins at one o'clock, and the other has its last hour twice.
    ("America/Santiago", "2026-09-06T04:00", "2026-09-07T03:00", 23),
    ("America/Santiago", "2026-04-04T03:00", "2026-04-05T04:00", 25),
    ("Europe/Dublin", "2028-02-29T00:00", "2028-03-01T00:00", 24),
]


@pytest.mark.parametrize(("zone", "begins", "ends", "hours"), DAYS)
def test_a_day_has_what_happened_between_its_midnights(
    cast: Cast, zone: str, begins: str, ends: str, hours: float
) -> None:
    _move_to(cast, zone)
    first, end = (datetime.fromisoformat(f"{each}:00+00:00") for each in (begins, ends))
    assert end - first == timedelta(hours=hours)
    with clock.set_to(first - timedelta(days=3)):
        member = factories.enrol(cast)
    today = []
    for at, points in ((first - SECOND, 1), (first, 10), (end - SECOND, 100), (end, 1000)):
        with clock.set_to(at):
            factories.award(cast, member, points)
            today.append(_points_today(cast, zone))

    assert today == [1, 10, 110, 1000]
    with clock.set_to(end), cast.database.reading() as session:
        overview = reports.get_overview(session, workspace_id=cast.workspace_id, time_zone=zone)
    assert [day.points["award"] for day in overview.days[-3:]] == [1, 110, 1000]
    assert len({day.on for day in overview.days}) == len(overview.days)
    assert factories.verify(cast).fault is None


def test_a_clock_that_steps_back_puts_no_entry_before_its_predecessor(cast: Cast) -> None:
    now = clock.now()
    member, reward = factories.enrol(cast), factories.make_reward(cast, points_cost=5)
    award = factories.award(cast, member, 100)
    with clock.set_to(now - timedelta(days=1)):
        redemption = factories.redeem(cast, member, reward)
        factories.reverse(cast, award, points=20)
        factories.cancel(cast, redemption)
        factories.adjust(cast, member, 7)
        newcomer = factories.enrol(cast)
        factories.award(cast, newcomer, 1)

    with cast.database.reading() as session:
        entries = session.scalars(
            select(LedgerEntry)
            .where(
                LedgerEntry.workspace_id == cast.workspace_id, LedgerEntry.member_id == member.id
            )
            .order_by(LedgerEntry.seq)
        ).all()
    times = [entry.recorded_at for entry in entries]
    assert len(times) == 5
    assert times == sorted(times)
    assert times[0] >= now
    assert factories.verify(cast).fault is None


def _move_to(cast: Cast, zone: str) -> None:
    with cast.database.writing() as session:
        session.execute(
            update(Merchant).where(Merchant.id == cast.merchant_id).values(time_zone=zone)
        )
    # The product never moves a shop, and remembers its time zone.
    totals._zones.clear()


def _points_today(cast: Cast, zone: str) -> int:
    with cast.database.reading() as session:
        overview = reports.get_overview(session, workspace_id=cast.workspace_id, time_zone=zone)
    return overview.today.points["award"]

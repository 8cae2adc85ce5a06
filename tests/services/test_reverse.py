"""Reversing awards and upward adjustments: spec sections 2 and 3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, errors
from app.models.ledger import LedgerEntry
from app.rules.ledger import Entry
from app.services.ledger import acts
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import find_entry, run_once


def test_a_reversal_takes_the_whole_award_back_and_lifetime_stays(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 250)

    reversal = factories.reverse(cast, award)

    assert (reversal.kind, reversal.points, reversal.reverses_id) == ("reversal", -250, award.id)
    assert (reversal.balance_after, reversal.lifetime_after) == (0, 250)
    member = factories.reload(cast, member)
    assert (member.balance, member.lifetime_points, member.qualifying_points) == (0, 250, 0)


def test_parts_are_taken_back_until_nothing_is_left(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 250)

    assert factories.reverse(cast, award, points=100).points == -100
    assert factories.reverse(cast, award).points == -150
    with pytest.raises(errors.AlreadyReversed) as refusal:
        factories.reverse(cast, award)

    assert refusal.value.reversed_by == "Manager Person"
    assert refusal.value.reversed_at == records.entries_of(cast, member)[-1].recorded_at
    assert factories.reload(cast, member).balance == 0


def test_more_than_is_left_is_refused_with_what_is_left(cast: Cast) -> None:
    award = factories.award(cast, factories.enrol(cast), 2500)
    factories.reverse(cast, award, points=1000)

    with pytest.raises(errors.ExceedsReversible, match="Only 1,500 points") as refusal:
        factories.reverse(cast, award, points=1501)

    assert refusal.value.param == "points"


def test_a_reversal_may_leave_less_than_nothing_and_the_next_award_repays(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 500)
    factories.redeem(cast, member, factories.make_reward(cast))

    assert factories.reverse(cast, award).balance_after == -450
    assert factories.award(cast, member, 500).balance_after == 50


def test_a_refunded_purchase_earns_no_tier(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 600)
    assert factories.reload(cast, member).tier == "silver"

    factories.reverse(cast, award, points=101)

    assert factories.reload(cast, member).tier == "bronze"


def test_an_upward_adjustment_is_reversed_without_moving_a_tier(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    adjustment = factories.adjust(cast, member, 300)

    assert factories.reverse(cast, adjustment).points == -300

    member = factories.reload(cast, member)
    assert (member.qualifying_points, member.tier) == (500, "silver")
    assert factories.verify(cast).fault is None


def test_a_redemption_is_cancelled_and_not_reversed(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    factories.redeem(cast, member, factories.make_reward(cast))

    with pytest.raises(errors.NotReversible, match="cancelled, not reversed"):
        factories.reverse(cast, records.entries_of(cast, member)[-1])


def test_reversals_cancellations_and_downward_adjustments_are_not_reversible(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 900)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    factories.cancel(cast, redemption)
    entries: list[Entry | LedgerEntry] = [
        factories.reverse(cast, award, points=10),
        factories.adjust(cast, member, -10),
        next(e for e in records.entries_of(cast, member) if e.kind == "cancellation"),
    ]

    for entry in entries:
        with pytest.raises(errors.NotReversible, match="Only awards"):
            factories.reverse(cast, entry)


def test_a_cashier_undoes_an_own_award_for_ten_minutes(cast: Cast) -> None:
    member = factories.enrol(cast)
    own = factories.award(cast, member, 50, by=cast.cashier)
    late = factories.award(cast, member, 60, by=cast.cashier)

    with clock.set_to(own.recorded_at + timedelta(minutes=10)):
        factories.reverse(cast, own, by=cast.cashier)
    with (
        clock.set_to(late.recorded_at + timedelta(minutes=10, seconds=1)),
        pytest.raises(errors.PermissionDenied, match="10 minutes"),
    ):
        factories.reverse(cast, late, by=cast.cashier)


def test_a_cashier_cannot_undo_another_persons_award_and_a_viewer_none(cast: Cast) -> None:
    award = factories.award(cast, factories.enrol(cast), 50)

    for actor in (cast.cashier, cast.viewer):
        with pytest.raises(errors.PermissionDenied):
            factories.reverse(cast, award, by=actor)


@pytest.mark.parametrize("points", [0, -5, 10_000_001, 2**70])
def test_points_out_of_bounds_are_refused(cast: Cast, points: int) -> None:
    award = factories.award(cast, factories.enrol(cast), 50)

    with pytest.raises(errors.InvalidParameter):
        factories.reverse(cast, award, points=points)


def test_a_reversal_needs_a_reason(cast: Cast) -> None:
    award = factories.award(cast, factories.enrol(cast), 50)

    with pytest.raises(errors.MissingParameter):
        factories.reverse(cast, award, reason=" ")


def test_two_partial_refunds_under_one_key_are_one(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 250)

    first, second = (_reverse_once(cast, award, 100, "refund-1") for _ in range(2))

    assert (first.replayed, second.replayed) == ("", "key")
    assert second.value.id == first.value.id
    assert factories.reload(cast, member).balance == 150
    with pytest.raises(errors.IdempotencyConflict):
        _reverse_once(cast, award, 101, "refund-1")


def test_a_closed_members_award_can_still_be_reversed(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 50)
    factories.close(cast, member)

    assert factories.reverse(cast, award).balance_after == 0


def test_an_entry_of_another_workspace_is_not_found(cast: Cast) -> None:
    award = factories.award(cast, factories.enrol(cast), 50)

    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        acts.reverse(
            session,
            workspace_id=cast.live_workspace_id,
            entry_id=award.id,
            reason="Refund",
            by=cast.manager,
        )


def _reverse_once(cast: Cast, entry: Entry, points: int, key: str) -> Result[Entry]:
    return run_once(
        cast,
        key,
        acts.reverse,
        find_entry,
        entry_id=entry.id,
        points=points,
        reason="Refund",
        by=cast.manager,
    )

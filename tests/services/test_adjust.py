"""Adjusting balances: spec sections 2 and 3."""

from __future__ import annotations

import pytest

from app import errors
from app.models.members import Member
from app.rules.ledger import Entry
from app.services.ledger import acts
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import find_entry, run_once


def test_an_adjustment_moves_the_balance_and_nothing_else(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 499)

    up = factories.adjust(cast, member, 5000, note="Till was down")
    down = factories.adjust(cast, member, -499)

    assert (up.kind, up.balance_after, up.note) == ("adjustment", 5499, "Till was down")
    assert (down.points, down.balance_after, down.lifetime_after) == (-499, 5000, 499)
    member = factories.reload(cast, member)
    assert (member.lifetime_points, member.qualifying_points, member.tier) == (499, 499, "bronze")


def test_going_below_zero_has_to_be_asked_for(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 1200)

    with pytest.raises(errors.BalanceWouldGoNegative) as refusal:
        factories.adjust(cast, member, -3200)

    assert refusal.value.code == "insufficient_points"
    assert "is 1,200, so taking 3,200 would leave -2,000" in refusal.value.message
    assert factories.adjust(cast, member, -3200, allow_negative=True).balance_after == -2000


def test_a_balance_below_zero_can_be_raised_by_a_part(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.adjust(cast, member, -100, allow_negative=True)

    assert factories.adjust(cast, member, 40).balance_after == -60


def test_the_whole_balance_can_be_taken(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 120)

    assert factories.adjust(cast, member, -120).balance_after == 0


@pytest.mark.parametrize("points", [0, 10_000_001, -10_000_001, 2**70])
def test_points_out_of_bounds_are_refused(cast: Cast, points: int) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.InvalidParameter, match="from 1 to 10,000,000"):
        factories.adjust(cast, member, points, allow_negative=True)


def test_an_adjustment_needs_a_reason(cast: Cast) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.MissingParameter):
        factories.adjust(cast, member, 10, reason="")


def test_only_a_manager_adjusts(cast: Cast) -> None:
    member = factories.enrol(cast)

    for actor in (cast.cashier, cast.viewer):
        with pytest.raises(errors.PermissionDenied):
            factories.adjust(cast, member, 10, by=actor)
    factories.adjust(cast, member, 10, by=cast.owner)


def test_a_closed_member_is_not_adjusted(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.close(cast, member)

    with pytest.raises(errors.MemberClosed):
        factories.adjust(cast, member, 10)


def test_the_same_key_adjusts_once(cast: Cast) -> None:
    member = factories.enrol(cast)

    first, again = (_adjust_once(cast, member, 10) for _ in range(2))

    assert (first.replayed, again.replayed) == ("", "key")
    assert again.value.id == first.value.id
    assert records.points_of(cast, member) == [("adjustment", 10)]
    with pytest.raises(errors.IdempotencyConflict):
        _adjust_once(cast, member, 11)


def _adjust_once(cast: Cast, member: Member, points: int) -> Result[Entry]:
    return run_once(
        cast,
        "k1",
        acts.adjust,
        find_entry,
        member_id=member.id,
        points=points,
        reason="Correction",
        by=cast.manager,
    )

"""Cancelling redemptions: spec section 3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, errors
from app.models.members import Member
from app.models.rewards import Reward
from app.services import redemptions
from tests import factories
from tests.cast import Cast
from tests.support import records


def test_cancelling_returns_the_points_and_the_piece(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast, stock=3)
    redemption = factories.redeem(cast, member, reward)

    outcome = factories.cancel(cast, redemption, reason="Wrong cup")

    assert (outcome.value.status, outcome.replayed) == ("cancelled", "")
    assert outcome.value.cancelled_at is not None
    entry = records.entries_of(cast, member)[-1]
    assert (entry.kind, entry.points, entry.balance_after) == ("cancellation", 450, 500)
    assert (entry.redemption_id, entry.reason) == (redemption.id, "Wrong cup")
    assert factories.reload_reward(cast, reward).stock == 3
    assert factories.verify(cast).fault is None


def test_cancelling_twice_answers_the_same_and_moves_nothing(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast, stock=3)
    redemption = factories.redeem(cast, member, reward)
    first = factories.cancel(cast, redemption)
    written = records.count_written(cast)

    again = factories.cancel(cast, redemption)

    assert again.value.id == first.value.id
    assert again.value.cancelled_at == first.value.cancelled_at
    assert again.replayed == "existing"
    assert records.count_written(cast) == written
    assert factories.reload_reward(cast, reward).stock == 3


def test_points_return_at_what_they_cost_then(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast)
    redemption = factories.redeem(cast, member, reward)
    factories.edit_reward(cast, reward, points_cost=9000)

    factories.cancel(cast, redemption)

    assert factories.reload(cast, member).balance == 500


def test_returned_points_raise_neither_lifetime_nor_tier(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast)

    factories.cancel(cast, factories.redeem(cast, member, reward))

    member = factories.reload(cast, member)
    assert (member.lifetime_points, member.qualifying_points) == (500, 500)


def test_a_fulfilled_redemption_needs_a_manager(cast: Cast) -> None:
    redemption = factories.redeem(cast, _member(cast), factories.make_reward(cast))
    factories.fulfil(cast, redemption)

    with pytest.raises(errors.AlreadyFulfilled, match="a manager has to cancel"):
        factories.cancel(cast, redemption, by=cast.cashier)

    assert factories.cancel(cast, redemption).value.status == "cancelled"


def test_a_cashier_cancels_an_own_redemption_for_ten_minutes(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast, points_cost=1)
    own, late = (factories.redeem(cast, member, reward) for _ in range(2))

    with clock.set_to(own.created_at + timedelta(minutes=10)):
        factories.cancel(cast, own, by=cast.cashier)
    with (
        clock.set_to(late.created_at + timedelta(minutes=10, seconds=1)),
        pytest.raises(errors.PermissionDenied),
    ):
        factories.cancel(cast, late, by=cast.cashier)


def test_a_cashier_cannot_cancel_another_persons_redemption(cast: Cast) -> None:
    member, reward = _member(cast), factories.make_reward(cast)
    redemption = factories.redeem(cast, member, reward, by=cast.manager)

    for actor in (cast.cashier, cast.viewer):
        with pytest.raises(errors.PermissionDenied):
            factories.cancel(cast, redemption, by=actor)


def test_a_closed_members_redemption_can_be_cancelled(cast: Cast) -> None:
    member = _member(cast)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    factories.close(cast, member)

    factories.cancel(cast, redemption)

    assert factories.reload(cast, member).balance == 500


@pytest.mark.parametrize(("before", "after"), [(3, None), (None, 3)])
def test_stock_stays_right_when_its_limit_changed_between(
    cast: Cast, before: int | None, after: int | None
) -> None:
    reward = factories.make_reward(cast, stock=before)
    redemption = factories.redeem(cast, _member(cast), reward)
    reward = factories.edit_reward(cast, reward, stock=after)

    factories.cancel(cast, redemption)

    assert _stock(cast, reward) == (None if after is None else after + 1)
    assert factories.verify(cast).fault is None


def test_an_archived_rewards_piece_returns_too(cast: Cast) -> None:
    reward = factories.make_reward(cast, stock=1)
    redemption = factories.redeem(cast, _member(cast), reward)
    factories.archive(cast, reward)

    factories.cancel(cast, redemption)

    assert _stock(cast, reward) == 1


def test_a_cancellation_needs_a_reason(cast: Cast) -> None:
    redemption = factories.redeem(cast, _member(cast), factories.make_reward(cast))

    with pytest.raises(errors.MissingParameter):
        factories.cancel(cast, redemption, reason="")


def test_an_unknown_redemption_is_not_found(cast: Cast) -> None:
    redemption = factories.redeem(cast, _member(cast), factories.make_reward(cast))

    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        redemptions.cancel(
            session,
            workspace_id=cast.live_workspace_id,
            redemption_id=redemption.id,
            by=cast.owner,
        )


def _member(cast: Cast) -> Member:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    return member


def _stock(cast: Cast, reward: Reward) -> int | None:
    return factories.reload_reward(cast, reward).stock

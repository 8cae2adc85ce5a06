"""Redeeming rewards: spec section 3."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app import clock, errors
from app.models.members import Member
from app.models.rewards import Reward
from app.rules.redeeming import RedemptionRow
from app.services import redemptions, rewards
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import run_once


def test_redeeming_takes_the_points_and_gives_a_code(cast: Cast) -> None:
    member, reward = _member_with(cast, 500), factories.make_reward(cast)

    redemption = factories.redeem(cast, member, reward, metadata={"till": "2"})

    assert (redemption.status, redemption.points_spent) == ("confirmed", 450)
    assert len(redemption.code) == 6
    assert redemption.code_shown == f"{redemption.code[:3]}-{redemption.code[3:]}"
    entry = records.entries_of(cast, member)[-1]
    assert (entry.kind, entry.points, entry.balance_after) == ("redemption", -450, 50)
    assert (entry.redemption_id, entry.reason) == (redemption.id, "Any hot drink")
    assert factories.reload(cast, member).lifetime_points == 500


def test_what_it_cost_is_frozen(cast: Cast) -> None:
    member, reward = _member_with(cast, 900), factories.make_reward(cast)
    earlier = factories.redeem(cast, member, reward)

    factories.edit_reward(cast, reward, points_cost=100)

    assert factories.redeem(cast, member, reward).points_spent == 100
    with cast.database.reading() as session:
        found = redemptions.get_redemption(
            session, workspace_id=cast.workspace_id, redemption_id=earlier.id
        )
    assert found.points_spent == 450


def test_too_few_points_says_how_many_are_missing(cast: Cast) -> None:
    member, reward = _member_with(cast, 1400), factories.make_reward(cast, points_cost=2500)

    with pytest.raises(errors.InsufficientPoints) as refusal:
        factories.redeem(cast, member, reward)

    assert refusal.value.short_points == 1100
    assert refusal.value.message.startswith("Short by 1,100 points. The balance is 1,400 and")
    assert "2,500" in refusal.value.message
    assert records.points_of(cast, member) == [("award", 1400)]


def test_exactly_enough_points_is_enough(cast: Cast) -> None:
    member, reward = _member_with(cast, 450), factories.make_reward(cast)

    factories.redeem(cast, member, reward)

    assert factories.reload(cast, member).balance == 0


def test_who_owes_points_redeems_nothing_not_even_a_free_reward(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.adjust(cast, member, -1300, allow_negative=True)

    with pytest.raises(errors.AccountNegative, match="1,300 points owed"):
        factories.redeem(cast, member, factories.make_reward(cast, points_cost=0))


def test_a_free_reward_is_redeemed_at_a_balance_of_nothing(cast: Cast) -> None:
    member = factories.enrol(cast)

    redemption = factories.redeem(cast, member, factories.make_reward(cast, points_cost=0))

    assert redemption.points_spent == 0
    assert records.points_of(cast, member) == [("redemption", 0)]
    assert factories.verify(cast).fault is None


def test_the_last_piece_is_sold_once(cast: Cast) -> None:
    member, reward = _member_with(cast, 900), factories.make_reward(cast, stock=1)

    factories.redeem(cast, member, reward)
    with pytest.raises(errors.RewardOutOfStock, match="None left of “Any hot drink”"):
        factories.redeem(cast, member, reward)

    assert factories.reload_reward(cast, reward).stock == 0


def test_an_archived_reward_is_refused(cast: Cast) -> None:
    member, reward = _member_with(cast, 900), factories.make_reward(cast)
    factories.archive(cast, reward)

    with pytest.raises(errors.RewardInactive, match="no longer offered"):
        factories.redeem(cast, member, reward)


def test_the_window_includes_its_start_and_excludes_its_end(cast: Cast) -> None:
    starts_at = clock.now() + timedelta(days=1)
    ends_at = starts_at + timedelta(days=1)
    member = _member_with(cast, 5000)
    reward = factories.make_reward(cast, starts_at=starts_at, ends_at=ends_at)

    with pytest.raises(errors.RewardNotAvailable, match="not started"):
        factories.redeem(cast, member, reward)
    with clock.set_to(starts_at):
        factories.redeem(cast, member, reward)
    with clock.set_to(ends_at), pytest.raises(errors.RewardNotAvailable, match="has ended"):
        factories.redeem(cast, member, reward)


def test_a_reward_for_a_tier_is_kept_for_it_and_above(cast: Cast) -> None:
    reward = factories.make_reward(cast, min_tier="silver")

    with pytest.raises(errors.RewardNotAvailable, match="for Silver members and above"):
        factories.redeem(cast, _member_with(cast, 499), reward)
    for points in (500, 2000):
        factories.redeem(cast, _member_with(cast, points), reward)


def test_a_limit_per_member_counts_what_was_not_cancelled(cast: Cast) -> None:
    member, other = _member_with(cast, 5000), _member_with(cast, 5000)
    reward = factories.make_reward(cast, per_member_limit=2)
    first = factories.redeem(cast, member, reward)
    factories.redeem(cast, member, reward)

    with pytest.raises(errors.RewardLimitReached, match="2 times"):
        factories.redeem(cast, member, reward)
    factories.redeem(cast, other, reward)
    factories.cancel(cast, first)
    factories.redeem(cast, member, reward)


def test_a_reward_of_another_program_is_not_available(cast: Cast) -> None:
    other = factories.make_program(cast, name="Beans")
    with cast.database.writing() as session:
        reward = rewards.create(
            session,
            workspace_id=cast.workspace_id,
            program_id=other.id,
            terms=rewards.Terms(name="Beans", type="free_product", points_cost=1),
            by=cast.owner,
        )

    with pytest.raises(errors.RewardNotAvailable, match="another program"):
        factories.redeem(cast, _member_with(cast, 500), reward)


def test_a_closed_member_redeems_nothing(cast: Cast) -> None:
    member = _member_with(cast, 500)
    factories.close(cast, member)

    with pytest.raises(errors.MemberClosed):
        factories.redeem(cast, member, factories.make_reward(cast))


def test_a_viewer_redeems_nothing(cast: Cast) -> None:
    member = _member_with(cast, 500)

    with pytest.raises(errors.PermissionDenied):
        factories.redeem(cast, member, factories.make_reward(cast), by=cast.viewer)


def test_a_cost_that_changed_since_it_was_seen_takes_nothing(cast: Cast) -> None:
    member, reward = _member_with(cast, 5000), factories.make_reward(cast)
    factories.edit_reward(cast, reward, points_cost=1500)

    with pytest.raises(errors.RewardNotAvailable, match="now costs 1,500 points, not 450"):
        factories.redeem(cast, member, reward, expected_points=450)

    assert factories.reload(cast, member).balance == 5000


def test_the_same_key_redeems_once_also_after_the_cost_changed(cast: Cast) -> None:
    member, reward = _member_with(cast, 900), factories.make_reward(cast)
    first = _redeem_once(cast, member, reward)
    factories.edit_reward(cast, reward, points_cost=1)

    again = _redeem_once(cast, member, reward)

    assert (first.replayed, again.replayed) == ("", "key")
    assert again.value.id == first.value.id
    assert factories.reload(cast, member).balance == 450


def test_a_refused_redemption_may_be_tried_again_under_its_key(cast: Cast) -> None:
    member, reward = _member_with(cast, 400), factories.make_reward(cast)
    with pytest.raises(errors.InsufficientPoints):
        _redeem_once(cast, member, reward)
    factories.award(cast, member, 50)

    assert _redeem_once(cast, member, reward).replayed == ""


def test_the_same_key_for_another_reward_is_a_conflict(cast: Cast) -> None:
    member, reward = _member_with(cast, 900), factories.make_reward(cast)
    _redeem_once(cast, member, reward)

    with pytest.raises(errors.IdempotencyConflict):
        _redeem_once(cast, member, factories.make_reward(cast, "Pastry"))


def test_redemptions_are_listed_newest_first_and_found_by_code_or_id(cast: Cast) -> None:
    member, reward = _member_with(cast, 5000), factories.make_reward(cast, points_cost=1)
    start = clock.now()
    made: list[RedemptionRow] = []
    for second in range(3):
        with clock.set_to(start + timedelta(seconds=second)):
            made.append(factories.redeem(cast, member, reward))
    factories.cancel(cast, made[0])

    def ids(**asked: Any) -> list[str]:
        with cast.database.reading() as session:
            page = redemptions.list_redemptions(session, workspace_id=cast.workspace_id, **asked)
        return [row.id for row in page.rows]

    assert ids() == [each.id for each in reversed(made)]
    assert ids(after=made[1].id) == [made[0].id]
    assert ids(status="cancelled") == [made[0].id]
    for text in (made[1].code, made[1].code_shown.lower(), f" {made[1].id} "):
        assert ids(text=text) == [made[1].id]
    assert ids(text="\x00\ud800") == []


def _member_with(cast: Cast, points: int) -> Member:
    member = factories.enrol(cast)
    factories.award(cast, member, points)
    return member


def _redeem_once(cast: Cast, member: Member, reward: Reward) -> Result[RedemptionRow]:
    return run_once(
        cast,
        "k1",
        redemptions.redeem,
        lambda session, workspace_id, id_: redemptions.read_redemption(
            session, workspace_id=workspace_id, redemption_id=id_
        ),
        member_id=member.id,
        reward_id=reward.id,
        by=cast.cashier,
    )

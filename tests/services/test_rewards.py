"""Defining rewards, and what members can have of them: spec sections 3 and 5."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app import clock, errors
from app.models.members import Member
from app.models.rewards import Reward
from app.rules.actors import Actor
from app.services import programs, recent_members, rewards
from app.services.results import Result
from app.services.rewards import Terms
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import run_once


def test_a_reward_is_made_with_its_event(cast: Cast) -> None:
    reward = factories.make_reward(cast, " Any hot drink ", stock=5, counter_key=1)

    assert (reward.name, reward.stock, reward.status) == ("Any hot drink", 5, "active")
    (event,) = records.events_of(cast, "loyalty.reward.created")
    assert (event.data["id"], event.data["stock"], event.sequence) == (reward.id, 5, 0)


@pytest.mark.parametrize(
    ("param", "terms"),
    [
        ("name", {"name": "x" * 81}),
        ("description", {"description": "x" * 501}),
        ("type", {"type": "gift"}),
        ("points_cost", {"points_cost": -1}),
        ("points_cost", {"points_cost": 10_000_001}),
        ("stock", {"stock": -1}),
        ("stock", {"stock": 2**70}),
        ("per_member_limit", {"per_member_limit": 0}),
        ("counter_key", {"counter_key": 10}),
        ("value", {"type": "discount_percent", "value": 101}),
        ("value", {"type": "discount_amount"}),
        ("min_tier", {"min_tier": "platinum"}),
        ("ends_at", {"starts_at": clock.now(), "ends_at": clock.now() - timedelta(days=1)}),
    ],
)
def test_terms_out_of_bounds_are_refused_by_name(
    cast: Cast, param: str, terms: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidParameter) as refusal:
        factories.make_reward(cast, **{"name": "Drink", **terms})

    assert refusal.value.param == param


def test_a_reward_needs_a_name(cast: Cast) -> None:
    with pytest.raises(errors.MissingParameter):
        factories.make_reward(cast, "  ")


def test_a_value_that_means_nothing_for_the_type_is_dropped(cast: Cast) -> None:
    assert factories.make_reward(cast, value=500).value is None


def test_only_a_manager_defines_rewards(cast: Cast) -> None:
    reward = factories.make_reward(cast)

    for act in (rewards.archive, rewards.restore):
        with pytest.raises(errors.PermissionDenied), cast.database.writing() as session:
            act(session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.cashier)
    with pytest.raises(errors.PermissionDenied):
        _create_once(cast, "k1", by=cast.cashier)


def test_the_same_key_makes_one_reward(cast: Cast) -> None:
    first, again = (_create_once(cast, "k1") for _ in range(2))

    assert (first.replayed, again.replayed) == ("", "key")
    assert first.value.id == again.value.id
    with pytest.raises(errors.IdempotencyConflict):
        _create_once(cast, "k1", points_cost=2)


def test_a_replay_is_answered_though_its_tier_is_gone(cast: Cast) -> None:
    first = _create_once(cast, "k1", min_tier="gold")
    factories.archive(cast, first.value)
    factories.edit_program(cast, tiers=factories.TIERS[:2])

    assert _create_once(cast, "k1", min_tier="gold").value.id == first.value.id


def test_an_edit_tells_before_and_after(cast: Cast) -> None:
    reward = factories.make_reward(cast)

    factories.edit_reward(cast, reward, points_cost=500)

    (written,) = records.audit_of(cast, "rewards.edit")
    assert written.before is not None
    assert written.after is not None
    assert (written.before["pointsCost"], written.after["pointsCost"]) == (450, 500)
    assert len(records.events_of(cast, "loyalty.reward.updated")) == 1


def test_stock_is_what_is_left_from_now_on(cast: Cast) -> None:
    member, reward = _rich_member(cast), factories.make_reward(cast, stock=5)
    factories.redeem(cast, member, reward)

    assert factories.edit_reward(cast, reward, stock=10).stock == 10
    factories.redeem(cast, member, reward)

    assert factories.reload_reward(cast, reward).stock == 9
    assert factories.verify(cast).fault is None


def test_stock_goes_from_limited_to_unlimited_and_back(cast: Cast) -> None:
    member, reward = _rich_member(cast), factories.make_reward(cast, stock=1)
    held = factories.redeem(cast, member, reward)
    reward = factories.edit_reward(cast, reward, stock=None)
    factories.redeem(cast, member, reward)
    assert factories.reload_reward(cast, reward).stock is None
    assert factories.verify(cast).fault is None

    reward = factories.edit_reward(cast, reward, stock=1)
    factories.redeem(cast, member, reward)
    with pytest.raises(errors.RewardOutOfStock):
        factories.redeem(cast, member, reward)
    factories.cancel(cast, held)

    assert factories.reload_reward(cast, reward).stock == 1
    assert factories.verify(cast).fault is None


def test_stock_can_be_set_to_nothing(cast: Cast) -> None:
    member, reward = _rich_member(cast), factories.make_reward(cast)
    factories.edit_reward(cast, reward, stock=0)

    with pytest.raises(errors.RewardOutOfStock):
        factories.redeem(cast, member, reward)


def test_an_archived_reward_is_offered_again_when_restored(cast: Cast) -> None:
    member, reward = _rich_member(cast), factories.make_reward(cast, counter_key=3)

    assert factories.archive(cast, reward).counter_key is None
    assert _offers(cast, member) == {}
    assert _restore(cast, reward).status == "active"

    assert _offers(cast, member) == {"Any hot drink": None}


def test_archiving_twice_tells_once(cast: Cast) -> None:
    reward = factories.make_reward(cast)
    factories.archive(cast, reward)
    factories.archive(cast, reward)

    assert len(records.events_of(cast, "loyalty.reward.updated")) == 1


def test_a_counter_key_is_handed_over(cast: Cast) -> None:
    first = factories.make_reward(cast, "Drink", counter_key=1)
    second = factories.make_reward(cast, "Pastry", counter_key=1)
    assert factories.reload_reward(cast, first).counter_key is None

    factories.edit_reward(cast, first, counter_key=1)

    assert factories.reload_reward(cast, first).counter_key == 1
    assert factories.reload_reward(cast, second).counter_key is None


def test_an_archived_reward_takes_no_counter_key(cast: Cast) -> None:
    archived = factories.archive(cast, factories.make_reward(cast, "Drink"))
    active = factories.make_reward(cast, "Pastry", counter_key=1)

    factories.edit_reward(cast, archived, counter_key=1)

    assert factories.reload_reward(cast, archived).counter_key is None
    assert factories.reload_reward(cast, active).counter_key == 1


def test_the_catalogue_is_in_counter_order_with_archived_last(cast: Cast) -> None:
    factories.make_reward(cast, "Dear", points_cost=900)
    factories.make_reward(cast, "Cheap", points_cost=100)
    factories.make_reward(cast, "Second", counter_key=2)
    factories.archive(cast, factories.make_reward(cast, "Gone", counter_key=1))
    first = factories.make_reward(cast, "First", counter_key=1)
    factories.redeem(cast, _rich_member(cast), first)

    with cast.database.reading() as session:
        rows = rewards.list_catalogue(
            session, workspace_id=cast.workspace_id, program_id=cast.program_id
        )

    names = [row.reward.name for row in rows]
    assert names == ["First", "Second", "Cheap", "Dear", "Gone"]
    assert [row.redeemed_count for row in rows] == [1, 0, 0, 0, 0]


def test_offers_say_why_a_member_cannot_have_them(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 450)
    factories.make_reward(cast, "Drink")
    factories.make_reward(cast, "Lunch", points_cost=1500)
    factories.make_reward(cast, "Gold", min_tier="gold")
    factories.make_reward(cast, "None", stock=0)

    assert _offers(cast, member) == {
        "Drink": None,
        "Lunch": "insufficient_points",
        "Gold": "reward_not_available",
        "None": "reward_out_of_stock",
    }


def test_reach_counts_who_could_have_a_reward_today(cast: Cast) -> None:
    for points in (1, 499, 500, 600, 2500):
        factories.award(cast, factories.enrol(cast), points)
    owing = factories.enrol(cast)
    factories.adjust(cast, owing, -5, allow_negative=True)
    factories.close(cast, _rich_member(cast))

    everyone = _reach(cast, 600, None)
    silver = _reach(cast, 600, "silver")

    assert (everyone.able_count, everyone.eligible_count) == (2, 6)
    assert everyone.buckets == [2, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1]
    assert (silver.able_count, silver.eligible_count) == (2, 3)


def test_reach_of_a_free_reward_leaves_out_who_owes(cast: Cast) -> None:
    factories.enrol(cast)
    factories.adjust(cast, factories.enrol(cast), -5, allow_negative=True)

    assert _reach(cast, 0, None).able_count == 1


def test_reach_among_many_looks_at_who_was_here_last(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_members, "LOOKED_AT_MAX", 2)
    for points in (900, 100, 800):
        factories.award(cast, factories.enrol(cast), points)

    found = _reach(cast, 600, None)

    assert (found.able_count, found.eligible_count, found.is_all) == (1, 2, False)


def _rich_member(cast: Cast) -> Member:
    member = factories.enrol(cast)
    factories.award(cast, member, 10_000)
    return member


def _create_once(cast: Cast, key: str, *, by: Actor | None = None, **terms: Any) -> Result[Reward]:
    given: dict[str, Any] = {"name": "Drink", "type": "free_product", "points_cost": 1, **terms}
    return run_once(
        cast,
        key,
        rewards.create,
        lambda session, workspace_id, id_: rewards.get_reward(
            session, workspace_id=workspace_id, reward_id=id_
        ),
        program_id=cast.program_id,
        terms=Terms(**given),
        by=by or cast.manager,
    )


def _restore(cast: Cast, reward: Reward) -> Reward:
    with cast.database.writing() as session:
        return rewards.restore(
            session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.manager
        )


def _offers(cast: Cast, member: Member) -> dict[str, str | None]:
    member = factories.reload(cast, member)
    with cast.database.reading() as session:
        offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    return {each.reward.name: each.refusal.code if each.refusal else None for each in offers}


def _reach(cast: Cast, points_cost: int, min_tier: str | None) -> rewards.Reach:
    with cast.database.reading() as session:
        program = programs.get_program(
            session, workspace_id=cast.workspace_id, program_id=cast.program_id
        )
        return rewards.measure_reach(
            session, program=program, points_cost=points_cost, min_tier=min_tier
        )


def test_a_reward_whose_tier_is_gone_is_restored_when_it_has_another(cast: Cast) -> None:
    reward = factories.make_reward(cast, min_tier="gold")
    factories.archive(cast, reward)
    factories.edit_program(cast, tiers=factories.TIERS[:2])

    with pytest.raises(errors.InvalidParameter), cast.database.writing() as session:
        rewards.restore(
            session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.manager
        )
    factories.edit_reward(cast, reward, min_tier="silver")
    with cast.database.writing() as session:
        rewards.restore(
            session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.manager
        )

    assert not factories.reload_reward(cast, reward).is_archived
    factories.edit_program(cast, name="Tiers may change again")


def test_no_tier_is_no_tier_and_not_an_empty_one(cast: Cast) -> None:
    with pytest.raises(errors.InvalidParameter) as refused:
        factories.make_reward(cast, min_tier="")
    assert refused.value.param == "min_tier"


def test_changing_nothing_tells_nobody(cast: Cast) -> None:
    reward = factories.make_reward(cast)
    written = records.count_written(cast)

    factories.edit_reward(cast, reward)

    assert records.count_written(cast) == written

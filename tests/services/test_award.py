"""Awarding points: spec sections 2 to 4."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, errors
from app.rules.ledger import Entry, Source
from app.services.ledger import acts
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support.once import find_entry, run_once


def test_an_award_raises_balance_and_lifetime(cast: Cast) -> None:
    member = factories.enrol(cast)

    entry = factories.award(cast, member, 250, note="By hand", metadata={"orderId": "1234"})

    member = factories.reload(cast, member)
    assert (entry.seq, entry.kind, entry.points) == (1, "award", 250)
    assert (entry.balance_after, entry.lifetime_after) == (250, 250)
    assert (member.balance, member.lifetime_points, member.entry_count) == (250, 250, 1)
    assert (entry.actor_kind, entry.actor_id) == ("staff", cast.manager.id)
    assert entry.location_id == cast.location_id
    assert entry.id.startswith("ptx_")


def test_entries_are_numbered_without_gaps_also_after_refusals(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10)
    with pytest.raises(errors.InvalidParameter):
        factories.award(cast, member, 0)
    with pytest.raises(errors.PermissionDenied):
        factories.award(cast, member, 10, by=cast.viewer)

    assert factories.award(cast, member, 10).seq == 2
    assert factories.verify(cast).fault is None


@pytest.mark.parametrize("points", [0, -1, 10_000_001, 2**63, 2**70])
def test_points_out_of_bounds_are_refused_and_nothing_is_written(cast: Cast, points: int) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.InvalidParameter) as refusal:
        factories.award(cast, member, points)

    assert refusal.value.param == "points"
    assert factories.reload(cast, member).entry_count == 0


def test_an_award_needs_a_reason(cast: Cast) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.MissingParameter):
        factories.award(cast, member, 10, reason="   ")


def test_a_reason_of_ten_thousand_characters_is_refused(cast: Cast) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.InvalidParameter, match="10,000 characters"):
        factories.award(cast, member, 10, reason="x" * 10_000)


def test_a_tier_follows_each_award(cast: Cast) -> None:
    member = factories.enrol(cast)
    assert member.tier == "bronze"

    factories.award(cast, member, 499)
    assert factories.reload(cast, member).tier == "bronze"
    factories.award(cast, member, 1)
    assert factories.reload(cast, member).tier == "silver"


def test_the_same_key_awards_once_and_gives_the_first_entry_again(cast: Cast) -> None:
    member = factories.enrol(cast)
    key = "award-pay_3xZ9q"

    first, second = (_award_once(cast, member.id, 250, key) for _ in range(2))

    assert second.value.id == first.value.id
    assert (first.replayed, second.replayed) == ("", "key")
    assert factories.reload(cast, member).balance == 250


def test_the_same_key_for_another_award_is_a_conflict(cast: Cast) -> None:
    member = factories.enrol(cast)
    key = "award-pay_3xZ9q"
    _award_once(cast, member.id, 250, key)

    with pytest.raises(errors.IdempotencyConflict):
        _award_once(cast, member.id, 251, key)

    assert factories.reload(cast, member).balance == 250


def test_a_refused_award_may_be_tried_again_under_its_key(cast: Cast) -> None:
    member = factories.enrol(cast)
    key = "k1"
    with pytest.raises(errors.PermissionDenied):
        _award_once(cast, member.id, 5000, key, by=cast.cashier)

    assert _award_once(cast, member.id, 5000, key).replayed == ""


def test_a_source_is_awarded_once_whatever_the_key(cast: Cast) -> None:
    member, source = factories.enrol(cast), Source("payment", "pay_3xZ9q")

    first = _award_once(cast, member.id, 250, "a", source=source)
    again = _award_once(cast, member.id, 250, "b", source=source)
    keyed_again = _award_once(cast, member.id, 250, "b", source=source)

    assert again.value.id == first.value.id
    assert (again.replayed, keyed_again.replayed) == ("source", "key")
    assert keyed_again.value.id == first.value.id
    assert factories.reload(cast, member).balance == 250


@pytest.mark.parametrize("points", [250, 99])
def test_a_source_of_another_award_is_a_conflict_that_names_the_first(
    cast: Cast, points: int
) -> None:
    member, other = factories.enrol(cast), factories.enrol(cast, "Kwame Mensah")
    source = Source("payment", "pay_3xZ9q")
    first = factories.award(cast, member, 250, source=source)

    with pytest.raises(errors.SourceConflict, match=first.id):
        factories.award(cast, other if points == first.points else member, points, source=source)

    assert factories.reload(cast, other).entry_count == 0
    assert factories.reload(cast, member).balance == 250


@pytest.mark.parametrize(
    ("source_type", "source_id"),
    [("", "x"), ("payment", ""), ("x" * 41, "x"), ("payment", "x" * 256), ("payment", "a\x00")],
)
def test_a_source_out_of_bounds_is_refused(cast: Cast, source_type: str, source_id: str) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.InvalidParameter) as refusal:
        factories.award(cast, member, 10, source=Source(source_type, source_id))

    assert refusal.value.param == "source"


def test_the_same_key_at_another_time_of_happening_is_a_conflict(cast: Cast) -> None:
    member, key, now = factories.enrol(cast), "k1", clock.now()
    _award_once(cast, member.id, 10, key, occurred_at=now)

    with pytest.raises(errors.IdempotencyConflict):
        _award_once(cast, member.id, 10, key, occurred_at=now - timedelta(days=1))


def test_an_unknown_member_is_not_found_and_so_is_another_workspaces(cast: Cast) -> None:
    member = factories.enrol(cast)
    with cast.database.writing() as session, pytest.raises(errors.NotFound):
        acts.award(
            session,
            workspace_id=cast.live_workspace_id,
            member_id=member.id,
            points=10,
            reason="Purchase",
            by=cast.owner,
        )


def test_a_cashier_has_a_limit(cast: Cast) -> None:
    member = factories.enrol(cast)

    assert factories.award(cast, member, 1000, by=cast.cashier).points == 1000
    with pytest.raises(errors.PermissionDenied, match="1,000"):
        factories.award(cast, member, 1001, by=cast.cashier)


def _award_once(cast: Cast, member_id: str, points: int, key: str, **more: object) -> Result[Entry]:
    given = {"by": cast.manager, "reason": "Purchase", **more}
    return run_once(cast, key, acts.award, find_entry, member_id=member_id, points=points, **given)

"""How many points staff may give by hand, and whose they are when a manager approves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, errors
from app.models.ledger import LedgerEntry
from app.rules.actors import Actor, Approval
from app.services.ledger import acts
from app.services.staff import allowances, people
from app.services.staff.allowances import SHIFT_HOURS, Limits
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import find_entry, run_once
from tests.support.tampering import drop_triggers, run_sql


def given(cast: Cast, person: Actor) -> int:
    with cast.database.reading() as session:
        return allowances.given_points(
            session, workspace_id=cast.workspace_id, staff_id=person.id or ""
        )


def manager_approves(cast: Cast) -> Approval:
    return Approval(cast.manager.id or "")


def test_a_new_shop_limits_its_cashiers_and_nobody_else(cast: Cast) -> None:
    member = factories.enrol(cast)

    factories.award(cast, member, 1000, by=cast.cashier)
    with pytest.raises(errors.AllowanceExceeded, match="1,000 points at once"):
        factories.award(cast, member, 1001, by=cast.cashier)
    factories.award(cast, member, 100_000, by=cast.manager)
    assert factories.reload(cast, member).entry_count == 2


def test_a_shift_ends_at_its_limit(cast: Cast) -> None:
    factories.limit(cast, "cashier", None, 500)
    member, other = factories.enrol(cast), factories.enrol(cast, "Kwame")

    factories.award(cast, member, 300, by=cast.cashier)
    with pytest.raises(errors.AllowanceExceeded, match="500 points a shift, and 200 are left"):
        factories.award(cast, other, 201, by=cast.cashier)
    factories.award(cast, other, 200, by=cast.cashier)
    with pytest.raises(errors.AllowanceExceeded, match="and 0 are left"):
        factories.award(cast, member, 1, by=cast.cashier)
    assert given(cast, cast.cashier) == 500


def test_the_next_shift_begins_with_nothing_given(cast: Cast) -> None:
    factories.limit(cast, "cashier", None, 500)
    member = factories.enrol(cast)
    now = clock.now()
    with clock.set_to(now - timedelta(hours=SHIFT_HOURS, seconds=1)):
        factories.award(cast, member, 500, by=cast.cashier)

    factories.award(cast, member, 500, by=cast.cashier)

    with clock.set_to(now + timedelta(hours=SHIFT_HOURS - 1)):
        assert given(cast, cast.cashier) == 500


def test_what_is_taken_back_counts_no_more(cast: Cast) -> None:
    factories.limit(cast, "cashier", None, 500)
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 500, by=cast.cashier)

    factories.reverse(cast, entry, points=200)
    assert given(cast, cast.cashier) == 300
    factories.reverse(cast, entry)
    assert given(cast, cast.cashier) == 0
    factories.award(cast, member, 500, by=cast.cashier)


def test_a_person_may_have_limits_of_their_own(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.limit(cast, cast.cashier.id or "", 50, None)

    with pytest.raises(errors.AllowanceExceeded, match="50 points at once"):
        factories.award(cast, member, 51, by=cast.cashier)
    with cast.database.writing() as session:
        allowances.set_for(
            session,
            merchant_id=cast.merchant_id,
            holder=cast.cashier.id or "",
            limits=None,
            by=cast.owner,
        )
    factories.award(cast, member, 51, by=cast.cashier)
    told = [each.after for each in records.audit_of(cast, "staff.allowance", live=True)]
    assert told == [{"perAward": 50, "perShift": None}, {"limits": "as the role"}]


def test_a_limit_of_nothing_gives_nothing(cast: Cast) -> None:
    factories.limit(cast, "cashier", 0, None)
    with pytest.raises(errors.AllowanceExceeded):
        factories.award(cast, factories.enrol(cast), 1, by=cast.cashier)


def test_a_correction_upwards_is_given_by_hand_and_one_downwards_is_not(cast: Cast) -> None:
    factories.limit(cast, "manager", 100, None)
    member = factories.enrol(cast)

    with pytest.raises(errors.AllowanceExceeded):
        factories.adjust(cast, member, 101)
    factories.adjust(cast, member, 100)
    factories.adjust(cast, member, -5000, allow_negative=True)
    assert given(cast, cast.manager) == 100


def test_an_approved_act_is_on_the_manager_and_both_are_in_the_chain(cast: Cast) -> None:
    factories.limit(cast, "cashier", 100, 100)
    member = factories.enrol(cast)

    entry = factories.award(cast, member, 5000, by=cast.cashier, approval=manager_approves(cast))

    assert (entry.actor_id, entry.approved_by) == (cast.cashier.id, cast.manager.id)
    assert (given(cast, cast.cashier), given(cast, cast.manager)) == (0, 5000)
    assert factories.verify(cast).fault is None
    (told,) = records.audit_of(cast, "ledger.award")
    assert told.after is not None
    assert told.after["approvedBy"] == cast.manager.id


@pytest.mark.parametrize("column", ["approved_by", "device_id"])
def test_who_approved_and_where_cannot_be_taken_out_of_the_chain(cast: Cast, column: str) -> None:
    member = factories.enrol(cast)
    at_the_till = Actor(
        kind="staff", id=cast.cashier.id, role="cashier", device_id="dev_1", location_id=None
    )
    factories.award(cast, member, 50, by=at_the_till, approval=manager_approves(cast))
    assert factories.verify(cast).fault is None
    drop_triggers(cast.database)
    run_sql(cast.database, f"UPDATE ledger_entries SET {column} = NULL")
    assert factories.verify(cast).fault is not None


def test_the_manager_who_approves_has_limits_too(cast: Cast) -> None:
    factories.limit(cast, "cashier", 100, None)
    factories.limit(cast, "manager", 2000, None)
    member = factories.enrol(cast)
    with pytest.raises(errors.PermissionDenied, match="more than who approves it may give"):
        factories.award(cast, member, 2001, by=cast.cashier, approval=manager_approves(cast))
    factories.award(cast, member, 2000, by=cast.cashier, approval=manager_approves(cast))


@pytest.mark.parametrize("role", ["cashier", "viewer", "nobody"])
def test_only_another_manager_approves(cast: Cast, role: str) -> None:
    approver = "stf_nobody" if role == "nobody" else getattr(cast, role).id
    member = factories.enrol(cast)
    with pytest.raises(errors.PermissionDenied, match="Another manager"):
        factories.award(cast, member, 5000, by=cast.cashier, approval=Approval(approver))


def test_nobody_approves_their_own(cast: Cast) -> None:
    factories.limit(cast, "manager", 100, None)
    with pytest.raises(errors.PermissionDenied, match="Another manager"):
        factories.award(
            cast, factories.enrol(cast), 5000, by=cast.manager, approval=manager_approves(cast)
        )


def test_a_manager_of_another_shop_approves_nothing(cast: Cast) -> None:
    rival = factories.make_cast(cast.database, "rival.example.com")
    with pytest.raises(errors.PermissionDenied, match="Another manager"):
        factories.award(
            cast, factories.enrol(cast), 5000, by=cast.cashier, approval=manager_approves(rival)
        )


@pytest.mark.parametrize("change", ["disabled", "cashier"])
def test_who_was_a_manager_approves_nothing(cast: Cast, change: str) -> None:
    who: dict[str, Any] = {
        "merchant_id": cast.merchant_id,
        "staff_id": cast.manager.id or "",
        "by": cast.owner,
    }
    with cast.database.writing() as session:
        if change == "disabled":
            people.disable(session, **who)
        else:
            people.change_role(session, role="cashier", **who)
    with pytest.raises(errors.PermissionDenied, match="Another manager"):
        factories.award(
            cast, factories.enrol(cast), 5000, by=cast.cashier, approval=manager_approves(cast)
        )


def test_a_repeated_award_is_not_judged_again(cast: Cast) -> None:
    factories.limit(cast, "cashier", None, 100)
    asked = {"member_id": factories.enrol(cast).id, "points": 100, "reason": "Purchase"}

    first, again = (
        run_once(cast, "k1", acts.award, find_entry, by=cast.cashier, **asked) for _ in range(2)
    )

    assert again.value.id == first.value.id
    assert given(cast, cast.cashier) == 100


def test_keys_and_rules_have_no_allowance(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 100_000, by=Actor(kind="key", id="key_1", role="key"))
    factories.award(cast, member, 100_000, by=Actor(kind="rule", role="owner"))


@pytest.mark.parametrize("points", [-1, 1_000_000_001])
def test_a_limit_out_of_bounds_is_refused(cast: Cast, points: int) -> None:
    with pytest.raises(errors.InvalidParameter) as caught:
        factories.limit(cast, "cashier", 5, points)
    assert caught.value.param == "per_shift_points"


def test_only_an_owner_sets_limits_and_only_for_who_is_here(cast: Cast) -> None:
    rival = factories.make_cast(cast.database, "rival.example.com")
    tries = (
        (cast.manager, "cashier", errors.PermissionDenied),
        (cast.owner, rival.cashier.id or "", errors.NotFound),
        (cast.owner, "king", errors.NotFound),
    )
    for by, holder, error in tries:
        with pytest.raises(error), cast.database.writing() as session:
            allowances.set_for(
                session,
                merchant_id=cast.merchant_id,
                holder=holder,
                limits=Limits(1, 1),
                by=by,
            )


def test_two_shops_count_apart(cast: Cast) -> None:
    factories.award(cast, factories.enrol(cast), 70, by=cast.cashier)
    with cast.database.reading() as session:
        assert session.scalars(select(LedgerEntry.points)).all() == [70]
        elsewhere = allowances.given_points(
            session, workspace_id=cast.live_workspace_id, staff_id=cast.cashier.id or ""
        )
    assert elsewhere == 0

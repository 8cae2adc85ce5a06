"""A manager approves on the cashier's screen: with a PIN, for one act, under both names."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.services.staff import people, pins
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.pages import Page, Visitor

PIN = "314159"


@pytest.fixture(autouse=True)
def limited(cast: Cast) -> None:
    """Let the cashier give 100 points at once, and the manager approve more."""
    factories.limit(cast, "cashier", 100, None)
    factories.take_pin(cast, "manager", PIN)


@pytest.fixture
def path(cast: Cast) -> str:
    """Give where a member is awarded."""
    return f"/members/{factories.enrol(cast).id}/award"


def ask(cashier: Visitor, path: str, points: str = "500") -> Page:
    answer = cashier.send(path, points=points, reason="Purchase")
    assert answer.status == 403
    assert "A manager can approve it here." in answer.text
    return answer


def approve(cast: Cast, cashier: Visitor, asked: Page, pin: str = PIN, **more: str) -> Page:
    path = asked.response.request.path
    typed = {"approver_id": cast.manager.id or "", "approver_pin": pin, **more}
    return cashier.post(path, {**asked.fields(path), **typed})


def entries(cast: Cast) -> list[tuple[str | None, str | None, int]]:
    (member,) = records.members_of(cast)
    return [(e.actor_id, e.approved_by, e.points) for e in records.entries_of(cast, member)]


def test_both_names_are_on_the_entry(
    cast: Cast, cashier: Visitor, manager: Visitor, path: str
) -> None:
    asked = ask(cashier, path)
    assert asked.value("points") == "500"

    done = approve(cast, cashier, asked)

    assert done.status == 303
    assert entries(cast) == [(cast.cashier.id, cast.manager.id, 500)]
    shown = cashier.get(done.location).text
    assert "Cashier Person approved by Manager Person" in shown
    assert "approvedBy: Manager Person" in manager.get("/audit?act=ledger.award").text
    assert factories.verify(cast).fault is None


def test_at_the_counter_too(cast: Cast, cashier: Visitor) -> None:
    member = factories.enrol(cast)
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "40.00"}
    asked = cashier.post(path, form)
    assert "A manager can approve it here." in asked.text
    assert asked.fields(path)["spent"] == "40.00"

    typed = {"approver_id": cast.manager.id or "", "approver_pin": PIN}
    assert cashier.post(path, {**asked.fields(path), **typed}).status == 303
    assert entries(cast) == [(cast.cashier.id, cast.manager.id, 400)]


def test_a_correction_beyond_a_managers_limit_needs_an_owner(
    cast: Cast, manager: Visitor, path: str
) -> None:
    factories.limit(cast, "manager", 100, None)
    factories.take_pin(cast, "owner", "271828")
    adjust = path.replace("award", "adjust")
    asked = manager.send(adjust, points="500", reason="Lost card")
    assert "A manager can approve it here." in asked.text
    typed = {"approver_id": cast.owner.id or "", "approver_pin": "271828"}
    assert manager.post(adjust, {**asked.fields(adjust), **typed}).status == 303
    assert entries(cast) == [(cast.manager.id, cast.owner.id, 500)]


def test_a_wrong_pin_gives_nothing_and_keeps_what_was_typed(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    answer = approve(cast, cashier, ask(cashier, path), "000001")

    assert answer.status == 400
    assert "This PIN is not right" in answer.text
    assert answer.value("points") == "500"
    assert answer.value("approver_pin") == ""
    assert entries(cast) == []


def test_guessing_has_to_wait_even_with_the_right_pin(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    asked = ask(cashier, path)
    for guess in range(pins.FAILURES_PER_PERSON):
        asked = approve(cast, cashier, asked, f"{guess:06}")
    answer = approve(cast, cashier, asked)
    assert answer.status == 429
    assert "Too many tries" in answer.text
    assert entries(cast) == []
    # The log blames who was signed in, and names whose PIN it was.
    told = records.audit_of(cast, "staff.pin_failed", live=True)
    assert {(each.actor_id, each.subject_id) for each in told} == {
        (cast.cashier.id, cast.manager.id)
    }


def test_the_same_form_sent_again_is_the_same_award(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    asked = ask(cashier, path)
    assert approve(cast, cashier, asked).status == 303
    assert approve(cast, cashier, asked).status == 303
    assert len(entries(cast)) == 1


def test_an_approval_is_worth_nothing_for_another_act(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    asked = ask(cashier, path)
    assert approve(cast, cashier, asked).status == 303
    used = asked.fields(path)

    # The approved form with other points: the key is used up.
    more = cashier.post(
        path, {**used, "points": "900", "approver_id": cast.manager.id, "approver_pin": PIN}
    )
    assert more.status == 409
    # A fresh form, and all that the cashier's browser still has of the approval.
    fresh = cashier.get(path).fields(path)
    for kept in ({}, {"approver_id": cast.manager.id}, {"approver_id": cast.manager.id, **used}):
        answer = cashier.post(path, {**kept, **fresh, "points": "900", "reason": "x"})
        assert answer.status in {400, 403}
    assert len(entries(cast)) == 1


@pytest.mark.parametrize("role", ["cashier", "viewer", "owner"])
def test_who_may_not_or_has_no_pin_is_not_offered(
    cast: Cast, cashier: Visitor, path: str, role: str
) -> None:
    asked = ask(cashier, path)
    offered = [str(each.get("value")) for each in asked.elements("option")]
    assert offered == [cast.manager.id]
    answer = approve(cast, cashier, asked, approver_id=getattr(cast, role).id)
    assert answer.status == 404
    assert entries(cast) == []


def test_of_several_managers_nobody_is_chosen_beforehand(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    factories.take_pin(cast, "owner", PIN)
    asked = ask(cashier, path)
    offered = [str(each.get("value")) for each in asked.elements("option")]
    assert offered == ["", cast.manager.id, cast.owner.id]
    answer = approve(cast, cashier, asked, approver_id="")
    assert answer.status == 400
    assert "Choose who approves it" in answer.text
    assert entries(cast) == []


def test_limits_that_would_not_count_are_not_taken_silently(cast: Cast, owner: Visitor) -> None:
    page = f"/staff/{cast.cashier.id}"
    answer = owner.send(page, per_award_points="50")
    assert answer.status == 422
    assert "Choose “Limits of their own”" in answer.text
    assert answer.value("per_award_points") == "50"


def test_with_nobody_to_approve_it_says_what_to_do(
    cast: Cast, app: Flask, cashier: Visitor, path: str
) -> None:
    who: dict[str, Any] = {
        "merchant_id": cast.merchant_id,
        "staff_id": cast.manager.id or "",
        "by": cast.owner,
    }
    with cast.database.writing() as session:
        people.disable(session, **who)
    assert "No other manager has a PIN yet" in ask(cashier, path).text


def test_within_the_limit_nobody_is_asked(cashier: Visitor, path: str) -> None:
    assert cashier.send(path, points="100", reason="Purchase").status == 303


def test_the_owner_sets_limits_of_roles_and_of_people(
    cast: Cast, owner: Visitor, cashier: Visitor, path: str
) -> None:
    shown = owner.get("/staff/allowances")
    assert shown.value("cashier_award") == "100"
    owner.send("/staff/allowances", cashier_award="200", cashier_shift="1,000")
    ask(cashier, path, "201")
    assert cashier.send(path, points="200", reason="x").status == 303
    assert "200 of 1,000" in owner.get("/staff").text

    page = f"/staff/{cast.cashier.id}"
    owner.send(page, limits="own", per_award_points="50", per_shift_points="")
    ask(cashier, path, "51")
    assert owner.get(page).value("per_award_points") == "50"
    assert "200 no limit" in owner.get("/staff").text
    owner.send(page, limits="role")
    assert cashier.send(path, points="51", reason="x").status == 303


def test_a_limit_that_is_no_number_keeps_what_was_typed(cast: Cast, owner: Visitor) -> None:
    answer = owner.send("/staff/allowances", cashier_award="a lot")
    assert answer.status == 422
    assert answer.value("cashier_award") == "a lot"
    page = f"/staff/{cast.cashier.id}"
    answer = owner.send(page, limits="own", per_award_points="2000000000")
    assert answer.status == 400
    assert "1,000,000,000" in answer.text


def test_a_role_that_is_lost_while_a_page_is_open_is_lost_at_once(
    cast: Cast, manager: Visitor, path: str
) -> None:
    adjust = path.replace("award", "adjust")
    form = {**manager.get(adjust).fields(adjust), "points": "500", "reason": "Lost card"}
    who: dict[str, Any] = {
        "merchant_id": cast.merchant_id,
        "staff_id": cast.manager.id or "",
        "by": cast.owner,
    }
    with cast.database.writing() as session:
        people.change_role(session, role="cashier", **who)

    answer = manager.post(adjust, form)

    assert answer.status == 403
    assert "A manager has to do this" in answer.text
    assert entries(cast) == []
    with cast.database.writing() as session:
        people.disable(session, **who)
    assert manager.post(adjust, form).location.startswith("/sign-in")

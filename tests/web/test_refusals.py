"""Acts that are refused say so where one is, whatever the page has for it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from app.models.staff import StaffSession
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor


@pytest.mark.parametrize("is_old", [False, True], ids=["refused", "open too long"])
def test_an_undo_in_a_message_that_is_refused_is_told_in_the_next(
    cast: Cast, cashier: Visitor, is_old: bool
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    redemption = factories.redeem(cast, member, factories.make_reward(cast), by=cast.cashier)
    path, shown = f"/redemptions/{redemption.id}/cancel", f"/members/{member.id}"
    form = {name: each for name, each in cashier.get(path).fields(path).items() if name != "reason"}
    if is_old:
        form["csrf_token"] = "of another day"
    else:
        factories.fulfil(cast, redemption)

    answer = cashier.client.post(path, data=form, headers={"HX-Request": "true"})

    assert json.loads(answer.headers["HX-Location"])["path"] == shown
    said = (
        "This page was open too long."
        if is_old
        else "already handed over, so a manager has to cancel it"
    )
    assert said in cashier.get(shown).text
    assert factories.reload(cast, member).entry_count == 2


@pytest.mark.parametrize(
    ("target", "place", "swap"),
    [
        (None, "#toast", "innerHTML"),
        ("members-results", "#toast", "innerHTML"),
        ("ledger-award-form", "#ledger-award-form", "afterbegin"),
        ("dialog", None, None),
    ],
)
def test_what_is_not_allowed_is_told_beside_what_one_is_at(
    viewer: Visitor, target: str | None, place: str | None, swap: str | None
) -> None:
    headers = {"HX-Request": "true"} | ({"HX-Target": target} if target else {})

    answer = viewer.client.get("/members/new", headers=headers)

    text = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert (answer.headers.get("HX-Retarget"), answer.headers.get("HX-Reswap")) == (place, swap)
    assert "A cashier or manager has to do this." in text
    assert "<html" not in text


@pytest.mark.parametrize("path", ["/sign-out", "/till/lock"])
def test_who_wants_to_be_out_is_let_out_after_a_switch_in_another_tab(
    cast: Cast, cashier: Visitor, path: str
) -> None:
    form = cashier.get("/you").fields("/sign-out")
    with cast.database.writing() as session:
        session.execute(update(StaffSession).values(mode="live"))

    cashier.post(path, form)

    assert cashier.get("/you").status == 302


def test_what_cannot_be_undone_says_first_what_goes_with_it(cast: Cast, manager: Visitor) -> None:
    till = factories.register_till(cast).device
    member = factories.enrol(cast)
    manager.press(f"/members/{member.id}/card", f"/members/{member.id}/card/link")
    for path, label, words in (
        (f"/devices/{till.id}", "No till any more", "has to be registered again"),
        (f"/locations/{cast.location_id}", "Close this shop", "its tills are none any more"),
        (f"/members/{member.id}/card", "Revoke the link", "opens nothing any more"),
    ):
        (asked,) = [
            " ".join("".join(each.itertext()).split())
            for each in manager.get(path).elements("details")
            if label in "".join(each.itertext())
        ]
        assert asked.startswith(label), path
        assert words in asked


def test_a_person_who_was_switched_off_can_be_let_in_at_once(cast: Cast, owner: Visitor) -> None:
    page, off = f"/staff/{cast.cashier.id}", f"/staff/{cast.cashier.id}/disable"
    owner.press(page, off)

    assert owner.press("/staff", f"/staff/{cast.cashier.id}/enable").status == 303
    assert "may sign in again" in owner.get("/staff").text

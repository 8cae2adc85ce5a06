"""Acts that are refused say so where one is, whatever the page has for it."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from sqlalchemy import update

from app.models.staff import StaffSession
from tests import factories
from tests.cast import Cast
from tests.support import records
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


def test_a_button_that_is_pressed_on_an_old_page_says_that_nothing_was_sent(
    cast: Cast, owner: Visitor
) -> None:
    member, reward = factories.enrol(cast), factories.make_reward(cast)
    entry = factories.award(cast, member, 560)
    redemption = factories.redeem(cast, member, reward)
    till = factories.register_till(cast).device
    written = records.count_written(cast)

    for path in (
        f"/members/{member.id}/close",
        f"/members/{member.id}/card/link",
        f"/rewards/{reward.id}/archive",
        f"/redemptions/{redemption.id}/fulfil",
        f"/ledger/{entry.id}/undo",
        f"/devices/{till.id}/revoke",
        f"/locations/{cast.location_id}/close",
        f"/staff/{cast.cashier.id}/disable",
    ):
        answer = owner.post(path, {"csrf_token": "old", "workspace": cast.workspace_id})
        assert answer.status == 303, path
        assert "This page was open too long. Nothing was sent." in owner.get("/you").text, path
    assert records.count_written(cast) == written


def test_a_form_that_was_refused_gets_another_key(cast: Cast, manager: Visitor) -> None:
    """Nothing happened, so the next press is another act, also if it is of the same content."""
    member = factories.enrol(cast)
    factories.close(cast, member)
    for path, typed in (
        (f"/members/{member.id}/award", {"points": "50", "reason": "Purchase"}),
        ("/locations/new", {"name": " "}),
        ("/devices/new", {"name": "Till 1", "location_id": "lct_none", "idle_minutes": "5"}),
    ):
        form = {**manager.get(path).fields(path), **typed}
        refused = manager.post(path, form)
        assert refused.status in {400, 404, 422}, path
        assert refused.fields(path)["once"] not in {"", form["once"]}, path


def test_what_may_have_counted_before_a_sign_in_ended_is_sent_with_its_key(
    cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    form = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}
    # Its answer is lost, the sign-in ends, and it is sent again.
    manager.post(path, form)
    factories.end_sessions(cast)
    manager.post(path, form)
    manager.sign_in("manager")

    page = manager.get(path)
    manager.post(path, page.fields(path))

    assert "Not sent yet." in page.text
    assert factories.reload(cast, member).balance == 50
    assert "counted once" in manager.get(f"/members/{member.id}").text


@pytest.mark.parametrize("act", ["award", "redeem"])
def test_what_may_have_counted_at_the_counter_is_sent_with_its_key(
    cast: Cast, cashier: Visitor, act: str
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 1000)
    reward = factories.make_reward(cast, counter_key=3)
    shown, path = f"/counter?member={member.id}", f"/counter/members/{member.id}/{act}"
    typed = {"spent": "4.20"} if act == "award" else {"offer": f"{reward.id} 450"}
    form = {**cashier.get(shown).fields(path), **typed}
    cashier.post(path, form)
    factories.end_sessions(cast)
    cashier.post(path, form, Referer=f"http://localhost{shown}")
    cashier.sign_in("cashier")

    page = cashier.get(shown)
    answer = cashier.post(path, {**page.fields(path), **typed})

    assert "Send it again; it cannot count twice." in page.text
    assert answer.status == 303
    assert factories.reload(cast, member).entry_count == 2


def test_a_search_among_the_redemptions_keeps_their_state(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    shown = f"/redemptions?status=confirmed&q={redemption.code}"

    page = manager.get(shown)

    hidden = {each.get("name"): each.get("value") for each in page.elements("input")}
    assert hidden["status"] == "confirmed"
    (cancel,) = [link for link in page.links() if link.endswith("/cancel") or "/cancel?" in link]
    assert f"status=confirmed&q={redemption.code}" in unquote(cancel)


def test_the_money_that_is_owed_is_said_where_one_value_is_known(
    cast: Cast, manager: Visitor
) -> None:
    factories.award(cast, factories.enrol(cast), 1000)
    assert "owed in treats" in manager.get("/").text

    factories.make_program(cast, name="Second", point_value_thousandths=9)

    assert "owed in treats" not in manager.get("/").text


def test_a_code_in_another_state_is_not_said_to_be_unknown(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    factories.cancel(cast, redemption)

    page = manager.get(f"/redemptions?status=confirmed&q={redemption.code}")

    assert f"{redemption.code_shown} is in another state: cancelled." in page.text
    assert f"/redemptions?q={redemption.code}" in page.links()


def test_who_cancels_what_was_handed_over_is_told_so(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    path = f"/redemptions/{redemption.id}/cancel"
    assert "It was handed over" not in manager.get(path).text

    factories.fulfil(cast, redemption)

    assert "It was handed over" in manager.get(path).text


@pytest.mark.parametrize("is_taken", [False, True])
def test_an_archived_reward_gets_its_key_back_by_undo_if_it_is_free(
    cast: Cast, manager: Visitor, is_taken: bool
) -> None:
    reward = factories.make_reward(cast, counter_key=3)
    other = factories.make_reward(cast, "Tea")
    form = manager.get(f"/rewards/{reward.id}/edit").fields(f"/rewards/{reward.id}/archive")
    manager.post(f"/rewards/{reward.id}/archive", form)
    if is_taken:
        factories.edit_reward(cast, other, counter_key=3)

    manager.press("/rewards", f"/rewards/{reward.id}/restore?key=3")

    assert factories.reload_reward(cast, reward).counter_key == (None if is_taken else 3)
    assert factories.reload_reward(cast, other).counter_key == (3 if is_taken else None)


def test_a_program_that_gives_nothing_for_purchases_says_so(cast: Cast, cashier: Visitor) -> None:
    member = factories.enrol(cast)
    factories.edit_program(cast, earn_points_per_unit=0)
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "25.00"}

    assert "Purchases earn no points at present." in cashier.post(path, form).text

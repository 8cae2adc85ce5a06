"""The counter without scripts: plain forms, one effect each, and clear refusals."""

from __future__ import annotations

import json

import pytest

from app.models.members import Member
from app.services import redemptions
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.pages import Visitor


@pytest.fixture
def member(cast: Cast) -> Member:
    """Give a regular with 560 points."""
    found = factories.enrol(cast, "Kwame Mensah", phone="+353 87 123 4471", card_number="98260042")
    factories.award(cast, found, 560)
    return found


@pytest.mark.parametrize("typed", ["98260042", "4471", "kwame", "4471 kw", "KWAME MENSAH"])
def test_who_is_meant_opens_at_once(cashier: Visitor, member: Member, typed: str) -> None:
    assert "560 points" in cashier.get(f"/counter?q={typed}").text


def test_an_exact_card_opens_though_others_match(cast: Cast, cashier: Visitor) -> None:
    factories.enrol(cast, "Long Card", card_number="9826004299")
    exact = factories.enrol(cast, "Short Card", card_number="98260042")

    page = cashier.get("/counter?q=98260042")

    assert f"/counter/members/{exact.id}/redeem" in str(page.response.get_data(as_text=True))


def test_an_id_that_reads_like_a_name_opens_though_others_match(
    cast: Cast, cashier: Visitor
) -> None:
    factories.enrol(cast, "Aoife Byrne")
    exact = factories.enrol(cast, "Priyanka Iyer", customer_id="aoife")

    page = cashier.get("/counter?q=aoife")

    assert f"/counter/members/{exact.id}/redeem" in str(page.response.get_data(as_text=True))


def test_a_code_that_reads_like_a_name_is_a_code(
    cast: Cast, cashier: Visitor, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redemptions, "new_code", lambda: "KWAMEZ")
    factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))

    assert "Any hot drink Done. Hand it over." in cashier.get("/counter?q=kwamez").text


def test_a_code_shows_what_is_to_be_handed_over_and_only_once(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))
    path = f"/counter/redemptions/{redemption.id}/fulfil"

    shown = cashier.get(f"/counter?q={redemption.code_shown}")
    done = cashier.post(path, shown.fields(path))
    again = cashier.post(path, shown.fields(path))
    other = cashier.get(f"/counter?q={redemption.code}")

    assert "Kwame Mensah" in shown.text
    assert "Any hot drink Done. Hand it over." in shown.text
    assert "Handed over" in done.text
    assert "already" not in done.text
    for page in (again, other):
        assert "This was handed over already" in page.text
        assert path not in str(page.response.get_data(as_text=True))
    assert len(records.events_of(cast, "loyalty.redemption.fulfilled")) == 1


def test_a_code_of_what_was_cancelled_gives_nothing(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))
    path = f"/counter/redemptions/{redemption.id}/fulfil"
    form = cashier.get(f"/counter?redemption={redemption.id}").fields(path)
    factories.cancel(cast, redemption)

    assert "Hand over nothing." in cashier.get(f"/counter?q={redemption.code_shown}").text
    refused = cashier.post(path, form)

    assert refused.status == 422
    assert "was cancelled, so it can't be handed over" in refused.text
    assert cashier.post(path, {**form, "csrf_token": "old"}).status == 422


def test_a_card_that_reads_like_a_code_is_a_card(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))
    factories.enrol(cast, "Priyanka Iyer", card_number=redemption.code)

    assert "Who is it?" in cashier.get(f"/counter?q={redemption.code}").text


def test_several_are_listed_who_was_here_last_first(cast: Cast, cashier: Visitor) -> None:
    first = factories.enrol(cast, "Aoife Byrne")
    factories.enrol(cast, "Aoife Brady")
    factories.award(cast, first, 5)

    page = cashier.get("/counter?q=aoife")

    assert page.text.index("Aoife Byrne") < page.text.index("Aoife Brady")
    assert "Who is it?" in page.text


def test_nobody_is_found_and_the_nearest_is_offered(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    page = cashier.get("/counter?q=kwmae")

    assert "Nobody matches “kwmae”" in page.text
    assert f"/counter?member={member.id}" in page.links()
    assert any(link.startswith("/members/new?") and "typed=kwmae" in link for link in page.links())


def test_a_card_that_was_scanned_is_enrolled_as_a_card(cashier: Visitor, member: Member) -> None:
    page = cashier.get("/counter?q=5012345678900&scanned=1")
    (path,) = [link for link in page.links() if link.startswith("/members/new?")]

    form = cashier.get(path).fields("/members/new")

    assert (form["card_number"], form["phone"], form["name"]) == ("5012345678900", "", "")


def test_a_key_redeems_once_by_a_plain_form(cast: Cast, cashier: Visitor, member: Member) -> None:
    reward = factories.make_reward(cast, counter_key=3)
    path = f"/counter/members/{member.id}/redeem"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "offer": f"{reward.id} 450"}

    first, again = (cashier.post(path, form) for _ in range(2))

    assert first.status == again.status == 303
    assert first.location == again.location
    slip = cashier.get(first.location)
    assert "Any hot drink Done. Hand it over." in slip.text
    assert "560 to 110" in slip.text
    assert factories.reload(cast, member).entry_count == 2


def test_a_price_that_changed_meanwhile_is_not_paid(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    reward = factories.make_reward(cast, counter_key=3)
    path = f"/counter/members/{member.id}/redeem"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "offer": f"{reward.id} 450"}
    factories.edit_reward(cast, reward, points_cost=500)

    answer = cashier.post(path, form)

    assert answer.status == 422
    assert factories.reload(cast, member).balance == 560


def test_a_purchase_keeps_the_rule_that_decided(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "4.20"}

    done = cashier.post(path, form)
    cashier.post(path, form)

    assert "+42 points" in cashier.get(done.location).text
    assert factories.reload(cast, member).balance == 602


def test_a_purchase_that_is_sent_again_counts_once_though_it_would_earn_nothing_now(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "4.20"}
    first = cashier.post(path, form)
    factories.edit_program(cast, earn_points_per_unit=0)

    again = cashier.post(path, form)
    other = cashier.post(path, {**form, "spent": "4.30"})

    assert (again.status, again.location) == (303, first.location)
    assert other.status == 409
    assert factories.reload(cast, member).balance == 602


@pytest.mark.parametrize("spent", ["", "0", "0.00", "four", "1.234", "-4", "9" * 30, "0.01"])
def test_a_wrong_amount_awards_nothing_and_stays(
    cast: Cast, cashier: Visitor, member: Member, spent: str
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": spent}

    answer = cashier.post(path, form)

    assert answer.status == 422
    assert answer.fields(path)["spent"] == spent
    assert factories.reload(cast, member).entry_count == 1


def test_more_than_a_cashier_may_give_is_refused(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "101.00"}

    answer = cashier.post(path, form)

    assert answer.status == 403
    assert "The limit is 1,000 points at once. A manager can approve it here." in answer.text


def test_what_an_amount_earns_is_said_before(cashier: Visitor, member: Member) -> None:
    assert "42 points" in cashier.get(f"/counter/members/{member.id}/earns?spent=4.20").text
    assert "0 points" in cashier.get(f"/counter/members/{member.id}/earns?spent=four").text


def test_undo_at_the_counter_counts_once(cast: Cast, cashier: Visitor, member: Member) -> None:
    reward = factories.make_reward(cast, counter_key=3)
    redemption = factories.redeem(cast, member, reward, by=cast.cashier)
    slip = f"/counter?redemption={redemption.id}"
    undo = f"/counter/redemptions/{redemption.id}/undo"
    form = cashier.get(slip).fields(undo)

    for _ in range(2):
        assert cashier.post(undo, form).status == 200

    assert factories.reload(cast, member).balance == 560
    assert factories.reload(cast, member).entry_count == 3
    assert "Cancelled. The points were given back." in cashier.get(slip).text


def test_an_undo_that_is_refused_says_why_and_leaves_the_slip(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast), by=cast.manager)
    undo = f"/counter/redemptions/{redemption.id}/undo"
    form = cashier.get(f"/counter?redemption={redemption.id}").fields(undo)

    answer = cashier.post(undo, form)

    assert answer.status == 403
    assert "a manager has to" in answer.text.lower()
    assert redemption.code_shown in answer.text
    assert factories.reload(cast, member).balance < 560


def test_the_slip_of_an_award_says_that_it_was_undone(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    entry = factories.award(cast, member, 40, by=cast.cashier)
    slip, undo = f"/counter?award={entry.id}", f"/counter/awards/{entry.id}/undo"
    form = cashier.get(slip).fields(undo)

    assert "Undone. 40 points taken back." in cashier.post(undo, form).text

    page = cashier.get(slip)
    assert "Undone. 40 points taken back." in page.text
    assert undo not in page.text


def test_a_slip_and_a_receipt_name_who_served(cast: Cast, manager: Visitor, member: Member) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast), by=cast.cashier)

    for path in (f"/counter?redemption={redemption.id}", f"/counter/receipts/{redemption.id}"):
        # The page's frame names who looks at it: the manager.
        assert "Cashier" in manager.get(path).text


def test_a_closed_member_can_have_nothing(cast: Cast, cashier: Visitor, member: Member) -> None:
    factories.make_reward(cast, counter_key=3)
    factories.close(cast, member)

    page = cashier.get(f"/counter?member={member.id}")

    assert "Closed" in page.text
    assert "Membership closed" in page.text


def test_the_receipt_says_what_was_bought(cast: Cast, cashier: Visitor, member: Member) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast))

    page = cashier.get(f"/counter/receipts/{redemption.id}")

    assert redemption.code_shown in page.text
    assert "TEST, not for a customer" in page.text


def test_a_viewer_has_no_counter(viewer: Visitor) -> None:
    assert viewer.get("/counter").status == 403
    assert "/counter" not in viewer.get("/").links()


def test_another_workspaces_things_are_not_there(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    redemption = factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))
    cashier.go_live()

    for path in (
        f"/counter?member={member.id}",
        f"/counter?redemption={redemption.id}",
        "/counter?award=ptx_1",
        f"/counter/receipts/{redemption.id}",
        f"/counter/members/{member.id}/earns?spent=1",
    ):
        assert cashier.get(path).status == 404, path


HTMX = {"HX_Request": "true", "HX_Target": "counter-stage"}


def test_a_page_that_shows_the_other_mode_is_loaded_anew(
    cast: Cast, manager: Visitor, member: Member
) -> None:
    opened = manager.get(f"/counter?member={member.id}")
    path = f"/counter/members/{member.id}/award"
    form = {**opened.fields(path), "spent": "4.20"}
    here = {**HTMX, "X_Workspace": cast.workspace_id}
    assert manager.get("/counter/find?q=kw", **here).status == 200
    manager.go_live()

    for answer in (
        manager.get("/counter/find?q=kw", **here),
        manager.get(f"/counter?member={member.id}", **here),
        manager.post(path, form, **here),
    ):
        assert answer.status == 204
        assert answer.response.headers["HX-Redirect"] == "/counter"
    listed = manager.get("/members?q=kw", HX_Request="true", X_Workspace=cast.workspace_id)
    assert listed.response.headers["HX-Refresh"] == "true"
    assert "You are in Live now." in manager.get("/counter").text
    assert factories.reload(cast, member).entry_count == 1


def test_every_page_says_in_which_workspace_it_was_opened(cast: Cast, cashier: Visitor) -> None:
    (body,) = cashier.get("/counter").elements("body")

    assert json.loads(str(body.get("hx-headers"))) == {"X-Workspace": cast.workspace_id}


def test_an_error_takes_the_line_above_the_stage_and_not_its_place(cashier: Visitor) -> None:
    answer = cashier.client.get(
        "/counter?member=loy_nobody", headers={"HX-Request": "true", "HX-Target": "counter-stage"}
    )

    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#counter-net"
    assert answer.get_data(as_text=True) == "There is no such member here."


@pytest.mark.parametrize(("act", "typed"), [("award", {"spent": "3.00"}), ("redeem", {})])
def test_what_is_sent_after_the_sign_in_had_ended_is_told_at_the_same_member(
    cast: Cast, cashier: Visitor, member: Member, act: str, typed: dict[str, str]
) -> None:
    reward = factories.make_reward(cast, counter_key=3)
    offer = {"offer": f"{reward.id} 450"} if act == "redeem" else {}
    shown, path = f"/counter?member={member.id}", f"/counter/members/{member.id}/{act}"
    form = {**cashier.get(shown).fields(path), **typed, **offer}
    factories.end_sessions(cast)

    sign_in_page = cashier.post(path, form, Referer=f"http://localhost{shown}")
    fields = cashier.get(sign_in_page.location).fields()
    back = cashier.post(
        sign_in_page.location,
        {**fields, "email": "cashier@harbour.example.com", "password": factories.PASSWORD},
    )
    page = cashier.get(back.location)

    assert back.location == shown
    assert (
        "You were signed out before this was sent. Send it again; it cannot count twice."
        in page.text
    )
    assert page.fields(f"/counter/members/{member.id}/award")["spent"] == typed.get("spent", "")
    assert "signed out before" not in cashier.get(shown).text
    assert factories.reload(cast, member).entry_count == 1


@pytest.mark.parametrize(
    ("spent", "points"), [("1,234.50", 12_345), (".50", 5), ("1 000", 10_000), ("4,20", 42)]
)
def test_an_amount_is_read_as_people_write_it(
    cast: Cast, manager: Visitor, member: Member, spent: str, points: int
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**manager.get(f"/counter?member={member.id}").fields(path), "spent": spent}

    assert manager.post(path, form).status == 303
    assert factories.reload(cast, member).balance == 560 + points


def test_nobody_is_asked_to_approve_where_nobody_can(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "500"}

    answer = cashier.post(path, form)

    assert answer.status == 403
    assert "Approve and award" not in answer.text
    assert any("data-focus" in each.attrib for each in answer.elements("div"))


def test_more_hits_than_are_shown_are_told(cast: Cast, cashier: Visitor) -> None:
    for number in range(9):
        factories.enrol(cast, f"Mary {number}")

    assert "More match." in cashier.get("/counter?q=mary").text
    assert "More match." not in cashier.get("/counter?q=mary 1").text


def test_an_amount_that_was_not_sent_comes_back_on_the_slip_too(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    entry = factories.award(cast, member, 40, by=cast.cashier)
    slip, path = f"/counter?award={entry.id}", f"/counter/members/{member.id}/award"
    form = {**cashier.get(slip).fields(path), "spent": "4.20"}
    factories.end_sessions(cast)
    cashier.post(path, form, Referer=f"http://localhost{slip}")
    cashier.sign_in("cashier")

    page = cashier.get(slip)

    assert "You were signed out before this was sent." in page.text
    assert page.fields(path)["spent"] == "4.20"
    assert "42 points" in page.text
    assert cashier.post(path, page.fields(path)).status == 303

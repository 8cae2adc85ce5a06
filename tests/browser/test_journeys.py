"""A cashier's journeys by keyboard, without a reload where a partial is promised."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.services.members.search import matches
from tests import factories
from tests.browser.conftest import sign_in
from tests.browser.test_counter import scan, unanswered
from tests.cast import Cast
from tests.support.api import Program, make_secret


def count_reloads(page: Page) -> list[str]:
    """Note every load of a whole page from now on."""
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    return loads


def test_a_member_is_found_while_typing_without_a_reload(
    cast: Cast, manager: Page, address: str
) -> None:
    factories.enrol(cast, "Hana Kovářová")
    factories.enrol(cast, "Kwame Mensah")
    manager.goto(f"{address}/members")
    loads = count_reloads(manager)

    manager.locator("#q").press_sequentially("kovarova")

    expect(manager.locator("#hits")).to_contain_text("1 member")
    expect(manager.get_by_role("link", name="Hana Kovářová").first).to_be_visible()
    expect(manager.locator("#q")).to_be_focused()
    assert "q=kovarova" in manager.url
    assert loads == []


def test_points_are_awarded_and_undone_by_keyboard(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}")
    loads = count_reloads(manager)

    manager.keyboard.press("a")
    expect(manager.locator("#points")).to_be_focused()
    manager.keyboard.type("250")
    manager.keyboard.press("Tab")
    manager.keyboard.type("Purchase")
    manager.keyboard.press("Enter")

    expect(manager.locator("#toast")).to_contain_text("+250 points for Ngozi Okafor.")
    expect(manager.locator(".r-facts .pts-xl")).to_have_text("250")
    expect(manager.get_by_role("heading", level=1)).to_be_focused()
    manager.keyboard.press("u")
    expect(manager.locator("#toast")).to_contain_text("Undone.")
    expect(manager.locator(".r-facts .pts-xl")).to_have_text("0")
    assert loads == []
    assert factories.reload(cast, member).entry_count == 2


def test_enter_right_after_the_dialog_opens_needs_no_reload(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}")
    loads = count_reloads(manager)
    manager.evaluate(
        """() => document.addEventListener("htmx:afterSwap", () => setTimeout(() => {
             document.querySelector("#points").value = "250";
             document.querySelector("#reason").value = "Purchase";
             document.querySelector("#ledger-award-form").requestSubmit();
           }), { once: true })"""
    )

    manager.keyboard.press("a")

    expect(manager.locator("#toast")).to_contain_text("+250 points for Ngozi Okafor.")
    assert loads == []


def test_a_wrong_number_keeps_the_dialog_and_what_was_typed(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}")

    manager.keyboard.press("a")
    manager.locator("#points").fill("450.5")
    manager.locator("#reason").fill("Purchase")
    manager.keyboard.press("Enter")

    expect(manager.locator("#points-error")).to_have_text("Whole points only, for example 450.")
    expect(manager.locator("#points")).to_have_value("450.5")
    expect(manager.locator("#reason")).to_have_value("Purchase")


def test_a_double_click_awards_once(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}/award")
    manager.locator("#points").fill("50")
    manager.locator("#reason").fill("Purchase")

    manager.get_by_role("button", name="Award points").dblclick()

    expect(manager.locator("#toast")).to_contain_text("+50 points")
    assert factories.reload(cast, member).balance == 50


def test_a_reward_is_redeemed_and_cancelled(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    factories.make_reward(cast)
    manager.goto(f"{address}/members/{member.id}")
    loads = count_reloads(manager)

    manager.keyboard.press("r")
    manager.get_by_role("button", name="Any hot drink").click()
    expect(manager.locator("#toast")).to_contain_text("Any hot drink. Hand it over.")
    expect(manager.locator(".r-facts .pts-xl")).to_have_text("50")
    manager.get_by_role("link", name="Cancel Any hot drink").click()
    manager.get_by_role("button", name="Give back 450 points").click()

    expect(manager.locator(".r-facts .pts-xl")).to_have_text("500")
    assert loads == []


def test_a_reversal_shows_its_effect_before_it_is_done(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 450)
    factories.redeem(cast, member, factories.make_reward(cast))
    manager.goto(f"{address}/members/{member.id}")

    manager.get_by_role("link", name="Reverse Purchase").click()
    expect(manager.locator("#ledger-effect")).to_contain_text("will owe 450 points")
    manager.get_by_label("A part").check()
    manager.get_by_label("Points to take back").fill("100")
    expect(manager.locator("#ledger-effect")).to_contain_text("will owe 100 points")
    manager.get_by_role("button", name="Reverse").click()

    expect(manager.locator(".r-facts .pts-xl")).to_have_text("−100")


def test_escape_keeps_everything(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 450)
    manager.goto(f"{address}/members/{member.id}")
    manager.get_by_role("link", name="Reverse Purchase").click()
    expect(manager.locator("#dialog")).to_be_visible()

    manager.keyboard.press("Escape")

    expect(manager.locator("#dialog")).to_be_hidden()
    assert factories.reload(cast, member).balance == 450


def test_the_preview_follows_the_reward_form(cast: Cast, manager: Page, address: str) -> None:
    factories.award(cast, factories.enrol(cast), 500)
    manager.goto(f"{address}/rewards/new")

    manager.get_by_label("Points cost").fill("400")
    expect(manager.locator("#rewards-preview .pts-xl")).to_have_text("1")
    manager.get_by_label("Points cost").fill("600")
    expect(manager.locator("#rewards-preview .pts-xl")).to_have_text("0")


def test_more_members_are_loaded_below_the_first(cast: Cast, manager: Page, address: str) -> None:
    for number in range(30):
        factories.enrol(cast, f"Member {number}")
    manager.goto(f"{address}/members")
    loads = count_reloads(manager)

    manager.get_by_role("link", name="Load 25 more").click()

    expect(manager.locator("#members-rows tr")).to_have_count(30)
    expect(manager.locator("#members-more")).to_contain_text("That is all of them.")
    assert loads == []


def test_of_too_many_matches_the_first_are_shown_and_typing_on_finds_one(
    cast: Cast, manager: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "KNOWN_MAX", 10)
    for number in range(30):
        factories.enrol(cast, f"Member {number}")

    manager.goto(f"{address}/members?q=member")

    expect(manager.locator("#hits")).to_contain_text("More than 10 match. Type more to find one.")
    expect(manager.locator("#members-rows tr")).to_have_count(10)
    expect(manager.locator("#members-results .r-more")).to_have_text(
        "The first 10, in order of the name."
    )
    manager.locator("#q").fill("member 29")
    expect(manager.locator("#hits")).to_contain_text("1 member matches “member 29”.")


def test_today_shows_what_happens_elsewhere_by_itself(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast, "Hana Kovářová")
    manager.clock.install()
    manager.goto(address)
    loads = count_reloads(manager)
    expect(manager.locator("#reports-activity")).to_contain_text("Joined")

    factories.award(cast, member, 84, reason="Purchase, €8.40")
    manager.clock.run_for(11_000)

    expect(manager.locator("#reports-activity")).to_contain_text("Purchase, €8.40")
    manager.get_by_role("button", name="Pause").click()
    factories.award(cast, member, 5, reason="Review")
    manager.clock.run_for(31_000)
    expect(manager.locator("#reports-activity")).not_to_contain_text("Review")
    expect(manager.locator("#reports-activity")).not_to_have_attribute("aria-busy", "true")
    manager.get_by_role("button", name="Go on").click()
    manager.clock.run_for(11_000)
    expect(manager.locator("#reports-activity")).to_contain_text("Review")
    # Nor is it taken away from under who is in it.
    link = manager.locator("#reports-activity a").first
    link.focus()
    factories.award(cast, member, 6, reason="Survey")
    manager.clock.run_for(11_000)
    expect(link).to_be_focused()
    expect(manager.locator("#reports-activity")).not_to_contain_text("Survey")
    assert loads == []


def test_the_rules_form_says_who_moves(cast: Cast, manager: Page, address: str) -> None:
    factories.award(cast, factories.enrol(cast), 600)
    manager.goto(f"{address}/programs/{cast.program_id}/edit")

    manager.get_by_label("From points").nth(1).fill("900")

    expect(manager.locator("#programs-preview")).to_contain_text("1 member loses a tier.")


def test_letters_are_no_keys_for_who_switched_them_off(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/you")
    manager.get_by_label("Single letters are keys").uncheck()
    manager.get_by_role("button", name="Save your screen").click()
    manager.goto(f"{address}/members/{member.id}")

    manager.keyboard.press("a")

    expect(manager.locator("#dialog")).to_be_hidden()


def test_a_key_is_rolled_and_the_guide_turns_green_by_itself(
    cast: Cast, app: Flask, owner: Page, address: str
) -> None:
    api = Program(app, make_secret(cast))
    owner.clock.install()
    owner.goto(f"{address}/developers")
    loads = count_reloads(owner)
    expect(owner.locator("#developers-guide")).to_contain_text("0 of 8")

    api.post("/loyalty/accounts", {"programId": cast.program_id, "customerId": "cust_1"})
    api.logged()
    owner.clock.run_for(6_000)

    expect(owner.locator("#developers-guide")).to_contain_text("1 of 8")
    owner.get_by_role("link", name="Roll Till server").click()
    expect(owner.get_by_label("The old key ends")).to_be_focused()
    assert loads == []
    owner.get_by_role("button", name="Roll the key").click()
    expect(owner.get_by_label("Copy it now.")).to_have_value(re.compile("^sk_test_"))
    owner.get_by_role("link", name="Done, I copied it").click()
    expect(owner.locator("main")).to_contain_text("Ends ")


def test_enter_twice_shows_the_link_of_an_invitation(page: Page, address: str, cast: Cast) -> None:
    sign_in(page, address, "owner")
    page.goto(f"{address}/staff/invite")
    page.get_by_label("Name").fill("Aisha Bello")
    page.get_by_label("Email").fill("aisha@harbour.example.com")
    page.get_by_label("Email").focus()

    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    expect(page.locator("#link")).to_have_value(re.compile("/join/"))


def test_the_danger_button_names_the_part_that_is_taken_back(
    page: Page, address: str, cast: Cast
) -> None:
    member = factories.enrol(cast, "Ngozi Okafor")
    entry = factories.award(cast, member, 200)
    sign_in(page, address, "manager")
    page.goto(f"{address}/members/{member.id}")
    page.locator(f'a[href="/ledger/{entry.id}/reverse"]').first.click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("button", name="Reverse 200 points")).to_be_visible()

    dialog.get_by_label("Points to take back").fill("30")

    expect(dialog.get_by_label("A part")).to_be_checked()
    dialog.get_by_role("button", name="Reverse 30 points").click()
    expect(page.get_by_text("30 points reversed")).to_be_visible()
    assert factories.reload(cast, member).balance == 170


def test_a_filter_keeps_what_was_typed_since_the_page_came(
    cast: Cast, manager: Page, address: str
) -> None:
    factories.enrol(cast, "Hana Kovářová")
    factories.enrol(cast, "Kwame Mensah")
    manager.goto(f"{address}/members")
    manager.locator("#q").press_sequentially("kovarova")
    expect(manager.locator("#hits")).to_contain_text("1 member")

    manager.get_by_role("link", name="Active").click()

    expect(manager.locator("#q")).to_have_value("kovarova")
    expect(manager.locator("#hits")).to_contain_text("1 member")
    expect(manager).to_have_url(re.compile("status=active"))
    manager.locator("#q").fill("")
    expect(manager.locator("#hits")).to_contain_text("2 members")
    manager.get_by_role("link", name="Active").click()
    expect(manager).to_have_url(f"{address}/members")


def test_who_loads_more_goes_on_from_there(cast: Cast, manager: Page, address: str) -> None:
    for number in range(60):
        factories.enrol(cast, f"Member {number}")
    manager.goto(f"{address}/members")
    more = manager.get_by_role("link", name="Load 25 more")
    more.focus()

    manager.keyboard.press("Enter")
    expect(manager.locator("#members-more")).to_contain_text("50 of 60")
    expect(more).to_be_focused()
    manager.keyboard.press("Enter")

    expect(manager.locator("#members-more")).to_contain_text("That is all of them.")
    expect(manager.locator("#members-more")).to_be_focused()


def test_a_card_can_be_printed_after_it_was_given_a_number(
    cast: Cast, manager: Page, address: str
) -> None:
    manager.add_init_script("window.print = () => { window.printed = (window.printed || 0) + 1; };")
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}/card")
    manager.get_by_role("button", name="Give it a number").click()
    expect(manager.get_by_role("button", name="Give it a number")).to_have_count(0)

    manager.get_by_role("button", name="Print").click()

    assert manager.evaluate("window.printed") == 1


def test_keys_lead_nowhere_where_one_may_not_go(page: Page, address: str, cast: Cast) -> None:
    sign_in(page, address, "viewer")
    page.goto(f"{address}/members")
    for key in ("c", "g", "s", "g", "d"):
        page.keyboard.press(key)
    page.keyboard.press("g")
    page.keyboard.press("r")

    expect(page).to_have_url(f"{address}/rewards")
    expect(page.locator("h1")).to_have_text("Rewards")


@pytest.mark.broken_network
def test_an_act_that_gets_no_answer_says_so_in_its_dialog(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}")
    manager.keyboard.press("a")
    manager.locator("#points").fill("50")
    manager.locator("#reason").fill("Purchase")
    manager.route("**/award", lambda route: route.abort())
    manager.locator("#reason").press("Enter")

    said = manager.locator("#dialog [data-failure]")
    expect(said).to_be_focused()
    expect(said).to_contain_text("Try again: it cannot count twice.")
    manager.unroute("**/award")
    manager.get_by_role("button", name="Award", exact=False).last.click()
    expect(manager.locator("#toast")).to_contain_text("+50 points")
    assert factories.reload(cast, member).balance == 50


@pytest.mark.broken_network
def test_a_page_that_does_not_come_after_an_act_does_not_call_for_it_again(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}")
    manager.keyboard.press("a")
    manager.locator("#points").fill("50")
    manager.locator("#reason").fill("Purchase")
    manager.route(f"**/members/{member.id}", lambda route: route.abort())
    manager.locator("#reason").press("Enter")

    expect(manager.locator("#toast")).to_contain_text(
        "Reload the page: it shows what has happened."
    )
    expect(manager.locator("#toast")).not_to_contain_text("Try again")
    assert factories.reload(cast, member).balance == 50


def test_a_ledger_that_is_narrowed_keeps_the_focus_and_outlives_a_reload(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    factories.redeem(cast, member, factories.make_reward(cast))
    manager.goto(f"{address}/members/{member.id}")
    expect(manager.locator("#members-lines tr")).to_have_count(2)

    manager.locator("#kind").select_option("award")
    expect(manager.locator("#members-lines tr")).to_have_count(1)
    expect(manager).to_have_url(re.compile("kind=award"))
    manager.locator("#since").fill("2020-01-01")
    manager.locator("#since").focus()
    expect(manager).to_have_url(re.compile("since=2020-01-01"))
    expect(manager.locator("#since")).to_be_focused()
    manager.reload()

    expect(manager.locator("#members-lines tr")).to_have_count(1)
    expect(manager.locator("#kind")).to_have_value("award")


def test_a_form_on_its_own_page_shows_what_is_wrong_where_the_focus_is(
    cast: Cast, manager: Page, address: str
) -> None:
    member = factories.enrol(cast)
    manager.goto(f"{address}/members/{member.id}/award")
    manager.locator("#points").fill("many")
    manager.locator("#reason").fill("Purchase")
    manager.locator("#reason").press("Enter")

    expect(manager.locator("[data-focus]")).to_be_focused()
    expect(manager.locator("#points")).to_have_value("many")


@pytest.mark.parametrize("field", ["#name", "#phone", "#card_number"])
def test_a_card_scanned_into_a_persons_form_is_their_card_and_sends_nothing(
    cast: Cast, manager: Page, address: str, field: str
) -> None:
    for pause_at, suffix in [(0, "Enter"), (1, "Tab"), (4, "Enter"), (8, "Tab")]:
        manager.goto(f"{address}/members/new")
        manager.locator("#name").fill("Ines Scan")
        manager.locator(field).focus()
        scan(manager, "70099201", pause_ms=120, pause_at=pause_at, suffix=suffix)

        expect(manager.locator("#card_number")).to_have_value("70099201")
        expect(manager.locator("#card_number")).to_be_focused()
        expect(manager.locator("#name")).to_have_value("Ines Scan")
        expect(manager.locator("#phone")).to_have_value("")
    manager.get_by_role("button", name="Enrol", exact=True).click()
    expect(manager.get_by_role("heading", level=1)).to_have_text("Ines Scan")


def test_enrol_on_the_list_takes_along_what_was_typed(manager: Page, address: str) -> None:
    manager.goto(f"{address}/members?q=Z")
    manager.route("**/members?q=Zora*", unanswered)
    manager.locator("#q").fill("Zora Quist")
    manager.get_by_role("link", name="Enrol “Z”").click()

    expect(manager.get_by_label("Name")).to_have_value("Zora Quist")


def test_an_export_is_of_what_the_filters_hold_when_it_is_pressed(
    owner: Page, address: str
) -> None:
    owner.goto(f"{address}/audit")
    # The answer to the changed filter does not come.
    owner.route("**/audit?*", unanswered)
    owner.locator("#member").fill("loy_unknown")
    with owner.expect_download() as download:
        owner.get_by_role("link", name="Export").click()

    assert "member=loy_unknown" in download.value.url
    assert "who=" not in download.value.url


def test_a_double_click_on_hand_over_is_no_alarm(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 560)
    factories.redeem(cast, member, factories.make_reward(cast))
    manager.goto(f"{address}/redemptions")

    manager.get_by_role("button", name=re.compile("Hand over")).dblclick()

    expect(manager.locator("#toast")).to_contain_text("Handed over.")
    expect(manager.locator("#toast")).not_to_contain_text("already")

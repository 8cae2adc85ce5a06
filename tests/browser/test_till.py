"""A shared till by keyboard: who one is, a PIN, a manager's approval, and the lock."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests import factories
from tests.browser.conftest import sign_in
from tests.browser.test_counter import hold
from tests.cast import Cast
from tests.support import records

PIN = "271828"


@pytest.fixture
def till(cast: Cast, page: Page, address: str) -> Page:
    """Give a browser that is a till, on which nobody is signed in."""
    factories.take_pin(cast, "cashier", PIN)
    factories.take_pin(cast, "manager", "314159")
    token = factories.register_till(cast, idle_minutes=2).token
    page.context.add_cookies([{"name": "regulars_till", "value": token, "url": address}])
    page.goto(f"{address}/")
    return page


def open_counter(till: Page) -> Page:
    till.get_by_role("link", name="Cashier Person").click()
    expect(till.locator("#pin")).to_be_focused()
    till.keyboard.type(PIN, delay=60)
    expect(till.locator("#box")).to_be_focused()
    # The box has the focus from the first byte on; keys are heard when the scripts have run.
    till.wait_for_load_state()
    return till


def test_two_keys_and_a_pin_open_the_counter(till: Page) -> None:
    expect(till.get_by_role("link", name="Cashier Person")).to_be_focused()
    till.keyboard.press("Enter")
    expect(till.locator("#pin")).to_be_focused()
    till.keyboard.type(PIN, delay=60)

    expect(till.locator("#box")).to_be_focused()
    expect(till.get_by_text("Cashier, Till 1")).to_be_visible()


def test_a_wrong_pin_says_so_and_the_next_one_is_typed_at_once(till: Page) -> None:
    till.get_by_role("link", name="Cashier Person").click()
    expect(till.locator("#pin")).to_be_focused()
    till.keyboard.type("111112", delay=60)
    expect(till.locator("#pin-error")).to_have_text("This PIN is not right. Type it again.")
    expect(till.locator("#pin")).to_be_focused()
    till.keyboard.type(PIN, delay=60)
    expect(till.locator("#box")).to_be_focused()


def test_enter_after_the_last_digit_sends_no_second_try(till: Page, cast: Cast) -> None:
    till.get_by_role("link", name="Cashier Person").click()
    expect(till.locator("#pin")).to_be_focused()
    held: list[Route] = []
    path = f"**/till/{cast.cashier.id}"
    till.route(path, lambda route: hold(held, route))

    with till.expect_request(path):
        till.keyboard.type("111112")
    till.keyboard.press("Enter")
    held[0].continue_()

    expect(till.locator("#pin-error")).to_be_visible()
    assert len(held) == 1


def test_enter_after_the_answer_to_the_last_digit_sends_no_empty_pin(
    till: Page, cast: Cast
) -> None:
    till.get_by_role("link", name="Cashier Person").click()
    expect(till.locator("#pin")).to_be_focused()
    till.keyboard.type("111112")
    expect(till.locator("#pin-error")).to_have_text("This PIN is not right. Type it again.")
    sent: list[str] = []
    till.on("request", lambda request: sent.append(request.method))

    till.keyboard.press("Enter")
    till.keyboard.type(PIN)

    expect(till.locator("#box")).to_be_focused()
    assert sent.count("POST") == 1


def test_a_password_that_is_not_typed_is_asked_for_without_a_request(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/sign-in")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.locator("#email-error")).to_have_text("Type your email.")
    expect(page.locator("#password-error")).to_have_text("Type your password.")
    expect(page.get_by_label("Email")).to_be_focused()
    assert Axe().run(page).violations_count == 0
    assert "POST" not in sent

    page.get_by_label("Email").fill("cashier@harbour.example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/")


@pytest.mark.parametrize("field", ["pin", "code", "password"])
def test_no_form_sends_an_empty_secret(cast: Cast, page: Page, address: str, field: str) -> None:
    if field == "code":
        factories.set_up_app(cast, "cashier")
    sign_in(page, address, "cashier")
    path = {"pin": "/you/pin", "code": "/sign-in/code", "password": "/you/password"}[field]
    page.goto(f"{address}{path}")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    form = page.locator("form:has([data-empty])")
    form.get_by_role("button").last.click()

    expect(form.locator(".r-err").first).to_be_visible()
    assert form.locator("[data-empty]").count() == form.locator(".r-err").count()
    assert "POST" not in sent


def test_it_locks_itself_in_every_tab_when_nobody_touches_it(till: Page, address: str) -> None:
    till.clock.install()
    open_counter(till)
    other = till.context.new_page()
    other.clock.install()
    other.goto(f"{address}/members")

    till.clock.run_for(90_000)
    expect(till.locator("#box")).to_be_visible()
    till.mouse.move(10, 10)
    till.clock.run_for(90_000)
    expect(till.locator("#box")).to_be_visible()
    till.clock.run_for(40_000)

    expect(till.get_by_role("heading", name="Who is at the till?")).to_be_visible()
    expect(other.get_by_role("heading", name="Who is at the till?")).to_be_visible()
    other.close()


def test_l_locks_it_at_once(till: Page) -> None:
    open_counter(till)
    till.locator("#box").blur()
    till.keyboard.press("l")
    expect(till.get_by_role("heading", name="Who is at the till?")).to_be_visible()
    till.go_back()
    expect(till.locator("#box")).to_have_count(0)


def test_a_manager_approves_at_the_counter_by_keyboard(cast: Cast, till: Page) -> None:
    member = factories.enrol(cast, card_number="2900000004471")
    factories.limit(cast, "cashier", 100, None)
    open_counter(till)
    till.keyboard.insert_text("2900000004471")
    till.keyboard.press("Enter")
    expect(till.locator("#keypad")).to_be_focused()
    till.keyboard.press("a")
    expect(till.locator("#spent")).to_be_focused()
    till.keyboard.type("42.00", delay=60)
    till.keyboard.press("Enter")

    expect(till.locator("#approver_pin")).to_be_focused()
    expect(till.get_by_text("The limit is 100 points at once.")).to_be_visible()
    assert Axe().run(till).violations_count == 0
    till.keyboard.type("000001")
    till.keyboard.press("Enter")
    expect(till.get_by_text("This PIN is not right.").first).to_be_visible()
    expect(till.locator("#approver_pin")).to_be_focused()
    expect(till.locator("#box")).to_have_value("")
    till.keyboard.type("314159")
    till.keyboard.press("Enter")

    expect(till.locator("#done")).to_have_text("+420 points")
    (entry,) = records.entries_of(cast, member)
    assert (entry.actor_id, entry.approved_by) == (cast.cashier.id, cast.manager.id)


def test_a_manager_approves_in_the_dialog_without_a_reload(
    cast: Cast, page: Page, address: str
) -> None:
    factories.take_pin(cast, "manager", "314159")
    member = factories.enrol(cast)
    sign_in(page, address, "cashier")
    page.goto(f"{address}/members/{member.id}")
    page.keyboard.press("a")
    page.locator("#points").fill("5000")
    page.locator("#reason").fill("Competition")
    page.keyboard.press("Enter")

    expect(page.locator("#approver_pin")).to_be_focused()
    assert Axe().run(page).violations_count == 0
    page.keyboard.type("314159", delay=60)
    page.keyboard.press("Enter")

    expect(page.locator("#toast")).to_contain_text("+5,000 points")
    expect(page.get_by_text("approved by Manager Person")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_axe_finds_nothing_at_a_till(
    cast: Cast, till: Page, address: str, theme: str, size: tuple[int, int]
) -> None:
    till.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    till.set_viewport_size({"width": size[0], "height": size[1]})
    for path in ("/till", f"/till/{cast.cashier.id}"):
        till.goto(f"{address}{path}")
        assert Axe().run(till).violations_count == 0, path
        assert till.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_axe_finds_nothing_where_the_code_is_asked_for(
    cast: Cast, page: Page, address: str
) -> None:
    factories.set_up_app(cast, "cashier")
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill("cashier@harbour.example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    assert Axe().run(page).violations_count == 0

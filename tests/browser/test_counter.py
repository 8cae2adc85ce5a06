"""The counter as a cashier uses it: scanner, keyboard, touch, and a network that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import select, update

from app import clock
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.staff import StaffSession
from tests import factories
from tests.browser.conftest import sign_in
from tests.cast import Cast

CARD = "9826004217"


@pytest.fixture
def member(cast: Cast) -> Member:
    """Give a regular with 560 points, and a keypad of rewards."""
    found = factories.enrol(
        cast, "Kwame Mensah", phone="+353 87 123 4471", card_number=CARD, email="kw@example.com"
    )
    factories.award(cast, found, 560)
    factories.make_reward(cast, "Filter coffee", points_cost=300, counter_key=1)
    factories.make_reward(cast, "Any hot drink", points_cost=450, counter_key=3)
    factories.make_reward(cast, "Keep cup", points_cost=600, counter_key=5)
    factories.make_reward(cast, "Tasting", points_cost=100, counter_key=8, min_tier="gold")
    return found


@pytest.fixture
def counter(page: Page, address: str, member: Member) -> Page:
    """Give the counter with a cashier at it."""
    sign_in(page, address, "cashier")
    page.goto(f"{address}/counter")
    return page


def scan(
    page: Page,
    text: str,
    *,
    key_ms: int = 7,
    pause_ms: int = 0,
    pause_at: int = 0,
    busy_ms: int = 0,
    busy_at: int = 5,
    prefix: str = "",
    suffix: str = "Enter",
) -> None:
    """Press the keys of a hand scanner.

    Args:
        key_ms: the time between two keys.
        pause_ms: how much longer the scanner takes before one of the keys.
        pause_at: the index of that key; the suffix is the last one.
        busy_ms: how long the page is busy when it gets one of the keys.
        busy_at: the index of that key.
        prefix: the name of a key that comes first, or "".
        suffix: the name of the key that comes last, or "".
    """
    page.evaluate(
        """async ([text, keyMs, pauseMs, pauseAt, busyMs, busyAt, prefix, suffix]) => {
            const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
            const keys = [prefix, ...text, suffix].filter((key) => key);
            let pressedAt = performance.now();
            for (const [index, key] of keys.entries()) {
                if (index === pauseAt && pauseMs) {
                    await sleep(pauseMs);
                    pressedAt += pauseMs;
                }
                const busyUntil = performance.now() + (index === busyAt ? busyMs : 0);
                while (performance.now() < busyUntil);
                const target = document.activeElement || document.body;
                const event = new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
                // A real key says when it was pressed, however late the page gets to it.
                Object.defineProperty(event, "timeStamp", {value: (pressedAt += keyMs)});
                const goesOn = target.dispatchEvent(event);
                if (goesOn && key.length === 1 && "value" in target) {
                    target.value += key;
                    target.dispatchEvent(new Event("input", {bubbles: true}));
                }
                if (goesOn && key === "Enter" && target.matches("a, button")) target.click();
                else if (goesOn && key === "Enter" && target.form) target.form.requestSubmit();
                if (goesOn && key === "Tab") target.blur();
                await sleep(keyMs);
            }
        }""",
        [text, key_ms, pause_ms, pause_at, busy_ms, busy_at, prefix, suffix],
    )


def bought(cast: Cast) -> Redemption:
    """Give the one redemption that there is."""
    with cast.database.reading() as session:
        return session.scalars(select(Redemption)).one()


def on_stage(page: Page, state: str) -> None:
    expect(page.locator("#counter-stage")).to_have_attribute("data-state", state)
    if state == "member":
        # A key pressed before the page has let go of the box would be typed into it.
        expect(page.locator("#box")).not_to_be_focused()


def test_scan_and_one_digit_redeem(cast: Cast, counter: Page, member: Member) -> None:
    expect(counter.locator("#box")).to_be_focused()
    scan(counter, CARD)
    on_stage(counter, "member")
    expect(counter.locator("#keypad")).to_be_focused()
    counter.keyboard.press("3")

    on_stage(counter, "done")
    expect(counter.locator(".r-slip h2")).to_have_text("Any hot drink")
    expect(counter.locator(".r-slip .code")).to_have_text(re.compile(r"^\w{3}-\w{3}$"))
    expect(counter.locator(".r-slip")).to_contain_text("560 to 110")
    expect(counter.locator("#done")).to_be_focused()
    assert factories.reload(cast, member).balance == 110


def test_without_a_card_nine_key_presses_are_enough(
    cast: Cast, counter: Page, member: Member
) -> None:
    presses = ["4", "4", "7", "1", "Enter"]
    for key in presses:
        counter.keyboard.press(key, delay=60)
    on_stage(counter, "member")
    counter.keyboard.press("3")

    on_stage(counter, "done")
    assert len(presses) + 1 <= 9
    assert factories.reload(cast, member).balance == 110


def test_a_reward_is_marked_as_handed_over_by_a_key(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    counter.keyboard.press("h")
    expect(counter.locator(".r-slip")).to_contain_text("Handed over")
    redemption = bought(cast)
    assert redemption.status == "fulfilled"
    counter.keyboard.press("Escape")
    on_stage(counter, "idle")

    counter.keyboard.type(redemption.code_shown, delay=60)
    counter.keyboard.press("Enter")

    expect(counter.locator("#counter-stage .r-notice")).to_be_focused()
    expect(counter.locator("#counter-stage .r-notice")).to_contain_text("handed over already")


def test_undo_and_the_next_customer(cast: Cast, counter: Page, member: Member) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    counter.keyboard.press("u")
    on_stage(counter, "member")
    expect(counter.locator("#announcer")).to_have_text("Undone. 300 points given back.")
    expect(counter.locator("#counter-stage .r-notice")).to_have_text(
        "Undone. 300 points given back."
    )
    expect(counter.locator("#keypad")).to_be_focused()
    counter.keyboard.press("Escape")
    on_stage(counter, "idle")

    expect(counter.locator("#box")).to_be_focused()
    assert factories.reload(cast, member).balance == 560


def test_the_undo_key_ends_after_ten_seconds_and_the_button_stays(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    counter.clock.run_for(1000)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    counter.clock.run_for(1000)
    on_stage(counter, "done")
    counter.clock.run_for(11_000)
    counter.keyboard.press("u")
    counter.clock.run_for(1000)
    on_stage(counter, "done")
    assert factories.reload(cast, member).balance == 260

    counter.get_by_role("button", name="Undo").click()
    counter.clock.run_for(1000)
    on_stage(counter, "member")
    assert factories.reload(cast, member).balance == 560


def test_digits_in_the_box_spend_nothing(cast: Cast, counter: Page, member: Member) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.locator("#box").click()
    counter.keyboard.type("3333", delay=80)
    counter.keyboard.press("Enter")

    on_stage(counter, "hits")
    assert factories.reload(cast, member).entry_count == 1


NEW_CARD = "70001742"
"""A card whose end is the end of somebody's phone number."""


@pytest.fixture
def stranger(cast: Cast, member: Member) -> Member:
    """Return a member whose phone number ends like the card of another."""
    return factories.enrol(cast, "Someone Else", phone="+353 87 600 1742")


@pytest.mark.parametrize("suffix", ["Enter", "Tab"])
def test_a_scan_with_a_pause_anywhere_opens_its_own_member(
    cast: Cast, counter: Page, member: Member, stranger: Member, suffix: str
) -> None:
    factories.enrol(cast, "Card Owner", card_number=NEW_CARD)
    for pause_at in range(1, len(NEW_CARD) + 1):
        # One after the other begins on the idle counter and on the keypad of another member.
        if pause_at % 2:
            scan(counter, CARD)
            expect(counter.locator("#who")).to_have_text("Kwame Mensah")
            on_stage(counter, "member")
        scan(
            counter,
            NEW_CARD,
            pause_ms=150 if pause_at % 3 else 60,
            pause_at=pause_at,
            suffix=suffix,
        )
        expect(counter.locator("#who")).to_have_text("Card Owner")
        counter.keyboard.press("Escape")
        on_stage(counter, "idle")

    assert factories.reload(cast, member).balance == 560


@pytest.mark.parametrize("suffix", ["Enter", "Tab", ""])
def test_a_card_that_nobody_has_opens_nobody(
    cast: Cast, counter: Page, member: Member, stranger: Member, suffix: str
) -> None:
    for pause_at in (1, 2, 4, 8):
        scan(counter, NEW_CARD, pause_ms=60, pause_at=pause_at, suffix=suffix)
        on_stage(counter, "hits")
        expect(counter.locator("#box")).to_have_value(NEW_CARD)
        if not suffix:
            with counter.expect_response(re.compile(f"/counter.q={NEW_CARD}")):
                counter.locator("#box").press("Enter")
            on_stage(counter, "hits")
        expect(counter.locator("#counter-hits")).to_have_count(0)
        counter.keyboard.press("Escape")
        on_stage(counter, "idle")


def test_a_scan_that_ends_like_a_phone_number_is_only_offered(
    cast: Cast, counter: Page, member: Member, stranger: Member
) -> None:
    scan(counter, "1742")
    on_stage(counter, "hits")
    expect(counter.locator("[data-hit]")).to_have_text(re.compile("Someone Else"))
    # A scanner that ends in two of them.
    counter.keyboard.press("Enter")
    expect(counter.locator("#box")).to_be_focused()
    on_stage(counter, "hits")


@pytest.mark.parametrize("key_ms", [60, 100, 150])
def test_a_slow_scanner_opens_a_card_and_nothing_else(
    cast: Cast, counter: Page, member: Member, stranger: Member, key_ms: int
) -> None:
    factories.enrol(cast, "Card Owner", card_number=NEW_CARD)
    # Its last seven digits are those of the stranger's phone number.
    unknown = "26001742"
    scan(counter, CARD)
    on_stage(counter, "member")
    scan(counter, NEW_CARD, key_ms=key_ms)
    expect(counter.locator("#who")).to_have_text("Card Owner")
    on_stage(counter, "member")
    scan(counter, unknown, key_ms=key_ms)
    on_stage(counter, "hits")
    expect(counter.locator("#box")).to_have_value(unknown)

    assert factories.reload(cast, member).balance == 560


def test_a_scanner_that_sends_enter_first_presses_nothing(
    cast: Cast, counter: Page, member: Member
) -> None:
    factories.enrol(cast, "Card Owner", card_number=NEW_CARD)
    for key_ms in (7, 60, 150):
        for focused in ("[data-digit='1']", "#spent"):
            scan(counter, CARD)
            on_stage(counter, "member")
            expect(counter.locator("#keypad")).to_be_focused()
            if focused == "#spent":
                counter.locator(focused).fill("4.20")
            counter.locator(focused).focus()
            suffix = "" if focused == "#spent" else "Enter"
            scan(counter, NEW_CARD, key_ms=key_ms, prefix="Enter", suffix=suffix)
            if suffix:
                expect(counter.locator("#who")).to_have_text("Card Owner")
            counter.keyboard.press("Escape")
            on_stage(counter, "idle")

    assert factories.reload(cast, member).entry_count == 1


def test_a_card_takes_the_place_of_a_name_that_was_begun(
    cast: Cast, counter: Page, member: Member
) -> None:
    factories.enrol(cast, "Kwasi Mensah")
    counter.keyboard.type("mensah", delay=60)
    on_stage(counter, "hits")
    expect(counter.locator("[data-hit]")).to_have_count(2)
    scan(counter, CARD, pause_ms=500, pause_at=0)

    expect(counter.locator("#who")).to_have_text("Kwame Mensah")


def test_who_types_on_keeps_the_box_when_a_late_answer_comes(
    cast: Cast, counter: Page, member: Member
) -> None:
    held: list[Route] = []
    counter.route(re.compile(r"/counter\?q=4471"), lambda route: hold(held, route))
    counter.keyboard.type("4471", delay=60)
    with counter.expect_request(re.compile(r"/counter\?q=4471")):
        counter.keyboard.press("Enter")
    counter.keyboard.type("2", delay=0)
    held[0].continue_()
    expect(counter.locator("#box")).to_be_focused()
    counter.keyboard.type("33", delay=60)

    expect(counter.locator("#box")).to_have_value("4471233")
    on_stage(counter, "hits")
    assert factories.reload(cast, member).entry_count == 1


@pytest.mark.parametrize(("busy_ms", "busy_at"), [(0, 0), (60, 5), (190, 3)])
def test_the_next_card_scanned_on_the_keypad_spends_nothing(
    cast: Cast, counter: Page, member: Member, busy_ms: int, busy_at: int
) -> None:
    other = factories.enrol(cast, "Priyanka Iyer", card_number="3333333311")
    scan(counter, CARD)
    on_stage(counter, "member")
    expect(counter.locator("#keypad")).to_be_focused()
    scan(counter, "3333333311", busy_ms=busy_ms, busy_at=busy_at)

    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    assert factories.reload(cast, member).entry_count == 1
    assert factories.reload(cast, other).entry_count == 0


def test_a_scan_into_the_amount_is_a_scan_and_no_amount(
    cast: Cast, counter: Page, member: Member
) -> None:
    other = factories.enrol(cast, "Priyanka Iyer", card_number="3333333311")
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("a")
    expect(counter.locator("#spent")).to_be_focused()
    scan(counter, "3333333311")

    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    assert factories.reload(cast, other).entry_count == 0
    assert factories.reload(cast, member).entry_count == 1


def test_a_card_scanned_twice_opens_once(cast: Cast, counter: Page, member: Member) -> None:
    counter.clock.install()
    asked: list[str] = []
    counter.on("request", lambda sent: asked.append(sent.url) if "q=" in sent.url else None)
    scan(counter, CARD)
    on_stage(counter, "member")
    scan(counter, CARD)
    counter.clock.run_for(300)

    assert len([url for url in asked if "/counter?q=" in url]) == 1


def test_a_key_held_down_or_pressed_twice_redeems_once(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.down("1")
    for _ in range(5):
        counter.keyboard.down("1")
    counter.keyboard.up("1")
    on_stage(counter, "done")
    counter.keyboard.press("1")
    counter.clock.run_for(300)

    assert factories.reload(cast, member).entry_count == 2


def test_what_is_out_of_reach_stays_in_its_place_and_says_why(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    keys = counter.locator("#keypad > li")
    expect(keys).to_have_count(9)
    expect(keys.nth(4)).to_contain_text("Short by 40")
    expect(keys.nth(7)).to_contain_text("Gold and above")
    expect(counter.locator(".r-tip")).to_contain_text("40 more for Keep cup. A €4.00 purchase")

    counter.keyboard.press("5")

    expect(counter.locator("#counter-net")).to_contain_text("Short by 40 points")
    expect(counter.locator("[data-digit='5']")).to_be_focused()
    assert factories.reload(cast, member).entry_count == 1


def test_a_purchase_is_awarded_by_the_programs_rule(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("a")
    expect(counter.locator("#spent")).to_be_focused()
    counter.keyboard.type("4,20", delay=60)
    expect(counter.locator("#counter-earns")).to_have_text(re.compile(r"is\s+42\s+points"))
    counter.keyboard.press("Enter")

    on_stage(counter, "done")
    expect(counter.locator(".r-slip")).to_contain_text("560 to 602")
    assert factories.reload(cast, member).balance == 602


def test_a_wrong_amount_stays_and_is_told(cast: Cast, counter: Page, member: Member) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("a")
    expect(counter.locator("#spent")).to_be_focused()
    counter.keyboard.type("four", delay=60)
    counter.keyboard.press("Enter")

    expect(counter.locator("#counter-award [role=alert]")).to_be_visible()
    expect(counter.locator("#spent")).to_be_focused()
    expect(counter.locator("#spent")).to_have_value("four")
    expect(counter.locator("#counter-award")).to_contain_text("Enter an amount")


def test_several_hits_are_chosen_by_arrows(cast: Cast, counter: Page, member: Member) -> None:
    factories.enrol(cast, "Kwasi Mensah")
    counter.keyboard.type("mensah", delay=60)
    on_stage(counter, "hits")
    expect(counter.locator("#box")).to_be_focused()
    counter.keyboard.press("Enter")
    expect(counter.locator("[data-hit]").first).to_be_focused()
    counter.keyboard.press("ArrowDown")
    expect(counter.locator("[data-hit]").nth(1)).to_be_focused()
    counter.keyboard.press("Enter")

    on_stage(counter, "member")


@pytest.mark.parametrize("button", ["left", "middle"])
def test_enrol_takes_along_what_the_box_holds_when_it_is_pressed(
    cast: Cast, counter: Page, member: Member, button: Literal["left", "middle"]
) -> None:
    counter.keyboard.type("Z", delay=60)
    expect(counter.get_by_role("link", name="Enrol “Z”")).to_be_visible()
    held: list[Route] = []
    # On a slow machine the answers to the other letters are not there yet.
    counter.route("**/counter/find?*", lambda route: hold(held, route))
    counter.keyboard.type("ora Quist", delay=60)
    link = counter.get_by_role("link", name="Enrol “Z”")
    if button == "left":
        link.click()
        opened = counter
    else:
        with counter.context.expect_page() as tab:
            link.click(button="middle")
        opened = tab.value

    expect(opened.get_by_label("Name")).to_have_value("Zora Quist")


def test_a_scan_that_was_corrected_by_hand_is_no_card_on_enrolling(
    counter: Page, member: Member
) -> None:
    scan(counter, "70009988")
    on_stage(counter, "hits")
    counter.get_by_role("link", name="Enrol “70009988”").click()
    expect(counter.get_by_label("Card number")).to_have_value("70009988")
    counter.go_back()
    scan(counter, "70009988")
    on_stage(counter, "hits")
    counter.route("**/counter/find?*", unanswered)
    counter.locator("#box").fill("Zora Quist")
    counter.get_by_role("link", name="Enrol “70009988”").click()

    expect(counter.get_by_label("Name")).to_have_value("Zora Quist")
    expect(counter.get_by_label("Card number")).to_have_value("")


def test_who_is_not_found_is_enrolled_with_what_was_typed(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.keyboard.type("Zora Quist", delay=60)
    on_stage(counter, "hits")
    counter.get_by_role("link", name=re.compile("Enrol")).click()
    expect(counter.get_by_label("Name")).to_have_value("Zora Quist")
    counter.get_by_role("button", name="Enrol").click()

    expect(counter.locator("#who")).to_have_text("Zora Quist")
    on_stage(counter, "member")


def test_the_receipt_is_made_for_the_printer(
    cast: Cast, counter: Page, context: BrowserContext, member: Member
) -> None:
    context.add_init_script("window.print = () => { window.printed = (window.printed || 0) + 1; };")
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    with context.expect_page() as opened:
        counter.keyboard.press("p")
    receipt = opened.value
    receipt.wait_for_load_state()

    assert receipt.evaluate("window.printed") == 1
    expect(receipt.locator("h1")).to_have_text("Filter coffee")
    assert receipt.locator("main").bounding_box()["width"] < 300  # type: ignore[index]


# --- A network that fails -------------------------------------------------------------------------


class Outage:
    """Loses every request until it is over; a route of Playwright."""

    is_over = False

    def __call__(self, route: Route) -> None:
        """Lose a request, or let it through."""
        if self.is_over:
            route.continue_()
        else:
            route.abort()


def failing(times: int) -> Iterator[bool]:
    """Say for each request whether its answer is lost: the first few, then no more."""
    yield from [True] * times
    while True:
        yield False


@pytest.mark.broken_network
@pytest.mark.parametrize("is_done_before", [False, True], ids=["lost", "answer lost"])
def test_a_request_that_fails_is_sent_again_and_acts_once(
    cast: Cast, counter: Page, member: Member, is_done_before: bool
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    fails = failing(2)

    def break_off(route: Route) -> None:
        if not next(fails):
            route.continue_()
            return
        if is_done_before:
            # It reached the server, and the answer did not come back.
            route.fetch()
        route.abort()

    counter.route("**/redeem", break_off)
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    on_stage(counter, "done")

    expect(counter.locator("#counter-net")).to_have_text("")
    expect(counter.locator("#toast")).to_be_empty()
    assert factories.reload(cast, member).entry_count == 2


@pytest.mark.broken_network
@pytest.mark.parametrize("is_refused", [False, True], ids=["counted", "refused"])
def test_what_is_sent_again_leaves_the_next_customer_on_the_stage(
    cast: Cast, counter: Page, member: Member, is_refused: bool
) -> None:
    other = factories.enrol(cast, "Priyanka Iyer", card_number="3333333311")
    scan(counter, CARD)
    on_stage(counter, "member")
    outage = Outage()
    counter.route("**/redeem", outage)
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    scan(counter, "3333333311")
    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    if is_refused:
        factories.close(cast, member)
    outage.is_over = True

    said = "this was not counted. Open the page and look." if is_refused else "this was counted."
    expect(counter.locator("#toast")).to_contain_text(f"Kwame Mensah: {said}")
    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    expect(counter).to_have_url(re.compile(f"member={other.id}"))
    expect(counter.locator("#toast a")).to_have_attribute("href", f"/counter?member={member.id}")
    assert factories.reload(cast, member).entry_count == (1 if is_refused else 2)


def test_an_answer_that_comes_late_leaves_the_next_customer_on_the_stage(
    cast: Cast, counter: Page, member: Member
) -> None:
    other = factories.enrol(cast, "Priyanka Iyer", card_number="3333333311")
    scan(counter, CARD)
    on_stage(counter, "member")
    held: list[Route] = []
    counter.route("**/redeem", lambda route: hold(held, route))
    with counter.expect_request("**/redeem"):
        counter.keyboard.press("1")
    scan(counter, "3333333311")
    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    held[0].continue_()

    expect(counter.locator("#toast")).to_contain_text("Kwame Mensah: this was counted.")
    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    expect(counter).to_have_url(re.compile(f"member={other.id}"))


@pytest.mark.broken_network
def test_an_act_that_waits_to_be_sent_again_outlives_who_goes_on(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    on_stage(counter, "member")
    fails = failing(1)
    counter.route("**/redeem", lambda route: route.abort() if next(fails) else route.continue_())
    held: list[Route] = []
    counter.route(re.compile(r"/counter\?q=$"), lambda route: hold(held, route))
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    # The way to the next customer hangs, and is pressed twice.
    counter.keyboard.press("Escape")
    counter.clock.run_for(300)
    counter.keyboard.press("Escape")

    on_stage(counter, "done")
    assert factories.reload(cast, member).entry_count == 2


def hold(held: list[Route], route: Route) -> None:
    """Leave a request without an answer."""
    held.append(route)


def unanswered(route: Route) -> None:
    """Leave a request without an answer, and without a way to answer it."""


@pytest.mark.broken_network
def test_an_undo_that_comes_late_is_told_as_what_it_is(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    outage = Outage()
    counter.route("**/undo", outage)
    counter.keyboard.press("u")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    counter.keyboard.press("Escape")
    on_stage(counter, "idle")
    expect(counter.locator("#counter-net")).to_contain_text("Kwame Mensah: no answer. Trying again")
    outage.is_over = True

    expect(counter.locator("#toast")).to_contain_text("Kwame Mensah: this was undone.")
    expect(counter.locator("#counter-net")).to_have_text("")
    counter.get_by_role("button", name="Close").click()
    expect(counter.locator("#toast")).to_be_empty()
    assert factories.reload(cast, member).balance == 560


def test_a_second_press_does_not_hit_what_stands_there_after_the_first(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    on_stage(counter, "member")
    place = counter.locator("[data-digit='1']").bounding_box()
    assert place is not None
    # Every place on the stage is pressed that anything could be at.
    counter.mouse.click(place["x"] + 20, place["y"] + 20)
    on_stage(counter, "done")
    for button in counter.locator(".r-after :is(button, a)").all():
        button.click(no_wait_after=True)
    on_stage(counter, "done")
    assert bought(cast).status == "confirmed"

    counter.clock.run_for(1100)
    counter.locator("[data-counter-key='u']").click()
    on_stage(counter, "member")
    counter.locator("[data-digit='1']").click()
    counter.clock.run_for(300)

    on_stage(counter, "member")
    assert factories.reload(cast, member).balance == 560


@pytest.mark.parametrize(("name", "milliseconds"), [("ursula", 250), ("hana", 250), ("oisin", 100)])
def test_the_next_name_typed_on_a_slip_changes_nothing_of_it(
    cast: Cast, counter: Page, member: Member, name: str, milliseconds: int
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")

    typed_slowly(counter, name, milliseconds)

    expect(counter.locator("#box")).to_have_value(name)
    on_stage(counter, "hits")
    assert bought(cast).status == "confirmed"
    assert factories.reload(cast, member).balance == 260


def test_who_is_looked_for_while_an_act_is_slow_comes_to_the_stage(
    cast: Cast, counter: Page, member: Member
) -> None:
    factories.enrol(cast, "Priyanka Iyer", card_number="3333333311")
    scan(counter, CARD)
    on_stage(counter, "member")
    acts: list[Route] = []
    looks: list[Route] = []
    counter.route("**/redeem", lambda route: hold(acts, route))
    counter.route(re.compile(r"/counter\?q=3333"), lambda route: hold(looks, route))
    with counter.expect_request("**/redeem"):
        counter.keyboard.press("1")
    with counter.expect_request(re.compile(r"/counter\?q=3333")):
        scan(counter, "3333333311")
    acts[0].continue_()
    on_stage(counter, "done")
    looks[-1].continue_()

    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    on_stage(counter, "member")


def test_the_space_bar_presses_what_has_the_focus(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.locator("#keypad").press("Space")
    counter.clock.run_for(300)
    on_stage(counter, "member")
    counter.locator("[data-digit='1']").focus()
    counter.keyboard.press("Space")
    on_stage(counter, "done")
    counter.locator("[data-counter-key='u']").press("Space")

    on_stage(counter, "member")
    assert factories.reload(cast, member).balance == 560


def test_a_search_that_gave_way_takes_no_focus_out_of_the_box(
    cast: Cast, counter: Page, member: Member
) -> None:
    counter.clock.install()
    factories.enrol(cast, "Kwasi Mensah")
    held: list[Route] = []
    counter.route(re.compile(r"/counter\?q=men"), lambda route: hold(held, route))
    counter.keyboard.type("men", delay=60)
    counter.keyboard.press("Enter")
    counter.keyboard.type("sah", delay=60)
    on_stage(counter, "hits")
    counter.clock.run_for(300)

    expect(counter.locator("#box")).to_be_focused()


def test_an_undo_that_is_refused_says_why(cast: Cast, counter: Page, member: Member) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    factories.fulfil(cast, bought(cast))
    counter.keyboard.press("u")

    expect(counter.locator("#counter-stage .r-notice")).to_be_focused()
    expect(counter.locator("#counter-stage .r-notice")).to_contain_text("handed over")
    on_stage(counter, "done")
    assert factories.reload(cast, member).balance == 260


@pytest.mark.broken_network
def test_after_a_silence_a_reload_shows_what_happened(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")

    held: list[Route] = []

    def swallow(route: Route) -> None:
        hold(held, route)
        if len(held) == 1:
            route.fetch()
            route.abort()

    counter.route("**/redeem", swallow)
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    counter.reload()

    on_stage(counter, "member")
    expect(counter.locator(".r-last li").first).to_contain_text("Filter coffee")
    expect(counter.locator(".r-huge")).to_contain_text("260")
    assert factories.reload(cast, member).entry_count == 2


def test_back_and_reload_after_a_slip_act_no_more(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    counter.reload()
    on_stage(counter, "done")
    counter.go_back()
    on_stage(counter, "member")
    expect(counter.locator(".r-huge")).to_contain_text("260")

    assert factories.reload(cast, member).entry_count == 2


# --- Touch and camera -----------------------------------------------------------------------------


def test_by_touch_on_a_phone(cast: Cast, counter: Page, member: Member) -> None:
    counter.set_viewport_size({"width": 390, "height": 844})
    counter.locator("#box").fill("4471")
    counter.locator("#box").press("Enter")
    on_stage(counter, "member")
    small = [
        box["height"]
        for each in counter.locator("#keypad .r-key, .r-award .btn, .r-tabbar a").all()
        if (box := each.bounding_box()) and box["height"] < 44
    ]
    assert small == []
    counter.get_by_role("button", name=re.compile("Filter coffee")).click()

    on_stage(counter, "done")
    assert factories.reload(cast, member).balance == 260


@pytest.fixture
def with_camera(context: BrowserContext) -> None:
    """Give the browser a camera and a barcode detector, which headless Linux lacks."""
    context.grant_permissions(["camera"])
    context.add_init_script(
        """
        navigator.mediaDevices.getUserMedia = async () => {
            const canvas = document.createElement("canvas");
            canvas.getContext("2d").fillRect(0, 0, 10, 10);
            return canvas.captureStream();
        };
        window.BarcodeDetector = class {
            async detect() { return window.shown ? [{ rawValue: window.shown }] : []; }
        };
        """
    )


def test_a_card_is_scanned_with_the_camera(
    with_camera: None, counter: Page, member: Member
) -> None:
    counter.get_by_role("button", name="Scan with the camera").click()
    expect(counter.locator("#camera")).to_be_visible()
    counter.evaluate(f"window.shown = '{CARD}'")

    on_stage(counter, "member")
    expect(counter.locator("#who")).to_have_text("Kwame Mensah")


def test_without_a_detector_no_camera_is_offered(counter: Page, member: Member) -> None:
    expect(counter.locator("#camera-open")).to_be_hidden()


def test_nothing_at_the_counter_waits_for_a_reload(counter: Page, member: Member) -> None:
    counter.evaluate("window.same = true")
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")

    assert counter.evaluate("window.same") is True


def typed_slowly(page: Page, text: str, milliseconds: int) -> None:
    """Type keys with a time between them; how fast the machine is does not matter."""
    page.evaluate(
        """async ([text, milliseconds]) => {
            for (const key of text) {
                const target = document.activeElement || document.body;
                const goesOn = target.dispatchEvent(
                    new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
                if (goesOn && "value" in target) {
                    target.value += key;
                    target.dispatchEvent(new Event("input", {bubbles: true}));
                }
                await new Promise((resolve) => setTimeout(resolve, milliseconds));
            }
        }""",
        [text, milliseconds],
    )


@pytest.mark.parametrize(("text", "milliseconds"), [("3581003471", 45), ("34", 120), ("0346", 300)])
def test_a_number_that_comes_slowly_spends_nothing(
    cast: Cast, counter: Page, member: Member, text: str, milliseconds: int
) -> None:
    counter.clock.install()
    scan(counter, CARD)
    on_stage(counter, "member")

    typed_slowly(counter, text, milliseconds)

    expect(counter.locator("#box")).to_have_value(text)
    counter.clock.run_for(400)
    assert factories.reload(cast, member).balance == 560


def test_an_amount_that_is_refused_is_put_right_and_redeems_nothing(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("a")
    expect(counter.locator("#spent")).to_be_focused()
    counter.keyboard.type("500", delay=60)
    counter.keyboard.press("Enter")
    expect(counter.locator("#counter-award")).to_contain_text("The limit is 1,000 points")
    expect(counter.locator("#spent")).to_be_focused()

    counter.keyboard.type("50", delay=60)
    counter.keyboard.press("Enter")

    on_stage(counter, "done")
    assert factories.reload(cast, member).balance == 560 + 500


def test_the_same_number_typed_again_is_looked_for_again(counter: Page, member: Member) -> None:
    counter.keyboard.type("kwame", delay=60)
    on_stage(counter, "hits")
    counter.keyboard.press("Enter")
    on_stage(counter, "member")
    counter.keyboard.press("Escape")
    on_stage(counter, "idle")

    counter.keyboard.type("kwame", delay=60)

    on_stage(counter, "hits")


def test_nobody_found_leads_to_enrolling(counter: Page, member: Member) -> None:
    counter.keyboard.type("Fiona New", delay=60)
    counter.keyboard.press("Enter")

    expect(counter.get_by_role("link", name="Enrol “Fiona New”")).to_be_focused()
    counter.keyboard.press("Enter")

    expect(counter).to_have_url(re.compile("/members/new"))


def test_a_counter_in_the_other_mode_shows_where_one_is_before_it_finds_anybody(
    cast: Cast, counter: Page, member: Member
) -> None:
    expect(counter.locator("html")).to_have_attribute("data-mode", "test")
    with cast.database.writing() as session:
        # As a switch in another tab does.
        session.execute(update(StaffSession).values(mode="live", second_factor_at=clock.now()))

    # At once: letters that are typed while the page is loaded again are a search in Live.
    counter.locator("#box").fill("kwame")

    expect(counter.locator("html")).to_have_attribute("data-mode", "live")
    expect(counter.get_by_text("You are in Live now.")).to_be_visible()
    on_stage(counter, "idle")

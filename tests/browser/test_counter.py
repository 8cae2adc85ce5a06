"""The counter as a cashier uses it: scanner, keyboard, touch, and a network that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def scan(page: Page, text: str, *, busy_ms: int = 0, busy_at: int = 5) -> None:
    """Scan as a hand scanner does: a key every few milliseconds, Enter at the end.

    Args:
        busy_ms: for how long the page does something else in the midst of it.
        busy_at: before which key.
    """
    page.evaluate(
        """async ([text, busyMs, busyAt]) => {
            let pressedAt = performance.now();
            for (const [index, key] of [...text, "Enter"].entries()) {
                const busyUntil = performance.now() + (index === busyAt ? busyMs : 0);
                while (performance.now() < busyUntil);
                const target = document.activeElement || document.body;
                const event = new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
                // A real key says when it was pressed, however late the page gets to it.
                Object.defineProperty(event, "timeStamp", {value: (pressedAt += 7)});
                const goesOn = target.dispatchEvent(event);
                if (goesOn && key !== "Enter" && "value" in target) {
                    target.value += key;
                    target.dispatchEvent(new Event("input", {bubbles: true}));
                }
                if (goesOn && key === "Enter" && target.form) target.form.requestSubmit();
                await new Promise((resolve) => setTimeout(resolve, 7));
            }
        }""",
        [text, busy_ms, busy_at],
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
    asked: list[str] = []
    counter.on("request", lambda sent: asked.append(sent.url) if "q=" in sent.url else None)
    scan(counter, CARD)
    on_stage(counter, "member")
    scan(counter, CARD)
    counter.wait_for_timeout(300)

    assert len([url for url in asked if "/counter?q=" in url]) == 1


def test_a_key_held_down_or_pressed_twice_redeems_once(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.down("1")
    for _ in range(5):
        counter.keyboard.down("1")
    counter.keyboard.up("1")
    on_stage(counter, "done")
    counter.keyboard.press("1")
    counter.wait_for_timeout(300)

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
    fails = failing(2)
    counter.route("**/redeem", lambda route: route.abort() if next(fails) else route.continue_())
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    scan(counter, "3333333311")
    expect(counter.locator("#who")).to_have_text("Priyanka Iyer")
    if is_refused:
        factories.close(cast, member)

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
    counter.wait_for_timeout(300)
    counter.keyboard.press("Escape")

    on_stage(counter, "done")
    assert factories.reload(cast, member).entry_count == 2


def hold(held: list[Route], route: Route) -> None:
    """Leave a request without an answer."""
    held.append(route)


@pytest.mark.broken_network
def test_an_undo_that_comes_late_is_told_as_what_it_is(
    cast: Cast, counter: Page, member: Member
) -> None:
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.keyboard.press("1")
    on_stage(counter, "done")
    fails = failing(2)
    counter.route("**/undo", lambda route: route.abort() if next(fails) else route.continue_())
    counter.keyboard.press("u")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    counter.keyboard.press("Escape")
    on_stage(counter, "idle")
    expect(counter.locator("#counter-net")).to_contain_text("Kwame Mensah: no answer. Trying again")

    expect(counter.locator("#toast")).to_contain_text("Kwame Mensah: this was undone.")
    expect(counter.locator("#counter-net")).to_have_text("")
    counter.get_by_role("button", name="Close").click()
    expect(counter.locator("#toast")).to_be_empty()
    assert factories.reload(cast, member).balance == 560


def test_a_second_press_does_not_hit_what_stands_there_after_the_first(
    cast: Cast, counter: Page, member: Member
) -> None:
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

    counter.wait_for_timeout(1100)
    counter.locator("[data-counter-key='u']").click()
    on_stage(counter, "member")
    counter.locator("[data-digit='1']").click()
    counter.wait_for_timeout(300)

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
    scan(counter, CARD)
    on_stage(counter, "member")
    counter.locator("#keypad").press("Space")
    counter.wait_for_timeout(300)
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
    factories.enrol(cast, "Kwasi Mensah")
    held: list[Route] = []
    counter.route(re.compile(r"/counter\?q=men"), lambda route: hold(held, route))
    counter.keyboard.type("men", delay=60)
    counter.keyboard.press("Enter")
    counter.keyboard.type("sah", delay=60)
    on_stage(counter, "hits")
    counter.wait_for_timeout(300)

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

    def swallow(route: Route) -> None:
        route.fetch()
        route.abort()

    counter.route("**/redeem", swallow)
    counter.keyboard.press("1")
    expect(counter.locator("#counter-net")).to_contain_text("Trying again")
    counter.unroute("**/redeem")
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
    scan(counter, CARD)
    on_stage(counter, "member")

    typed_slowly(counter, text, milliseconds)

    expect(counter.locator("#box")).to_have_value(text)
    counter.wait_for_timeout(400)
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

    counter.keyboard.type("kwame", delay=60)

    expect(counter.locator("html")).to_have_attribute("data-mode", "live")
    expect(counter.get_by_text("You are in Live now.")).to_be_visible()
    on_stage(counter, "idle")

"""Every page, opened as each role: parsed, well-formed, without growing queries."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.services import locations
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor

STATIC = Path(__file__).resolve().parents[2] / "static"


def test_every_page_opens_for_the_owner(owner: Visitor, paths: list[str]) -> None:
    for path in paths:
        assert owner.get(path).status == 200, path


def test_a_viewer_opens_what_may_be_read_and_nothing_else(
    viewer: Visitor, paths: list[str]
) -> None:
    for path in paths:
        changes = path.endswith(("/new", "/edit", "/award", "/adjust", "/redeem", "/cancel"))
        changes = (
            changes
            or path.startswith(
                ("/developers", "/counter", "/staff", "/audit", "/locations", "/devices")
            )
            or "/reverse" in path
            or "/effect" in path
            or "/preview" in path
        )
        assert viewer.get(path).status == (403 if changes else 200), path


def test_a_visitor_is_asked_to_sign_in_and_comes_back(visitor: Visitor, paths: list[str]) -> None:
    for path in paths:
        answer = visitor.get(path)
        assert answer.status == 302, path
        assert answer.location.startswith("/sign-in?next="), path


def leads_out(page: Page, path: str, action: str) -> bool:
    """Say whether a page's head has a visible link to a page, or a button that does an act."""
    links = [
        link
        for head in page.elements("header")
        for link in head.iter("a")
        if link.get("href") == path and link.get("hidden") is None
    ]
    buttons = [
        button
        for form in page.elements("form")
        if form.get("action") == action and form.get("hidden") is None
        for button in form.iter("button")
        if button.get("hidden") is None and button.get("type") == "submit"
    ]
    return bool(links or buttons)


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_every_page_shows_the_way_out(app: Flask, paths: list[str], role: str) -> None:
    visitor = Visitor(app).sign_in(role)
    opened = {path: visitor.get(path) for path in paths}
    lacking = [
        path
        for path, page in opened.items()
        if page.status == 200 and not leads_out(page, "/you", "/sign-out")
    ]

    # A receipt is printed, in a tab of its own beside the counter.
    assert [path for path in lacking if not path.startswith("/counter/receipts/")] == []
    assert leads_out(visitor.get("/you"), "", "/sign-out")
    assert visitor.press("/you", "/sign-out").location == "/sign-in"
    assert visitor.get("/").location == "/sign-in?next=/"


def test_every_page_of_a_till_shows_its_lock(cast: Cast, app: Flask, paths: list[str]) -> None:
    factories.take_pin(cast, "cashier", "271828")
    till = Visitor(app)
    till.client.set_cookie("regulars_till", factories.register_till(cast).token)
    till.send(f"/till/{cast.cashier.id}", pin="271828")
    opened = {path: till.get(path) for path in paths}

    lacking = [
        path
        for path, page in opened.items()
        if page.status == 200 and not leads_out(page, "", "/till/lock")
    ]

    assert [path for path in lacking if not path.startswith("/counter/receipts/")] == []
    assert len([page for page in opened.values() if page.status == 200]) > 20
    assert till.press("/", "/till/lock").location.startswith("/till")
    assert till.get("/").location.startswith("/till")


DROPPED = re.compile(
    r"acronym|applet|basefont|bgsound|big|blink|center|dir|embed|font|frame|frameset|iframe|isindex"
    r"|keygen|listing|marquee|menuitem|multicol|nextid|nobr|noembed|noframes|object|param|plaintext"
    r"|portal|rb|rtc|spacer|strike|tt|xmp"
)
"""What the HTML standard calls obsolete (section 16.2), and what shows foreign kinds of content."""

DROPPED_OF_SCRIPTS = re.compile(
    r"ActiveXObject|VBScript|applicationCache|attachEvent|document\.all\b|document\.write|execCommand"
    r"|navigator\.plugins|openDatabase|registerElement|showModalDialog|SharedWorker|importScripts"
    r"|webkit[A-Z]|\bmoz[A-Z]|\bms[A-Z]\w+\("
)
"""What browsers have taken away, have under a maker's name alone, or warn of."""


def test_no_page_needs_a_plug_in_or_what_browsers_have_dropped(
    owner: Visitor, visitor: Visitor, paths: list[str]
) -> None:
    used: set[str] = set()
    scripts: set[tuple[str, str]] = set()
    public = [visitor.get(path) for path in ("/sign-in", "/docs", "/nothing-here")]
    for page in (*public, *(owner.get(path) for path in paths)):
        assert page.tree is not None
        used |= {str(element.tag) for element in page.tree.iter()}
        scripts |= {(s.get("type", ""), s.get("src", "")) for s in page.elements("script")}
        assert page.elements("html")[0].get("manifest") is None

    assert len(used) > 40
    assert [tag for tag in used if DROPPED.fullmatch(tag)] == []
    assert {kind for kind, _ in scripts} == {""}
    assert all(source.startswith("/static/") for _, source in scripts)
    for script in STATIC.glob("*.js"):
        assert DROPPED_OF_SCRIPTS.findall(script.read_text("utf-8")) == [], script.name


def test_the_empty_live_workspace_shows_the_first_steps(owner: Visitor) -> None:
    owner.go_live()

    page = owner.get("/")

    assert "Welcome, Owner" in page.text
    assert "Test mode" not in page.text


def test_the_sandbox_says_so_on_every_page(owner: Visitor, paths: list[str]) -> None:
    for path in paths:
        text = owner.get(path).text
        assert "Test mode." in text or "TEST, not for a customer" in text, path


def test_the_letters_that_were_found_are_marked_and_nothing_else_is_html(
    cast: Cast, owner: Visitor
) -> None:
    factories.enrol(cast, "Mai <b>Nguyễn</b>")

    page = owner.get("/members?q=nguy")

    assert [mark.text for mark in page.elements("mark")] == ["Nguy"]
    assert "Mai <b>Nguyễn</b>" in page.text.replace("Nguy ễn", "Nguyễn")


def test_a_list_says_how_many_of_how_many_are_shown(cast: Cast, owner: Visitor) -> None:
    for number in range(30):
        factories.enrol(cast, f"Member {number}")

    first = owner.get("/members")
    more = [link for link in first.links() if "after=" in link]

    assert "25 of 30 shown" in first.text
    assert "30 of 30 shown. That is all of them." in owner.get(more[0]).text


def test_who_is_misspelt_is_offered(cast: Cast, owner: Visitor) -> None:
    kwame = factories.enrol(cast, "Kwame Mensah", phone="+353 87 123 4471")

    page = owner.get("/members?q=4417 kw")

    assert "Nobody matches “4417 kw”" in page.text
    assert "Close: Kwame Mensah •• 4471" in page.text
    assert f"/members/{kwame.id}" in page.links()
    form = owner.get("/members/new?typed=4417 kw")
    assert (form.value("name"), form.value("phone")) == ("kw", "4417")


def test_each_tier_has_its_own_sign(cast: Cast, owner: Visitor) -> None:
    factories.enrol(cast, "Bea Bronze")
    factories.award(cast, factories.enrol(cast, "Gala Gold"), 2500)

    signs = {
        span.get("class")
        for span in owner.get("/members").elements("span")
        if "r-tier" in span.get("class", "")
    }

    assert signs == {"r-tier r-tier-0", "r-tier r-tier-2"}


def test_the_rules_say_beforehand_who_moves(cast: Cast, owner: Visitor) -> None:
    factories.award(cast, factories.enrol(cast), 600)
    path = f"/programs/{cast.program_id}/edit"
    fields = owner.get(path).fields(path)
    silver = next(name for name, value in fields.items() if value == "Silver")
    fields[silver.replace("name", "threshold")] = "700"

    page = owner.client.get(f"/programs/{cast.program_id}/preview", query_string=fields)

    assert "1 member loses a tier." in page.get_data(as_text=True)


def test_the_screen_is_as_one_wants_it(owner: Visitor) -> None:
    form = {**owner.get("/you").fields("/you/preferences"), "theme": "dark"}
    del form["letter_keys"]

    owner.post("/you/preferences", form)

    root = owner.get("/members").elements("html")[0]
    assert (root.get("data-bs-theme"), root.get("data-letters")) == ("dark", "off")
    assert owner.get("/you").fields("/you/preferences")["theme"] == "dark"


@pytest.mark.parametrize("list_path", ["/members", "/redemptions"])
@pytest.mark.parametrize("after", ["%00", "x", "[0,", "rdm_%F0%9F%98%80", "9" * 300])
def test_a_cursor_of_somebody_elses_making_breaks_nothing(
    owner: Visitor, list_path: str, after: str
) -> None:
    assert owner.get(f"{list_path}?after={after}&shown=99999999999").status == 200


def test_points_of_a_tier_without_a_name_are_asked_about(cast: Cast, manager: Visitor) -> None:
    path = f"/programs/{cast.program_id}/edit"

    answer = manager.send(path, **{"tiers-3-name": "", "tiers-3-threshold": "9000"})

    assert answer.status == 422
    assert "Name this tier, or empty its points." in answer.text
    # Emptying the name of one that is there takes it away.
    assert manager.send(path, **{"tiers-2-name": ""}).status == 303


def test_who_comes_back_works_where_they_did(cast: Cast, app: Flask, manager: Visitor) -> None:
    with cast.database.writing() as session:
        locations.add(session, workspace_id=cast.workspace_id, name="Aardvark", by=cast.owner)
    manager.send("/you", location_id=cast.location_id)
    assert "Quay Street" in Visitor(app).sign_in("manager").get("/counter").text
    assert "Aardvark" in Visitor(app).sign_in("viewer").get("/you").text


def test_a_ledger_that_is_opened_at_a_line_says_that_newer_ones_are_not_shown(
    cast: Cast, cashier: Visitor
) -> None:
    member = factories.enrol(cast)
    first, last = factories.award(cast, member, 1), factories.award(cast, member, 2)

    for entry, is_hidden in ((first, True), (last, False)):
        page = cashier.get(cashier.get(f"/ledger/{entry.id}").location.partition("#")[0])
        assert ("Newer lines are not shown." in page.text) is is_hidden


def test_one_is_no_many_and_another_year_is_said(cast: Cast, cashier: Visitor) -> None:
    with clock.set_to(clock.now() - timedelta(days=400)):
        member = factories.enrol(cast)
        entry = factories.award(cast, member, 1)
    year = str(entry.recorded_at.year)

    assert re.search(rf"Last here \d+ \w+ {year}", cashier.get(f"/counter?member={member.id}").text)
    reverse = f"/ledger/{entry.id}/reverse"
    manager = Visitor(cashier.client.application).sign_in("manager")
    assert "Reverse 1 point" in (shown := manager.get(reverse).text)
    assert "1 points" not in shown


def test_tiers_of_rewards_and_the_worth_of_points_are_said_exactly(
    cast: Cast, manager: Visitor
) -> None:
    tiers = [
        {"key": "t1", "name": "First flush", "threshold": 0, "multiplier_hundredths": 100},
    ]
    factories.edit_program(cast, point_value_thousandths=5, tiers=tiers)
    factories.make_reward(cast, min_tier="t1")

    assert "First flush and above" in manager.get("/rewards").text
    assert "1,000 points are worth what is owed in treats €0.05" in manager.get("/programs").text


def test_what_is_half_typed_at_the_counter_is_no_step_to_come_back_to(cashier: Visitor) -> None:
    headers = {"HX-Request": "true", "HX-Target": "counter-stage"}

    found = cashier.client.get("/counter/find?q=kw", headers=headers)

    assert found.headers["HX-Push-Url"] == "false"


def test_today_says_how_much_of_it_was_taken_back(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 1000)
    factories.reverse(cast, factories.award(cast, member, 10))
    redemptions = [factories.redeem(cast, member, factories.make_reward(cast)) for _ in range(2)]
    factories.cancel(cast, redemptions[0])

    shown = manager.get("/").text

    assert "2 awards, 1 reversed" in shown
    assert "2 rewards, 1 given back" in shown
    assert "of 1 member" in shown

"""Every page, opened as each role: parsed, well-formed, without growing queries."""

from __future__ import annotations

import pytest

from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor


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

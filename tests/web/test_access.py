"""Who may open what: the access table, roles, and signing in and out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.http import access
from app.http.access import Access
from app.http.paths import safe_path
from tests import factories
from tests.cast import Cast
from tests.factories import PASSWORD
from tests.support.pages import Visitor


def test_every_route_says_what_it_needs_or_the_app_does_not_start(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith("/v1/")}
    assert set(access.routes(app)) == pages

    app.view_functions["members.index"] = lambda: "nobody said who may see this"

    with pytest.raises(RuntimeError, match=r"access: members\.index$"):
        access.routes(app)


def test_the_exceptions_are_those_that_were_meant(app: Flask) -> None:
    """A route that is open to more than its neighbours is named here, too."""
    needed = access.routes(app)

    def with_(holds: Callable[[Access], bool]) -> set[str]:
        return {name for name, each in needed.items() if holds(each)}

    own_keys = {
        *("people.sessions", "people.revoke_session", "people.revoke_other_sessions"),
        *(f"second_factors.{name}" for name in ("show", "begin", "confirm", "make_codes")),
        *("passkeys.add_options", "passkeys.add", "passkeys.remove"),
    }
    assert with_(lambda each: each.reauthentication) == own_keys
    assert with_(lambda each: not each.allows_pin) == own_keys | {
        *("people.password_form", "people.change_password", "people.confirm_form"),
        *("people.confirm", "pins.edit", "pins.update"),
    }
    assert with_(lambda each: each.before_code) == {
        *("second_factors.ask", "second_factors.answer", "staff.sign_out"),
    }
    assert with_(lambda each: each.without_second_factor) == {
        *("second_factors.show", "second_factors.begin", "second_factors.confirm"),
        *("passkeys.add_options", "passkeys.add", "people.confirm_form", "people.confirm"),
        *("staff.switch_mode", "staff.sign_out"),
    }
    assert with_(lambda each: each.is_leaving) == {"pins.lock", "staff.sign_out"}
    assert with_(lambda each: each.is_unattended) == {"reports.activity", "developers.guide"}
    assert with_(lambda each: each.by_link) == {"cards.public", "people.join_form", "people.join"}
    assert with_(lambda each: each.permission is None and not each.by_link) == {
        *("static", "health.healthz", "reference.openapi", "reference.docs"),
        *("staff.sign_in_form", "staff.sign_in", "passkeys.sign_in_options", "passkeys.sign_in"),
        *("pins.people", "pins.ask", "pins.sign_in"),
    }


def test_a_command_prints_what_each_route_needs(app: Flask) -> None:
    lines = app.test_cli_runner().invoke(args=["access"]).output.splitlines()

    (award,) = [line for line in lines if line.startswith("POST  /members/<member_id>/award ")]
    assert award.split()[2:] == ["award:", "owner,", "manager,", "cashier"]
    (card,) = [line for line in lines if " /card/" in line]
    assert card.endswith("by its link")
    assert [line for line in lines if line.startswith("POST") and line.endswith(" public")]
    (keys,) = [line for line in lines if line.startswith("GET") and "/you/second-factor " in line]
    assert keys.endswith("not by PIN; with the password again; without a second factor")


def test_a_viewer_can_change_nothing(cast: Cast, viewer: Visitor) -> None:
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 10)
    for path in (
        f"/members/{member.id}/award",
        f"/members/{member.id}/adjust",
        f"/members/{member.id}/redeem",
        f"/members/{member.id}/close",
        f"/ledger/{entry.id}/reverse",
        f"/ledger/{entry.id}/undo",
        "/members/new",
        "/rewards/new",
        "/programs/new",
    ):
        assert viewer.post(path, {}).status == 403, path
    assert factories.reload(cast, member).entry_count == 1


def test_a_cashier_awards_but_does_not_adjust(cast: Cast, cashier: Visitor) -> None:
    member = factories.enrol(cast)

    assert cashier.send(f"/members/{member.id}/award", points="10", reason="x").status == 303
    assert cashier.get(f"/members/{member.id}/adjust").status == 403
    over = cashier.send(f"/members/{member.id}/award", points="1001", reason="x")
    assert over.status == 403
    assert "The limit is 1,000 points at once. A manager can approve it here." in over.text
    assert over.value("points") == "1001"


def test_a_wrong_password_and_an_unknown_address_get_one_answer(visitor: Visitor) -> None:
    fields = visitor.get("/sign-in").fields()
    known = {**fields, "email": "owner@harbour.example.com", "password": "wrong password"}
    unknown = {**fields, "email": "nobody@harbour.example.com", "password": "wrong password"}

    answers = [visitor.post("/sign-in", each) for each in (known, unknown)]

    assert [answer.status for answer in answers] == [422, 422]
    assert "Email and password do not fit together." in answers[0].text
    assert answers[0].text == answers[1].text
    assert answers[0].value("email") == "owner@harbour.example.com"
    assert answers[0].value("password") == ""


def test_a_signed_out_cookie_opens_nothing(manager: Visitor) -> None:
    stolen = manager.client.get_cookie("regulars")
    assert stolen is not None
    manager.press("/you", "/sign-out")

    manager.client.set_cookie("regulars", stolen.value)

    assert manager.get("/members").status == 302


def test_a_cookie_that_was_planted_before_the_sign_in_opens_nothing_after_it(app: Flask) -> None:
    attacker, victim = Visitor(app), Visitor(app)
    attacker.get("/sign-in")
    planted = attacker.client.get_cookie("regulars")
    assert planted is not None
    victim.client.set_cookie("regulars", planted.value)

    victim.sign_in("manager")

    assert victim.get("/members").status == 200
    assert attacker.get("/members").location.startswith("/sign-in")


def test_who_signs_in_over_another_sign_in_is_not_it(app: Flask) -> None:
    attacker, victim = Visitor(app).sign_in("cashier"), Visitor(app)
    form = victim.get("/sign-in").fields()
    known = {"email": "manager@harbour.example.com", "password": PASSWORD}
    anonymous = victim.client.get_cookie("regulars")
    planted = attacker.client.get_cookie("regulars")
    assert planted is not None
    assert anonymous is not None

    victim.post("/sign-in", {**form, **known})

    assert "Manager Person" in victim.get("/you").text
    assert "Cashier Person" in attacker.get("/you").text
    victim.client.set_cookie("regulars", anonymous.value)
    assert victim.get("/members").status == 302


def test_htmx_is_sent_to_the_sign_in_page_and_not_given_it(visitor: Visitor) -> None:
    answer = visitor.get("/members", HX_Request="true")

    assert answer.status == 204
    assert answer.response.headers["HX-Redirect"].startswith("/sign-in?next=")


def test_only_our_own_paths_are_gone_back_to() -> None:
    assert safe_path("/members?q=a") == "/members?q=a"
    foreign = ("//evil.example", "https://evil.example", "/\\evil.example", "http://[", "evil")
    of_no_header = ("/a\nb: c", "/a\r", "/\t/evil.example", "/a\x0b", "/a\x7f", "/" + "a" * 2000)
    for path in (*foreign, *of_no_header, "", None):
        assert safe_path(path) == "/"
        assert safe_path(path, "/counter") == "/counter"


def test_every_answer_has_its_id_and_its_policy(visitor: Visitor) -> None:
    headers = visitor.get("/sign-in").response.headers

    assert headers["X-Request-Id"].startswith("req_")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    health = visitor.get("/healthz").response.get_json()
    assert health["database"] == {"kind": "sqlite", "up": True}


def test_a_part_is_the_same_file_as_in_its_page(cast: Cast, manager: Visitor) -> None:
    factories.enrol(cast)
    whole = manager.get("/members").response.get_data(as_text=True)
    part = manager.get("/members", HX_Request="true", HX_Target="members-results")

    assert part.response.get_data(as_text=True).strip()[:60] in whole
    assert "HX-Request" in part.response.headers["Vary"]
    assert "<html" not in part.response.get_data(as_text=True)


def test_anybody_is_signed_in_as_often_as_they_like_and_sees_where(app: Flask) -> None:
    visitors = [Visitor(app).sign_in("manager") for _ in range(12)]

    assert [visitor.get("/members").status for visitor in visitors] == [200] * 12
    ends = {
        str(form.get("action"))
        for form in visitors[0].get("/you/sign-ins").elements("form")
        if str(form.get("action")).endswith("/revoke")
    }
    # One's own is ended by signing out.
    assert len(ends) == 11


def test_each_role_sees_the_fields_of_people_that_it_may(cast: Cast, app: Flask) -> None:
    member = factories.enrol(
        cast, "Hana Kovářová", phone="+353 87 123 4471", email="hana@example.com", card_number="C7"
    )
    phone = "353871234471"
    for role, edits, sees_colleagues in (
        ("viewer", False, False),
        ("cashier", False, False),
        ("manager", True, False),
        ("owner", True, True),
    ):
        visitor = Visitor(app).sign_in(role)
        shown = visitor.get(f"/members/{member.id}")
        card = visitor.get(f"/members/{member.id}/card")
        assert "C7" in card.text
        for field in ("Hana", "hana@example.com", "4471"):
            assert field in shown.text, (role, field)
        lists = ("/members", "/members?q=hana", "/activity", "/redemptions")
        for page in (shown, card, *(visitor.get(path) for path in lists)):
            assert phone not in _digits(page.response.get_data(as_text=True)), role
        form = visitor.get(f"/members/{member.id}/edit")
        assert (form.status == 200) == edits
        assert (phone in _digits(form.response.get_data(as_text=True))) == edits
        assert ("owner@harbour.example.com" in visitor.get("/staff").text) == sees_colleagues


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())

"""The second step at sign-in: set up, asked for, throttled, never good twice; needed in Live."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyotp
import pytest
from flask import Flask

from app import clock
from app.services.staff import second_factors
from tests.cast import Cast
from tests.support.pages import Page, Visitor

STEP = timedelta(seconds=30)


def set_up(visitor: Visitor) -> tuple[pyotp.TOTP, list[str]]:
    """Set an app up and give it with the recovery codes."""
    visitor.press("/you/second-factor", "/you/second-factor/begin")
    shown = visitor.get("/you/second-factor")
    (secret,) = [each.text or "" for each in shown.elements("code")]
    app_of_hers = pyotp.TOTP(secret)
    done = visitor.send("/you/second-factor", code=app_of_hers.at(clock.now()))
    assert done.status == 200, done.text
    return app_of_hers, [each.text or "" for each in done.elements("code")]


def enter(visitor: Visitor, code: str) -> Page:
    return visitor.send("/sign-in/code", code=code)


def after(steps: int) -> datetime:
    return clock.now() + steps * STEP


def test_an_app_is_asked_for_from_the_next_sign_in_on(app: Flask, cashier: Visitor) -> None:
    her_app, codes = set_up(cashier)
    assert len(set(codes)) == second_factors.RECOVERY_CODES
    assert cashier.get("/members").status == 200

    again = Visitor(app).sign_in("cashier")

    sign_in_page = again.get("/members")
    assert (sign_in_page.status, sign_in_page.location) == (302, "/sign-in/code?next=/members")
    with clock.set_to(after(1)):
        asked = again.get(sign_in_page.location)
        assert "The six digits" in asked.text
        typed = {**asked.fields("/sign-in/code"), "code": her_app.at(clock.now())}
        done = again.post("/sign-in/code", typed)
    assert (done.status, done.location) == (303, "/members")
    assert again.get("/members").status == 200


def test_with_the_password_alone_nothing_opens_and_nothing_is_done(
    app: Flask, cashier: Visitor
) -> None:
    set_up(cashier)
    thief = Visitor(app).sign_in("cashier")

    for path in ("/", "/counter", "/you", "/you/second-factor", "/you/password", "/you/sign-ins"):
        assert thief.get(path).location.startswith("/sign-in/code"), path
    form = thief.get("/sign-in/code").fields("/sign-in/code")
    for path in ("/you/second-factor/begin", "/you/second-factor/recovery-codes", "/members/new"):
        assert thief.post(path, form).location.startswith("/sign-in/code"), path
    answer = thief.get("/members", HX_Request="true")
    assert answer.response.headers["HX-Redirect"].startswith("/sign-in/code")


def test_a_code_is_good_once(app: Flask, cashier: Visitor) -> None:
    her_app, _ = set_up(cashier)
    first, second = Visitor(app).sign_in("cashier"), Visitor(app).sign_in("cashier")

    with clock.set_to(after(1)):
        code = her_app.at(clock.now())
        assert enter(first, code).status == 303
        seen = enter(second, code)
        assert seen.status == 422
        assert "Codes change every 30 seconds" in seen.text
    with clock.set_to(after(3)):
        assert enter(second, her_app.at(clock.now() - 2 * STEP)).status == 422
        assert enter(second, her_app.at(clock.now())).status == 303
        # A step that lies before the last one is as old as one that was used.
        assert enter(Visitor(app).sign_in("cashier"), her_app.at(clock.now() - STEP)).status == 422


@pytest.mark.parametrize("minutes_off", [-1, 1])
def test_a_clock_that_is_a_minute_off_is_told_so(
    app: Flask, cashier: Visitor, minutes_off: int
) -> None:
    her_app, _ = set_up(cashier)
    with clock.set_to(after(10)):
        code = her_app.at(clock.now() + timedelta(minutes=minutes_off))
        assert enter(Visitor(app).sign_in("cashier"), code).status == 422


def test_a_recovery_code_is_good_once_however_it_is_typed(app: Flask, cashier: Visitor) -> None:
    _, codes = set_up(cashier)
    first, second = Visitor(app).sign_in("cashier"), Visitor(app).sign_in("cashier")

    assert enter(first, codes[0].lower().replace("-", " ")).status == 303
    assert enter(second, codes[0]).status == 422
    assert enter(second, codes[1]).status == 303
    assert "8 of 10 left" in first.get("/you/second-factor").text


def test_new_recovery_codes_make_the_old_ones_worthless(app: Flask, cashier: Visitor) -> None:
    _, old = set_up(cashier)
    shown = cashier.press("/you/second-factor", "/you/second-factor/recovery-codes")
    new = [each.text or "" for each in shown.elements("code")]

    assert not set(old) & set(new)
    visitor = Visitor(app).sign_in("cashier")
    assert enter(visitor, old[0]).status == 422
    assert enter(visitor, new[0]).status == 303


def test_a_slip_while_setting_up_is_not_held_against_the_sign_in(
    app: Flask, cashier: Visitor
) -> None:
    cashier.press("/you/second-factor", "/you/second-factor/begin")
    for _ in range(second_factors.FAILURES_MAX - 1):
        cashier.send("/you/second-factor", code="000000")
    her_app, _ = set_up(cashier)
    form = cashier.get("/you").fields("/you/name")
    again = cashier.post("/you/second-factor", {**form, "code": her_app.at(clock.now())})
    assert "Your app is set up already" in again.text
    with clock.set_to(after(1)):
        assert enter(Visitor(app).sign_in("cashier"), her_app.at(clock.now())).status == 303


def test_guessing_has_to_wait_even_with_the_right_code(app: Flask, cashier: Visitor) -> None:
    her_app, codes = set_up(cashier)
    visitor = Visitor(app).sign_in("cashier")
    with clock.set_to(after(1)):
        for guess in range(second_factors.FAILURES_MAX):
            assert "not right" in enter(visitor, f"{guess:06}").text
        assert "Too many tries" in enter(visitor, her_app.at(clock.now())).text
        # Another sign-in of hers is the same account.
        assert "Too many tries" in enter(Visitor(app).sign_in("cashier"), codes[0]).text
    with clock.set_to(clock.now() + timedelta(minutes=17)):
        assert enter(visitor, her_app.at(clock.now())).status == 303


@pytest.mark.parametrize("code", ["", " ", "x" * 500, "\uff11" * 6, "-1", "12345\u0660"])
def test_what_is_no_code_is_refused(app: Flask, cashier: Visitor, code: str) -> None:
    set_up(cashier)
    assert enter(Visitor(app).sign_in("cashier"), code).status == 422


def test_the_token_of_the_password_is_worth_nothing_after_the_code(
    app: Flask, cashier: Visitor
) -> None:
    _, codes = set_up(cashier)
    visitor = Visitor(app).sign_in("cashier")
    planted = visitor.client.get_cookie("regulars")
    assert planted is not None
    assert enter(visitor, codes[0]).status == 303

    thief = Visitor(app)
    thief.client.set_cookie("regulars", planted.value)

    assert thief.get("/members").location.startswith("/sign-in?")
    assert visitor.get("/members").status == 200


def test_an_app_that_is_set_up_is_not_set_up_twice(cashier: Visitor) -> None:
    form = cashier.get("/you/second-factor").fields("/you/second-factor/begin")
    set_up(cashier)

    answer = cashier.post("/you/second-factor/begin", form)

    assert (answer.status, answer.location) == (303, "/you/second-factor")
    assert "Your app is set up already." in cashier.get("/you/second-factor").text


def test_an_app_needs_the_right_code_before_it_counts(app: Flask, cashier: Visitor) -> None:
    cashier.press("/you/second-factor", "/you/second-factor/begin")
    first = cashier.get("/you/second-factor")
    refused = cashier.send("/you/second-factor", code="000000")

    assert refused.status == 422
    assert "not right" in refused.text
    secrets = [[each.text for each in page.elements("code")] for page in (first, refused)]
    assert secrets[0] == secrets[1]
    assert Visitor(app).sign_in("cashier").get("/members").status == 200


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_live_needs_a_second_step_of_who_decides(app: Flask, role: str) -> None:
    person = Visitor(app).sign_in(role)
    person.post("/mode", {**person.get("/you").fields("/mode"), "mode": "live"})

    for path in ("/", "/members", "/counter", "/you"):
        assert person.get(path).location == "/you/second-factor", path
    shown = person.get("/you/second-factor")
    assert "Live needs it." in shown.text
    # Nobody is caught here: each other page leads back, and this one leads out.
    with clock.set_to(clock.now() + timedelta(minutes=20)):
        asked = person.get(person.get("/you").location)
        assert asked.location == "/you/confirm?next=/you/second-factor"
        for page in (shown, person.get(asked.location)):
            assert any(form.get("action") == "/sign-out" for form in page.elements("form"))
    form = shown.fields("/you/second-factor/begin")
    assert person.post("/members/new", form).location == "/you/second-factor"

    set_up(person)
    assert person.get("/members").status == 200


def test_back_to_test_is_open_to_who_has_no_second_step(owner: Visitor) -> None:
    owner.post("/mode", {**owner.get("/you").fields("/mode"), "mode": "live"})
    shown = owner.get("/you/second-factor")

    owner.post("/mode", {**shown.fields("/mode"), "mode": "sandbox"})

    assert owner.get("/members").status == 200


@pytest.mark.parametrize("role", ["cashier", "viewer"])
def test_live_asks_it_of_nobody_else(app: Flask, role: str) -> None:
    person = Visitor(app).sign_in(role)
    person.post("/mode", {**person.get("/you").fields("/mode"), "mode": "live"})
    assert person.get("/members").status == 200


def test_an_owner_takes_it_away_for_who_lost_the_telephone(
    cast: Cast, app: Flask, owner: Visitor, cashier: Visitor
) -> None:
    set_up(cashier)
    page = f"/staff/{cast.cashier.id}"

    owner.press(page, f"{page}/second-factor/reset")

    assert cashier.get("/members").location.startswith("/sign-in")
    assert Visitor(app).sign_in("cashier").get("/members").status == 200
    assert "Reset a second step" in owner.get("/audit").text


def test_nobody_takes_their_own_away(cast: Cast, owner: Visitor) -> None:
    set_up(owner)
    page = f"/staff/{cast.owner.id}"
    form = owner.get("/staff/invite").fields()

    owner.post(f"{page}/second-factor/reset", form)

    assert "Ask another owner" in owner.get(page).text
    assert "10 of 10 left" in owner.get("/you/second-factor").text


def test_wrong_codes_and_used_paper_are_in_the_audit_log(
    app: Flask, owner: Visitor, cashier: Visitor
) -> None:
    _, codes = set_up(cashier)
    visitor = Visitor(app).sign_in("cashier")
    enter(visitor, "000000")
    enter(visitor, codes[0])

    log = owner.get("/audit").text
    for words in ("Set up the second step", "Typed a wrong code", "Used a recovery code"):
        assert words in log

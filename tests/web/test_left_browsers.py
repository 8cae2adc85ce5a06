"""A browser that somebody left: when its sign-in ends, and when it asks again who is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.factory import create_app
from app.http.reauthentication import SHOWN_ACT_MINUTES, SHOWN_MINUTES
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings
from tests.web.test_second_factor import set_up

KEYS = ("/you/second-factor", "/you/sign-ins")


def sign_in(app: Flask, role: str, *, stays: bool) -> Visitor:
    """Sign in, with the box of staying ticked or not."""
    visitor = Visitor(app)
    fields = visitor.get("/sign-in").fields()
    fields.pop("stay", None)
    typed = {"email": f"{role}@harbour.example.com", "password": factories.PASSWORD}
    answer = visitor.post("/sign-in", {**fields, **typed, **({"stay": "y"} if stays else {})})
    assert answer.status == 303
    return visitor


@pytest.mark.parametrize("path", KEYS)
def test_ones_own_keys_are_shown_to_who_has_just_shown_who_they_are(
    cashier: Visitor, path: str
) -> None:
    now = clock.now()
    assert cashier.get(path).status == 200
    with clock.set_to(now + timedelta(minutes=SHOWN_MINUTES, seconds=1)):
        asked = cashier.get(path)
        assert asked.location == f"/you/confirm?next={path}"
        wrong = cashier.send(asked.location, current="not hers at all")
        assert wrong.status == 422
        assert "This is not your password" in wrong.text
        assert cashier.get(path).location == asked.location
        assert cashier.get("/members").status == 200

        right = cashier.send(asked.location, current=factories.PASSWORD)

        assert (right.status, right.location) == (303, path)
        assert cashier.get(path).status == 200


def test_a_clock_that_steps_back_makes_nobodys_word_newer(cashier: Visitor) -> None:
    with clock.set_to(clock.now() - timedelta(days=1)):
        assert cashier.get("/you/sign-ins").location == "/you/confirm?next=/you/sign-ins"


def test_what_was_opened_in_time_is_not_refused_half_way(cashier: Visitor) -> None:
    now = clock.now()
    form = cashier.get("/you/second-factor").fields("/you/second-factor/begin")
    with clock.set_to(now + timedelta(minutes=SHOWN_ACT_MINUTES, seconds=1)):
        late = cashier.post("/you/second-factor/begin", form)
        assert late.location.startswith("/you/confirm")
    with clock.set_to(now + timedelta(minutes=SHOWN_ACT_MINUTES, seconds=-1)):
        begun = cashier.post("/you/second-factor/begin", form)
        assert begun.location == "/you/second-factor"


def test_guesses_at_the_password_are_stopped_here_too(cashier: Visitor) -> None:
    path = "/you/confirm?next=/you/sign-ins"
    guesses = [cashier.send(path, current=f"wrong {number}") for number in range(11)]

    assert [guess.status for guess in guesses] == [422] * 10 + [429]


def test_nobody_is_led_elsewhere_after_it(cashier: Visitor) -> None:
    shown = cashier.get("/you/confirm?next=https://evil.example.com/")

    assert shown.fields("/you/confirm")["next"] == "/"


def test_who_signs_in_takes_the_place_of_who_was_here(app: Flask, cashier: Visitor) -> None:
    token = cashier.get("/you").fields("/sign-out")["csrf_token"]
    before = cashier.client.get_cookie("regulars")
    assert before is not None
    # The sign-in form of another tab, sent while somebody is signed in.
    sign_in_page = Visitor(app).get("/sign-in").fields()
    typed = {"email": "manager@harbour.example.com", "password": factories.PASSWORD}
    assert cashier.post("/sign-in", {**sign_in_page, **typed, "csrf_token": token}).status == 303

    assert "Manager Person" in cashier.get("/you").text
    cashier.client.set_cookie("regulars", before.value)
    assert cashier.get("/members").location == "/sign-in?next=/members"


def test_a_sign_in_that_gets_a_second_factor_gets_another_token(cashier: Visitor) -> None:
    before = cashier.client.get_cookie("regulars")
    assert before is not None

    set_up(cashier)

    assert cashier.get("/members").status == 200
    cashier.client.set_cookie("regulars", before.value)
    assert cashier.get("/members").location == "/sign-in?next=/members"


def test_all_other_sign_ins_are_ended_at_once(app: Flask, cashier: Visitor, owner: Visitor) -> None:
    others = [Visitor(app).sign_in("cashier") for _ in range(2)]

    done = cashier.press("/you/sign-ins", "/you/sign-ins/revoke-others")

    assert done.location == "/you/sign-ins"
    assert "You are signed in here only." in cashier.get("/you/sign-ins").text
    for other in others:
        assert other.get("/members").location == "/sign-in?next=/members"
    assert owner.get("/members").status == 200
    assert "Signed out everywhere else" in owner.get("/audit?act=staff.revoke_other_sessions").text


def test_a_sign_in_that_nobody_uses_ends(cast: Cast, app: Flask) -> None:
    member = factories.enrol(cast)
    visitor, now = sign_in(app, "manager", stays=False), clock.now()
    with clock.set_to(now + timedelta(minutes=119)):
        form = visitor.get(f"/members/{member.id}/award").fields()
    with clock.set_to(now + timedelta(minutes=238)):
        assert visitor.get("/activity", HX_Request="true").status == 200
    planted = visitor.client.get_cookie("regulars")
    with clock.set_to(now + timedelta(minutes=240)):
        typed = {**form, "points": "120", "reason": "Late cake"}
        left = visitor.post(f"/members/{member.id}/award", typed)
        assert left.location == f"/sign-in?next=/members/{member.id}/award"
        # Over is over: an older cookie, from before it was left, opens nothing.
        again = Visitor(app)
        assert planted is not None
        again.client.set_cookie("regulars", planted.value)
        assert again.get("/members").location == "/sign-in?next=/members"

        visitor.send(
            left.location, email="manager@harbour.example.com", password=factories.PASSWORD
        )
        kept = visitor.get(f"/members/{member.id}/award")
        assert kept.value("reason") == "Late cake"


def test_the_sign_in_page_says_for_how_long_a_sign_in_stays(cast: Cast, tmp_path: Path) -> None:
    shop = create_app(make_settings(cast.database, tmp_path, session_hours=8), cast.database)

    assert "Keep this till signed in for 8 hours" in Visitor(shop).get("/sign-in").text


def test_a_sign_in_that_was_asked_to_stay_does(app: Flask) -> None:
    visitor, now = sign_in(app, "manager", stays=True), clock.now()

    with clock.set_to(now + timedelta(hours=11)):
        assert visitor.get("/members").status == 200
    with clock.set_to(now + timedelta(hours=12, minutes=1)):
        assert visitor.get("/members").location == "/sign-in?next=/members"

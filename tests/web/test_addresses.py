"""Where an act leads to: an address that nobody can be led to is replaced before the act."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from flask import Flask

from app import clock
from app.ids import new_token
from tests import factories
from tests.cast import Cast
from tests.factories import PASSWORD
from tests.support.pages import Visitor
from tests.web.test_route_walk import LEAVING, cells, make_things, sign_in, sign_in_of

UNUSABLE = (
    "/members\nSet-Cookie: a=b",
    "/\t/evil.example",
    "//[",
    "/" + "a" * 20_000,
)


@pytest.mark.parametrize("address", UNUSABLE, ids=lambda each: ascii(each[:20]))
def test_no_route_fails_for_where_it_should_lead(cast: Cast, app: Flask, address: str) -> None:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    typed = {"email": "owner@harbour.example.com", "password": PASSWORD, "current": PASSWORD}
    asked = {"next": address, "back": address}

    led = {}
    for cell in cells(app):
        walker = sign_in(app, "owner") if cell.endpoint in LEAVING else visitor
        path = cell.path(app, things)
        if cell.method == "GET":
            answer = walker.client.get(path, query_string=asked)
        else:
            form = {**walker.form, **typed, **asked, "once": new_token()}
            answer = walker.client.post(path, data=form)
        if cell.endpoint == "staff.sign_in":
            visitor = sign_in(app, "owner")
        answer.close()
        assert answer.status_code < 500, cell.endpoint
        led[cell.endpoint] = answer.location

    # These did what they do, and then led to where one goes without an address.
    member = f"/members/{things['member_id']}"
    assert (led["staff.sign_in"], led["people.confirm"]) == ("/", "/")
    assert (led["redemptions.fulfil"], led["redemptions.cancel"]) == (member, member)


def test_a_pin_leads_to_the_counter_instead(cast: Cast, app: Flask) -> None:
    till = factories.register_till(cast)
    factories.take_pin(cast, "cashier", "482913")
    visitor = Visitor(app)
    visitor.client.set_cookie(app.config["DEVICE_COOKIE_NAME"], till.token)

    path = f"/till/{cast.cashier.id}"
    entered = visitor.send(path, pin="482913", next="/members\nx: y")

    assert (entered.status, entered.location) == (303, "/counter")


def test_the_code_of_an_app_leads_home_instead(cast: Cast, app: Flask) -> None:
    secret = factories.set_up_app(cast, "manager")
    visitor = Visitor(app).sign_in("manager")

    with clock.set_to(clock.now() + timedelta(minutes=1)):
        code = pyotp.TOTP(secret).at(clock.now())
        entered = visitor.send("/sign-in/code", code=code, next="/members\nx: y")

    assert (entered.status, entered.location) == (303, "/")

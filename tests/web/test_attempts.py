"""Attempts to get in or round a control leave a line, with where they came from."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from tests import factories
from tests.cast import Cast
from tests.support.api import Program
from tests.support.pages import Visitor
from tests.web.test_second_factor import set_up

ADDRESS = "127.0.0.1"


def attempts(lines: list[Any]) -> list[tuple[str, str, str]]:
    """Give what was noted: what, where, from where."""
    return [
        (line["what"], line["route"], line["address"])
        for line in lines
        if line["event"] == "attempt" and line["log_level"] == "warning"
    ]


@pytest.mark.parametrize("email", ["cashier@harbour.example.com", "nobody@example.com"])
def test_a_wrong_password_leaves_a_line_whether_or_not_anybody_has_it(
    cast: Cast, app: Flask, email: str
) -> None:
    del cast
    visitor = Visitor(app)
    with capture_logs() as lines:
        visitor.send("/sign-in", email=email, password="wrong horse")

    assert attempts(lines) == [("password", "/sign-in", ADDRESS)]
    assert "wrong horse" not in str(lines)
    assert email not in str(lines)


def test_who_has_to_wait_leaves_a_line(cast: Cast, app: Flask) -> None:
    del cast
    visitor = Visitor(app)
    for _ in range(10):
        visitor.send("/sign-in", email="nobody@example.com", password="wrong horse")
    with capture_logs() as lines:
        answer = visitor.send("/sign-in", email="nobody@example.com", password="wrong horse")

    assert answer.status == 429
    assert attempts(lines) == [("too_many", "/sign-in", ADDRESS)]


def test_a_passkey_that_nobody_knows_leaves_a_line(cast: Cast, app: Flask) -> None:
    del cast
    visitor = Visitor(app)
    form = visitor.get("/sign-in").fields("/sign-in/passkey")
    with capture_logs() as lines:
        visitor.post("/sign-in/passkey", {**form, "credential": "{}"})

    assert attempts(lines) == [("passkey", "/sign-in/passkey", ADDRESS)]


def test_a_wrong_code_leaves_a_line(app: Flask, cashier: Visitor) -> None:
    set_up(cashier)
    thief = Visitor(app).sign_in("cashier")
    with capture_logs() as lines:
        thief.send("/sign-in/code", code="000000")

    assert attempts(lines) == [("code", "/sign-in/code", ADDRESS)]


def test_a_wrong_pin_leaves_a_line(cast: Cast, app: Flask) -> None:
    factories.take_pin(cast, "cashier", "271828")
    till = Visitor(app)
    till.client.set_cookie("regulars_till", factories.register_till(cast).token)
    with capture_logs() as lines:
        till.send(f"/till/{cast.cashier.id}", pin="271829")

    assert attempts(lines) == [("pin", "/till/<staff_id>", ADDRESS)]


def test_a_wrong_password_when_asked_again_leaves_a_line(cashier: Visitor) -> None:
    with capture_logs() as lines:
        cashier.send("/you/confirm", current="wrong horse")

    assert attempts(lines) == [("password", "/you/confirm", ADDRESS)]


def test_a_form_without_its_token_leaves_a_line(cashier: Visitor) -> None:
    form = {**cashier.get("/members/new").fields(), "csrf_token": "made up", "name": "Hana"}
    with capture_logs() as lines:
        cashier.post("/members/new", form)

    assert attempts(lines) == [("form_token", "/members/new", ADDRESS)]


def test_what_a_role_may_not_leaves_a_line(cashier: Visitor) -> None:
    with capture_logs() as lines:
        cashier.get("/staff")

    assert attempts(lines) == [("not_allowed", "/staff", ADDRESS)]


def test_a_bad_key_leaves_a_line_without_the_key(cast: Cast, app: Flask) -> None:
    del cast
    with capture_logs() as lines:
        Program(app, "sk_test_bad").get("/loyalty/accounts")

    assert attempts(lines) == [("bad_credentials", "/v1/loyalty/accounts", ADDRESS)]
    assert "sk_test_bad" not in str(lines)

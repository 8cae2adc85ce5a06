"""Passkeys: made, used to sign in and to approve; not forged, not borrowed, not used twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from flask import Flask

from app import clock
from app.services.staff import people
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.authenticator import PRESENT, Authenticator
from tests.support.pages import Page, Visitor


def options(visitor: Visitor, page: str, path: str, **more: str) -> dict[str, Any]:
    fields = visitor.get(page).fields()
    answer = visitor.client.post(path, data={**fields, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def make(visitor: Visitor, device: Authenticator, name: str = "Telephone") -> Page:
    asked = options(visitor, "/you/second-factor", "/you/passkeys/options")
    fields = visitor.get("/you/second-factor").fields("/you/passkeys")
    return visitor.post(
        "/you/passkeys", {**fields, "credential": device.make(asked), "passkey_name": name}
    )


def come(visitor: Visitor, credential: str, **more: str) -> Page:
    fields = visitor.get("/sign-in").fields("/sign-in/passkey")
    return visitor.post("/sign-in/passkey", {**fields, "credential": credential, **more})


def sign_in_options(visitor: Visitor) -> dict[str, Any]:
    return options(visitor, "/sign-in", "/sign-in/passkey/options")


def test_a_passkey_signs_in_without_a_password_or_code(
    app: Flask, manager: Visitor, owner: Visitor
) -> None:
    device = Authenticator()
    made = make(manager, device)
    assert made.status == 200
    assert len(made.elements("code")) == 10
    assert "Telephone" in manager.get("/you/second-factor").text

    visitor = Visitor(app)
    assert come(visitor, device.sign(sign_in_options(visitor)), next="/members").location == (
        "/members"
    )

    assert "Manager Person" in visitor.get("/you").text
    visitor.post("/mode", {**visitor.get("/you").fields("/mode"), "mode": "live"})
    assert visitor.get("/members").status == 200
    assert "Passkey" in owner.get("/staff").text
    # The password alone is not enough from now on, and the passkey does instead of a code.
    half = Visitor(app).sign_in("manager")
    assert half.get("/members").location == "/sign-in/code?next=/members"
    assert "Use your passkey" in half.get("/sign-in/code").text


def test_an_answer_is_good_once(app: Flask, manager: Visitor) -> None:
    device = Authenticator()
    make(manager, device)
    visitor, thief = Visitor(app), Visitor(app)
    answer = device.sign(sign_in_options(visitor))

    assert come(visitor, answer).location == "/"
    assert "not known here" in come(thief, answer).text
    assert thief.get("/members").status == 302


Change = Callable[[Authenticator], None]

FALSE: dict[str, Change] = {
    "another origin": lambda device: setattr(device, "origin", "https://evil.example.com"),
    "another host": lambda device: setattr(device, "host", "evil.example.com"),
    "nobody verified": lambda device: setattr(device, "flags", PRESENT),
    "a count that steps back": lambda device: setattr(device, "count", 0),
    "another key": lambda device: setattr(device, "_key", Authenticator()._key),
    "an unknown name": lambda device: setattr(device, "credential_id", b"x" * 32),
}


@pytest.mark.parametrize("change", FALSE)
def test_a_false_answer_opens_nothing(app: Flask, manager: Visitor, change: str) -> None:
    device = Authenticator()
    make(manager, device)
    visitor = Visitor(app)
    for _ in range(2):
        assert come(visitor, device.sign(sign_in_options(visitor))).location == "/"
        visitor = Visitor(app)
    asked = sign_in_options(visitor)
    FALSE[change](device)

    assert come(visitor, device.sign(asked)).status == 422
    assert visitor.get("/members").status == 302


@pytest.mark.parametrize(
    "credential",
    [
        *("", "{}", "[]", "null", "{", '{"id": 1}', "[" * 5000),
        '{"response": {"clientDataJSON": "!"}}',
        # What is inside may be as deep: 6,000 brackets, in base64url.
        f'{{"response": {{"clientDataJSON": "{base64.urlsafe_b64encode(b"[" * 6000).decode()}"}}}}',
    ],
)
def test_what_is_no_answer_is_refused(app: Flask, credential: str) -> None:
    assert come(Visitor(app), credential).status == 422


def test_an_answer_to_nobodys_question_or_to_an_old_one_opens_nothing(
    app: Flask, manager: Visitor
) -> None:
    device = Authenticator()
    make(manager, device)
    visitor = Visitor(app)
    asked = sign_in_options(visitor)

    own = {**asked, "challenge": "bWluZQ"}
    assert come(visitor, device.sign(own)).status == 422
    for_another = options(manager, "/you/second-factor", "/you/passkeys/options")
    assert come(visitor, device.sign(for_another)).status == 422
    with time_machine.travel(clock.now() + timedelta(minutes=6), tick=False):
        assert come(visitor, device.sign(asked)).status == 422


def test_who_is_switched_off_is_not_let_in(cast: Cast, app: Flask, manager: Visitor) -> None:
    device = Authenticator()
    make(manager, device)
    with cast.database.writing() as session:
        people.disable(
            session,
            merchant_id=cast.merchant_id,
            staff_id=cast.manager.id or "",
            by=cast.owner,
        )
    visitor = Visitor(app)
    answer = device.sign(sign_in_options(visitor))
    assert come(visitor, answer).status == 422


def test_a_passkey_that_is_removed_opens_nothing_and_the_last_leaves_the_password(
    app: Flask, manager: Visitor
) -> None:
    device = Authenticator()
    make(manager, device)
    shown = manager.get("/you/second-factor")
    (path,) = [
        str(form.get("action"))
        for form in shown.elements("form")
        if str(form.get("action")).endswith("/remove")
    ]

    manager.post(path, shown.fields(path))

    visitor = Visitor(app)
    answer = device.sign(sign_in_options(visitor))
    assert come(visitor, answer).status == 422
    assert Visitor(app).sign_in("manager").get("/members").status == 200


def test_a_passkey_is_made_only_for_who_asked(manager: Visitor, owner: Visitor) -> None:
    asked = options(owner, "/you/second-factor", "/you/passkeys/options")
    fields = manager.get("/you/second-factor").fields("/you/passkeys")
    answer = manager.post("/you/passkeys", {**fields, "credential": Authenticator().make(asked)})
    assert answer.status == 400
    assert "not good here" in answer.text


def test_a_secret_begun_by_a_thief_is_no_way_in_beside_a_passkey(
    cast: Cast, app: Flask, manager: Visitor
) -> None:
    thief = Visitor(app).sign_in("manager")
    thief.press("/you/second-factor", "/you/second-factor/begin")
    (secret,) = [each.text or "" for each in thief.get("/you/second-factor").elements("code")]
    make(manager, Authenticator())

    again = Visitor(app).sign_in("manager")
    answer = again.send("/sign-in/code", code=pyotp.TOTP(secret).at(clock.now()))
    assert answer.status == 422
    assert thief.get("/members").location.startswith("/sign-in/code")


@pytest.fixture
def path(cast: Cast) -> str:
    """Give where a member is awarded, by a cashier who may give 100 points."""
    factories.limit(cast, "cashier", 100, None)
    return f"/members/{factories.enrol(cast).id}/award"


def ask(cashier: Visitor, path: str, points: str = "500") -> dict[str, str]:
    asked = cashier.send(path, points=points, reason="Purchase")
    assert "Approve with a passkey" in asked.text
    return asked.fields(path)


def signed(cashier: Visitor, device: Authenticator, path: str, fields: dict[str, str]) -> str:
    answer = cashier.client.post("/approvals/options", data={**fields, "act": path})
    return device.sign(json.loads(answer.text))


def entries(cast: Cast) -> list[tuple[str | None, str | None, int]]:
    (member,) = records.members_of(cast)
    return [(e.actor_id, e.approved_by, e.points) for e in records.entries_of(cast, member)]


def test_a_manager_approves_with_a_passkey(
    cast: Cast, manager: Visitor, cashier: Visitor, path: str
) -> None:
    device = Authenticator()
    make(manager, device)
    fields = ask(cashier, path)

    form = {**fields, "approver_passkey": signed(cashier, device, path, fields)}
    assert cashier.post(path, form).status == 303
    assert entries(cast) == [(cast.cashier.id, cast.manager.id, 500)]
    # Sent again, after an answer that was lost, it is the same award.
    assert cashier.post(path, form).status == 303
    assert len(entries(cast)) == 1


@pytest.mark.parametrize(
    "other", [{"points": "900"}, {"reason": "Gift"}, {"once": "another"}, {"note": "x"}]
)
def test_a_passkeys_approval_is_good_for_its_act_alone(
    cast: Cast, manager: Visitor, cashier: Visitor, path: str, other: dict[str, str]
) -> None:
    device = Authenticator()
    make(manager, device)
    fields = ask(cashier, path)
    answer = signed(cashier, device, path, fields)

    refused = cashier.post(path, {**fields, **other, "approver_passkey": answer})

    assert refused.status == 400
    assert "This passkey is not good here" in refused.text
    assert entries(cast) == []


def test_an_approval_is_neither_for_another_member_nor_used_twice(
    cast: Cast, manager: Visitor, cashier: Visitor, path: str
) -> None:
    device = Authenticator()
    make(manager, device)
    fields = ask(cashier, path)
    answer = signed(cashier, device, path, fields)
    other = f"/members/{factories.enrol(cast, 'Friend').id}/award"
    assert cashier.post(other, {**fields, "approver_passkey": answer}).status == 400

    assert cashier.post(path, {**fields, "approver_passkey": answer}).status == 303
    fresh = cashier.get(path).fields(path)
    again = {**fields, "once": fresh["once"], "approver_passkey": answer}
    assert cashier.post(path, again).status in {400, 403}
    member = records.members_of(cast)[0]
    assert len(records.entries_of(cast, member)) == 1


def test_a_cashiers_own_passkey_approves_nothing(
    cast: Cast, manager: Visitor, cashier: Visitor, path: str
) -> None:
    theirs = Authenticator()
    make(manager, Authenticator())
    make(cashier, theirs)
    fields = ask(cashier, path)
    answer = signed(cashier, theirs, path, fields)
    assert cashier.post(path, {**fields, "approver_passkey": answer}).status == 400
    assert entries(cast) == []

"""The people: inviting, roles, switching off, passwords, sign-ins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app import clock
from app.models.staff import Staff
from app.services.staff import people
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor

GOOD = "plum tractor lamp seven"


def person(cast: Cast, role: str) -> Staff:
    with cast.database.reading() as session:
        found = people.list_people(session, merchant_id=cast.merchant_id)
    return next(each.person for each in found if each.person.id == getattr(cast, role).id)


def link_on(page: Page) -> str:
    """Give the path of the link that a page shows."""
    (field,) = [each for each in page.elements("input") if each.get("id") == "link"]
    return "/join/" + str(field.get("value")).rpartition("/")[2]


def invite(owner: Visitor, **changes: str) -> Page:
    typed = {"name": "Aisha Bello", "email": "aisha@harbour.example.com", "role": "cashier"}
    return owner.send("/staff/invite", **{**typed, **changes})


def join(visitor: Visitor, link: str, password: str = GOOD, again: str | None = None) -> Page:
    return visitor.send(link, password=password, again=password if again is None else again)


def test_an_invitation_is_taken_once(cast: Cast, app: Flask, owner: Visitor) -> None:
    link = link_on(invite(owner))
    newcomer = Visitor(app)

    assert "Welcome, Aisha Bello" in newcomer.get(link).text
    assert join(newcomer, link).status == 303
    assert "Aisha Bello" in newcomer.get("/you").text
    assert newcomer.get("/staff").status == 403
    assert Visitor(app).get(link).status == 404
    assert "Aisha Bello" in owner.get("/staff").text
    assert "Invited" not in owner.get("/staff").text


def test_an_invitation_ends_after_72_hours(app: Flask, owner: Visitor) -> None:
    link = link_on(invite(owner))

    with clock.set_to(clock.now() + timedelta(hours=71)):
        assert Visitor(app).get(link).status == 200
    with clock.set_to(clock.now() + timedelta(hours=73)):
        assert Visitor(app).get(link).status == 404


def test_an_invitation_is_revoked(app: Flask, owner: Visitor) -> None:
    link = link_on(invite(owner))
    page = owner.get("/staff")
    (action,) = [
        str(form.get("action"))
        for form in page.elements("form")
        if str(form.get("action")).endswith("/revoke")
    ]

    owner.post(action, page.fields(action))

    assert Visitor(app).get(link).status == 404


def test_an_invitation_that_was_taken_meanwhile_is_not_said_to_be_revoked(
    cast: Cast, app: Flask, owner: Visitor
) -> None:
    link = link_on(invite(owner))
    (revoke,) = [
        str(form.get("action"))
        for form in owner.get("/staff").elements("form")
        if str(form.get("action")).endswith("/revoke")
    ]
    form = owner.get("/staff").fields(revoke)
    Visitor(app).send(link, password=GOOD, again=GOOD)

    owner.post(revoke, form)

    assert "has taken the invitation already" in owner.get("/staff").text


def test_a_form_sent_twice_invites_once(cast: Cast, owner: Visitor) -> None:
    form = {
        **owner.get("/staff/invite").fields(),
        "name": "Aisha",
        "email": "aisha@harbour.example.com",
        "role": "cashier",
    }

    first, again = (owner.post("/staff/invite", form) for _ in range(2))

    assert link_on(first)
    assert "This link was shown already" in again.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "nobody"}, "not an email"),
        ({"email": "manager@harbour.example.com"}, "already signs in"),
        ({"name": ""}, "Enter a name"),
        ({"role": "king"}, "Not a valid choice"),
    ],
)
def test_a_wrong_invitation_is_told(owner: Visitor, changes: dict[str, str], words: str) -> None:
    page = invite(owner, **changes)

    assert page.status in {400, 422}
    assert words in page.text


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", None, "12 to 128 characters"),
        ("password1234", None, "lists of stolen ones"),
        ("harbourharbour", None, "easy to guess"),
        ("x" * 129, None, "12 to 128 characters"),
        (GOOD, "another one", "not the same"),
    ],
)
def test_a_password_that_may_not_be_used_is_refused_in_words(
    app: Flask, owner: Visitor, password: str, again: str | None, words: str
) -> None:
    link = link_on(invite(owner))

    page = join(Visitor(app), link, password, again)

    assert page.status in {400, 422}
    assert words in page.text


def test_a_role_that_is_lost_is_lost_while_a_page_is_open(
    cast: Cast, owner: Visitor, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/adjust"
    form = {**manager.get(path).fields(path), "points": "50", "reason": "x"}

    owner.send(f"/staff/{cast.manager.id}", role="viewer")

    assert manager.post(path, form).status == 403
    assert factories.reload(cast, member).balance == 0


def test_who_is_switched_off_is_out_with_the_next_click(
    cast: Cast, app: Flask, owner: Visitor, cashier: Visitor
) -> None:
    page = f"/staff/{cast.cashier.id}"
    assert cashier.get("/members").status == 200

    owner.press(page, f"{page}/disable")

    assert cashier.get("/members").location.startswith("/sign-in")
    refused = Visitor(app)
    fields = refused.get("/sign-in").fields()
    email = "cashier@harbour.example.com"
    answer = refused.post("/sign-in", {**fields, "email": email, "password": factories.PASSWORD})
    assert answer.status == 422
    owner.press(page, f"{page}/enable")
    assert Visitor(app).sign_in("cashier").get("/members").status == 200
    # The old sign-in does not revive.
    assert cashier.get("/members").location.startswith("/sign-in")


def test_one_owner_stays(cast: Cast, owner: Visitor) -> None:
    page = f"/staff/{cast.owner.id}"

    refused = owner.send(page, role="manager")

    assert refused.status == 400
    assert "One owner must stay" in refused.text
    assert "Switch off" not in owner.get(page).text
    assert person(cast, "owner").role == "owner"


def test_a_password_is_changed_and_other_sign_ins_end(app: Flask, cashier: Visitor) -> None:
    elsewhere = Visitor(app).sign_in("cashier")

    done = cashier.send("/you/password", current=factories.PASSWORD, password=GOOD, again=GOOD)

    assert done.status == 303
    assert cashier.get("/members").status == 200
    assert elsewhere.get("/members").location.startswith("/sign-in")
    assert Visitor(app).sign_in("cashier", GOOD).get("/members").status == 200


def test_a_wrong_password_changes_nothing(app: Flask, cashier: Visitor) -> None:
    page = cashier.send("/you/password", current="wrong", password=GOOD, again=GOOD)

    assert page.status == 422
    assert "not your password now" in page.text
    assert Visitor(app).sign_in("cashier").get("/members").status == 200


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/you/password", {"password": GOOD, "again": GOOD}),
        ("/you/pin", {"pin": "271828", "pin_again": "271828"}),
    ],
)
def test_guesses_at_ones_own_password_are_stopped(
    cashier: Visitor, path: str, typed: dict[str, str]
) -> None:
    guesses = [cashier.send(path, current=f"wrong {number}", **typed) for number in range(11)]

    assert [guess.status for guess in guesses] == [422] * 10 + [429]
    right = cashier.send(path, current=factories.PASSWORD, **typed)
    assert right.status == 429
    assert "Wait 15 minutes" in right.text
    with clock.set_to(clock.now() + timedelta(minutes=16)):
        assert cashier.send(path, current=factories.PASSWORD, **typed).status == 303


def test_ones_own_sign_ins_are_listed_and_ended(app: Flask, cashier: Visitor) -> None:
    elsewhere = Visitor(app).sign_in("cashier")
    page = cashier.get("/you/sign-ins")
    (action,) = [
        str(form.get("action"))
        for form in page.elements("form")
        if str(form.get("action")).endswith("/revoke")
    ]

    cashier.post(action, page.fields(action))

    assert elsewhere.get("/members").location.startswith("/sign-in")
    assert cashier.get("/members").status == 200


def test_anothers_sign_in_is_not_ones_own_to_end(
    cast: Cast, cashier: Visitor, manager: Visitor
) -> None:
    with cast.database.reading() as session:
        (theirs,) = people.list_sessions(session, staff_id=str(cast.manager.id))
    form = cashier.get("/you").fields("/sign-out")

    cashier.post(f"/you/sign-ins/{theirs.token_hash}/revoke", form)

    assert manager.get("/members").status == 200


def test_only_an_owner_sees_the_staff(manager: Visitor) -> None:
    for path in ("/staff", "/staff/invite"):
        assert manager.get(path).status == 403


def test_a_person_says_how_they_are_called(cast: Cast, cashier: Visitor, owner: Visitor) -> None:
    form = cashier.get("/you").fields("/you/name")
    refused = cashier.post("/you/name", {**form, "name": " "})
    assert refused.status == 400
    assert "Your name" in refused.text

    cashier.post("/you/name", {**form, "name": "Aisha B."})

    assert "Aisha B." in owner.get("/staff").text
    assert person(cast, "cashier").name == "Aisha B."


@pytest.mark.parametrize("act", ["disable", "role"])
def test_who_is_owner_no_longer_has_invited_nobody(
    cast: Cast, app: Flask, owner: Visitor, act: str
) -> None:
    owner.send(f"/staff/{cast.manager.id}", role="owner")
    second = Visitor(app).sign_in("manager")
    link = link_on(invite(second, role="owner"))
    assert Visitor(app).get(link).status == 200

    if act == "disable":
        owner.press(f"/staff/{cast.manager.id}", f"/staff/{cast.manager.id}/disable")
    else:
        owner.send(f"/staff/{cast.manager.id}", role="manager")

    assert Visitor(app).get(link).status == 404


def test_an_invitation_of_who_is_owner_no_longer_lets_nobody_in(
    cast: Cast, app: Flask, owner: Visitor
) -> None:
    link = link_on(invite(owner))
    with cast.database.writing() as session:
        # As a demotion does that did not see an invitation under way.
        session.execute(update(Staff).where(Staff.id == cast.owner.id).values(role="manager"))

    answer = Visitor(app).send(link, password=GOOD, again=GOOD)

    assert answer.status == 404
    assert "is over" in answer.text


def test_a_sign_in_is_named_by_its_browser_and_system(app: Flask, cashier: Visitor) -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
    typed = {"email": "cashier@harbour.example.com", "password": factories.PASSWORD}
    for agent in (windows, "of our own making"):
        elsewhere = Visitor(app)
        form = elsewhere.get("/sign-in").fields("/sign-in")
        assert elsewhere.post("/sign-in", {**form, **typed}, User_Agent=agent).status == 303

    shown = cashier.get("/you/sign-ins").text

    assert "Firefox on Windows" in shown
    assert "A browser" in shown
    assert "Mozilla" not in shown

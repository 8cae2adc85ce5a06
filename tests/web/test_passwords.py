"""Passwords and PINs: hidden, taken as they are typed, good for ever, and hashed slowly."""

from __future__ import annotations

import re
import runpy
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import Type, extract_parameters
from flask import Flask
from sqlalchemy import select
from wtforms import Field, PasswordField
from wtforms.fields.core import UnboundField

from app import clock
from app.db.base import Base
from app.models.staff import Staff
from app.services.staff import passwords
from app.web.base_form import RegularsForm
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor

ROOT = Path(__file__).resolve().parents[2]

PIN = "271828"

TYPED = "  Plum Tractor, LÄMPCHEN sieben \u9be8  "
"""A password of which every part is easily lost: blanks, capitals, marks, another script."""

OTHERS = (
    TYPED.strip(),
    TYPED.lstrip(),
    TYPED.rstrip(),
    TYPED.casefold(),
    TYPED.swapcase(),
    unicodedata.normalize("NFD", TYPED),
    re.sub(" +", " ", TYPED),
    TYPED.encode("ascii", "ignore").decode(),
)

WORDS = (
    "plum tractor lamp seven harbour violet engine north cradle biscuit otter mango pebble gate "
)


NEW = {"password": "new-password", "again": "new-password"}
EXPECTED = {
    "/sign-in": {"password": "current-password"},
    "/join": NEW,
    "/you/password": {"current": "current-password", **NEW},
    "/you/confirm": {"current": "current-password"},
    "/you/pin": {"current": "current-password", "pin": "off", "pin_again": "off"},
    "/till": {"pin": "off"},
    "award beyond a limit": {"approver_pin": "off"},
}
"""Each form that takes a password or a PIN, with what `autocomplete` says of its fields."""

IS_SECRET = re.compile(r"passw|^pin$|pin_|_pin$|^current$|^again$")


@pytest.fixture
def invited(cast: Cast) -> str:
    """Give the path of an invitation."""
    return f"/join/{factories.invite(cast).token}"


@pytest.fixture
def asking(cast: Cast, app: Flask, owner: Visitor, invited: str) -> dict[str, Page]:
    """Give each page that asks for a password or a PIN."""
    factories.take_pin(cast, "cashier", PIN)
    factories.take_pin(cast, "manager", PIN)
    factories.limit(cast, "cashier", 100, None)
    till = Visitor(app)
    till.client.set_cookie("regulars_till", factories.register_till(cast).token)
    award = f"/members/{factories.enrol(cast).id}/award"
    return {
        "/sign-in": Visitor(app).get("/sign-in"),
        "/join": Visitor(app).get(invited),
        "/you/password": owner.get("/you/password"),
        "/you/confirm": owner.get("/you/confirm"),
        "/you/pin": owner.get("/you/pin"),
        "/till": till.get(f"/till/{cast.cashier.id}"),
        "award beyond a limit": Visitor(app)
        .sign_in("cashier")
        .send(award, points="500", reason="Purchase"),
    }


def inputs(page: Page) -> Iterator[dict[str, str]]:
    """Go through the fields of a page."""
    for each in page.elements("input"):
        yield dict(each.attrib)


def hidden(page: Page) -> dict[str, str]:
    """Give the fields of a page that hide what is typed, with what `autocomplete` says."""
    return {
        each["name"]: each.get("autocomplete", "")
        for each in inputs(page)
        if each.get("type") == "password"
    }


def fields_of_all_forms() -> list[tuple[str, str, type[Field]]]:
    """List the fields of every form of the pages: its name, theirs, and their kind."""
    forms, new = [], [RegularsForm]
    while new:
        forms += new
        new = [form for each in new for form in each.__subclasses__()]
    assert len(forms) > 30
    return [
        (form.__name__, name, field.field_class)
        for form in forms
        for name, field in ((name, getattr(form, name)) for name in dir(form))
        if isinstance(field, UnboundField)
    ]


def join(app: Flask, path: str, password: str) -> Page:
    """Take an invitation."""
    return Visitor(app).send(path, password=password, again=password)


def enter(app: Flask, password: str, email: str = "rosa@example.com") -> int:
    """Try a password, and give the answer's status."""
    visitor = Visitor(app)
    fields = {**visitor.get("/sign-in").fields(), "email": email, "password": password}
    return visitor.post("/sign-in", fields).status


def test_whatever_is_a_password_or_a_pin_is_hidden_while_it_is_typed(
    asking: dict[str, Page],
) -> None:
    assert {name: hidden(page) for name, page in asking.items()} == EXPECTED
    for name, page in asking.items():
        shown = [
            each
            for each in inputs(page)
            if IS_SECRET.search(each.get("name", "")) and each.get("type") != "password"
        ]
        assert shown == [], name
        kept = [
            each for each in inputs(page) if each.get("type") == "password" and each.get("value")
        ]
        assert kept == [], name


def test_no_other_page_asks_for_one(owner: Visitor, paths: list[str]) -> None:
    found = {path: hidden(owner.get(path)) for path in paths}

    assert {path: fields for path, fields in found.items() if fields} == {
        path: EXPECTED[path] for path in ("/you/password", "/you/confirm", "/you/pin")
    }


def test_no_form_has_one_in_a_field_that_shows_it(app: Flask) -> None:
    hides = {
        (form, name): issubclass(kind, PasswordField)
        for form, name, kind in fields_of_all_forms()
        if IS_SECRET.search(name)
    }

    assert len(hides) >= 10
    assert [name for name, is_hidden in hides.items() if not is_hidden] == []


def test_nothing_hinders_pasting_a_password_or_a_manager_of_passwords(
    asking: dict[str, Page],
) -> None:
    for name, page in asking.items():
        for each in inputs(page):
            if each.get("type") != "password":
                continue
            assert {"readonly", "disabled", "pattern"} & each.keys() == set(), name
            # Six digits have a length; a password is cut by nothing.
            assert each.get("maxlength") == ("6" if "pin" in each["name"] else None), name
    listens = re.compile(
        r"""["'](?:paste|copy|cut|beforeinput|drop|contextmenu|beforepaste)["']|\bon(?:paste|copy|cut)\b"""
    )
    scripts = list((ROOT / "static").glob("*.js"))
    assert len(scripts) >= 4
    assert {script.name: listens.findall(script.read_text("utf-8")) for script in scripts} == {
        script.name: [] for script in scripts
    }


def test_a_password_is_taken_as_it_was_typed(app: Flask, invited: str) -> None:
    assert join(app, invited, TYPED).status == 303

    assert len({TYPED, *OTHERS}) == 1 + len(OTHERS)
    assert [enter(app, other) for other in OTHERS] == [422] * len(OTHERS)
    assert enter(app, TYPED) == 303


def test_another_password_is_taken_as_it_was_typed_too(app: Flask, cashier: Visitor) -> None:
    email = "cashier@harbour.example.com"
    typed = {"current": factories.PASSWORD, "password": TYPED, "again": TYPED}

    assert cashier.send("/you/password", **{**typed, "again": TYPED.strip()}).status == 422
    assert (
        cashier.send("/you/password", **{**typed, "current": f"{factories.PASSWORD} "}).status
        == 422
    )
    assert cashier.send("/you/password", **typed).status == 303

    assert [enter(app, other, email) for other in OTHERS] == [422] * len(OTHERS)
    assert enter(app, TYPED, email) == 303


@pytest.mark.parametrize("length", [12, 64, 65, 72, 73, 100, 128])
@pytest.mark.parametrize("alphabet", ["ascii", "wide"])
def test_a_password_of_12_to_128_characters_counts_to_its_last_one(
    app: Flask, invited: str, length: int, alphabet: str
) -> None:
    """Hashes that cut are common: bcrypt reads 72 bytes."""
    words = (
        WORDS if alphabet == "ascii" else WORDS.translate({ord("a"): "\u0105", ord("e"): "\u9be8"})
    )
    password = (words * 2)[: length - 1] + "x"

    assert len(password) == length
    assert join(app, invited, password).status == 303
    assert enter(app, password) == 303
    assert enter(app, f"{password[:-1]}y") == 422
    assert enter(app, password[:-1]) == 422


@pytest.mark.parametrize("role", ["owner", "manager", "cashier", "viewer"])
def test_a_password_does_not_grow_old(app: Flask, role: str) -> None:
    with clock.set_to(clock.now() + timedelta(days=3653)):
        visitor = Visitor(app)
        fields = visitor.get("/sign-in").fields()
        typed = {"email": f"{role}@harbour.example.com", "password": factories.PASSWORD}
        done = visitor.post("/sign-in", {**fields, **typed})

        # Straight to where everybody begins, and no page of it speaks of another password.
        assert (done.status, done.location) == (303, "/")
        home = visitor.get("/")
        assert home.status == 200
        assert "password" not in home.text.lower()


def test_a_pin_does_not_grow_old(cast: Cast, app: Flask) -> None:
    factories.take_pin(cast, "cashier", PIN)
    till = Visitor(app)
    till.client.set_cookie("regulars_till", factories.register_till(cast).token)

    with clock.set_to(clock.now() + timedelta(days=3653)):
        done = till.send(f"/till/{cast.cashier.id}", pin=PIN)

    assert (done.status, done.location) == (303, "/counter")


def test_nobody_is_asked_or_told_what_leads_to_a_password(
    app: Flask, visitor: Visitor, invited: str
) -> None:
    leads = re.compile(r"hint|question|answer|remind|maiden|forgot", re.IGNORECASE)
    columns = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if table.name.startswith("staff")
    ]
    wrong = {**visitor.get("/sign-in").fields(), "email": "owner@harbour.example.com"}
    fields = [name for _, name, _ in fields_of_all_forms()]

    refused = visitor.post("/sign-in", {**wrong, "password": "wrong password"})

    assert len(columns) > 30
    assert [name for name in (*columns, *fields) if leads.search(name)] == []
    for page in (visitor.get("/sign-in"), refused, visitor.get(invited)):
        assert leads.findall(page.text) == []
        asked = {str(each.get("name")) for each in inputs(page) if each.get("type") != "hidden"}
        assert asked <= {"email", "password", "again", "stay"}


def test_passwords_and_pins_are_hashed_as_slowly_as_owasp_asks(
    app: Flask, cast: Cast, invited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests hash cheaply; here the product's own parameters are back (OWASP, argon2id)."""
    source = runpy.run_path(str(ROOT / "app" / "services" / "staff" / "passwords.py"))
    monkeypatch.setattr(passwords, "_HASHER", source["_HASHER"])

    assert join(app, invited, TYPED).status == 303
    factories.take_pin(cast, "cashier", PIN)
    visitor = Visitor(app).sign_in("viewer")
    changed = {"current": factories.PASSWORD, "password": TYPED, "again": TYPED}
    assert visitor.send("/you/password", **changed).status == 303

    with cast.database.reading() as session:
        newcomer = session.scalars(select(Staff).where(Staff.email == "rosa@example.com")).one()
        cashier = session.get_one(Staff, cast.cashier.id)
        viewer = session.get_one(Staff, cast.viewer.id)
    for kept in (newcomer.password_hash, viewer.password_hash, str(cashier.pin_hash)):
        found = extract_parameters(kept)
        assert found.type is Type.ID
        assert found.memory_cost >= 19_456
        assert found.time_cost >= 2
        assert found.parallelism == 1
        assert found.salt_len >= 16
        assert found.hash_len >= 32
    # The same password twice has two hashes.
    assert newcomer.password_hash != viewer.password_hash

"""A shared till: registered by a manager, signed in by PIN, locked when it is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from app import clock
from app.services import locations
from app.services.staff import people as staff_people
from app.services.staff import pins
from app.services.staff.sign_ins import SignIn
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.pages import Page, Visitor

PIN = "271828"
GOOD = "plum tractor lamp seven"


@pytest.fixture
def till(cast: Cast, app: Flask) -> Visitor:
    """Give a browser that is a till, on which nobody is signed in; the cashier has a PIN."""
    factories.take_pin(cast, "cashier", PIN)
    return make_till(cast, app)


def make_till(cast: Cast, app: Flask, *, idle_minutes: int = 5) -> Visitor:
    visitor = Visitor(app)
    token = factories.register_till(cast, idle_minutes=idle_minutes).token
    visitor.client.set_cookie("regulars_till", token)
    return visitor


def enter(visitor: Visitor, person: str | None, pin: str = PIN, **more: str) -> Page:
    path = f"/till/{person}"
    return visitor.post(path, {**visitor.get(path).fields(path), "pin": pin, **more})


def test_a_manager_makes_a_browser_a_till(cast: Cast, app: Flask, manager: Visitor) -> None:
    factories.take_pin(cast, "cashier", PIN)
    done = manager.send(
        "/devices/new", name="Till 2", location_id=cast.location_id, idle_minutes="3"
    )

    cookie = done.response.headers.get_all("Set-Cookie")[0]
    assert "regulars_till=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Till 2" in manager.get("/locations").text
    assert "this browser" in manager.get("/locations").text
    manager.press("/you", "/sign-out")
    sign_in_page = manager.get("/members")
    assert sign_in_page.location == "/till?next=/members"
    assert "Cashier Person" in manager.get(sign_in_page.location).text


def test_a_registration_that_is_sent_twice_makes_one_till(cast: Cast, manager: Visitor) -> None:
    form = {
        **manager.get("/devices/new").fields(),
        "name": "Till 2",
        "location_id": cast.location_id,
    }

    first, again = (manager.post("/devices/new", form) for _ in range(2))
    manager.press("/you", "/sign-out")

    assert (first.status, again.status) == (303, 303)
    # The browser keeps the cookie that came last.
    assert manager.get("/members").location == "/till?next=/members"
    owner = Visitor(manager.client.application).sign_in("owner")
    assert owner.get("/locations").text.count("Till 2 locks") == 1


def test_an_empty_pin_is_no_try(cast: Cast, till: Visitor) -> None:
    for _ in range(20):
        asked = enter(till, cast.cashier.id, "")
        assert asked.status == 422
        assert "Type your PIN." in asked.text

    assert enter(till, cast.cashier.id).location == "/counter"


def test_a_pin_opens_the_counter_and_all_is_written_down_with_the_till(
    cast: Cast, till: Visitor
) -> None:
    member = factories.enrol(cast)

    assert enter(till, cast.cashier.id).location == "/counter"
    path = f"/members/{member.id}/award"
    assert till.send(path, points="50", reason="By hand").status == 303

    (entry,) = records.entries_of(cast, member)
    assert entry.actor_id == cast.cashier.id
    assert entry.location_id == cast.location_id
    assert entry.device_id is not None
    shown = till.get(f"/members/{member.id}").text
    assert "Quay Street, Till 1" in shown
    assert factories.verify(cast).fault is None
    (told,) = records.audit_of(cast, "ledger.award")
    assert told.device_id == entry.device_id


def test_without_the_tills_cookie_a_pin_opens_nothing(cast: Cast, app: Flask) -> None:
    factories.take_pin(cast, "cashier", PIN)
    stranger = Visitor(app)
    form = {**stranger.get("/sign-in").fields(), "pin": PIN}

    for cookie in ("", "x" * 43, "\u00e9"):
        stranger.client.set_cookie("regulars_till", cookie)
        assert stranger.get("/till").location == "/sign-in"
        assert stranger.get(f"/till/{cast.cashier.id}").location == "/sign-in"
        assert stranger.post(f"/till/{cast.cashier.id}", form).location == "/sign-in"
    assert stranger.get("/counter").status == 302


def test_guessing_a_pin_has_to_wait_even_with_the_right_one(cast: Cast, till: Visitor) -> None:
    for guess in range(pins.FAILURES_PER_PERSON):
        assert "This PIN is not right" in enter(till, cast.cashier.id, f"{guess:06}").text
    locked = enter(till, cast.cashier.id)
    assert locked.status == 429
    assert "Too many tries" in locked.text
    with clock.set_to(clock.now() + timedelta(minutes=16)):
        assert enter(till, cast.cashier.id).status == 303
    told = records.audit_of(cast, "staff.pin_failed", live=True)
    assert len(told) == pins.FAILURES_PER_PERSON


def test_a_till_at_which_many_are_guessed_at_has_to_wait(cast: Cast, till: Visitor) -> None:
    people = []
    for number in range(5):
        joined = join(cast, factories.invite(cast, f"p{number}@example.com").token)
        with cast.database.writing() as session:
            pins.set_own(session, staff_id=joined.staff.id, password=GOOD, pin=PIN, by=cast.owner)
        people.append(joined.staff.id)
    for person in people[:4]:
        for guess in range(pins.FAILURES_PER_PERSON):
            enter(till, person, f"{guess:06}")
    assert "Too many tries" in enter(till, people[4]).text


def join(cast: Cast, token: str) -> SignIn:
    with cast.database.writing() as session:
        return staff_people.accept(session, token=token, password=GOOD, mode="sandbox", hours=1)


@pytest.mark.parametrize("pin", ["", "12345", "abcdef", "1234567", "\uff11" * 6])
def test_what_is_no_pin_is_refused(cast: Cast, till: Visitor, pin: str) -> None:
    assert enter(till, cast.cashier.id, pin).status == 422


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ("12345", "A PIN has 6 digits."),
        ("1234567", "A PIN has 6 digits."),
        ("12345a", "A PIN has 6 digits."),
        ("123456", "Everybody tries"),
        ("654321", "Everybody tries"),
        ("890123", "Everybody tries"),
        ("777777", "Everybody tries"),
        ("121212", "Everybody tries"),
        ("123123", "Everybody tries"),
    ],
)
def test_a_pin_that_may_not_be_used(cashier: Visitor, pin: str, said: str) -> None:
    typed = {"current": factories.PASSWORD, "pin": pin, "pin_again": pin}
    answer = cashier.send("/you/pin", **typed)
    assert answer.status == 400
    assert said in answer.text


def test_a_pin_needs_the_password_and_to_be_typed_twice_alike(cashier: Visitor) -> None:
    wrong = cashier.send("/you/pin", current="wrong", pin=PIN, pin_again=PIN)
    assert "This is not your password" in wrong.text
    other = cashier.send("/you/pin", current=factories.PASSWORD, pin=PIN, pin_again="314159")
    assert "not the same as above" in other.text
    done = cashier.send("/you/pin", current=factories.PASSWORD, pin=PIN, pin_again=PIN)
    assert done.status == 303


def test_a_manager_who_comes_by_pin_has_a_cashiers_rights(cast: Cast, till: Visitor) -> None:
    factories.take_pin(cast, "manager", PIN)
    assert enter(till, cast.manager.id).status == 303

    assert till.get("/counter").status == 200
    for path in ("/locations", "/rewards/new", "/audit", "/developers"):
        assert till.get(path).status == 403, path
    assert "Cashier, Till 1" in till.get("/counter").text


@pytest.mark.parametrize(
    "path", ["/you/password", "/you/pin", "/you/second-factor", "/you/sign-ins"]
)
def test_a_pin_makes_no_other_keys(cast: Cast, till: Visitor, path: str) -> None:
    enter(till, cast.cashier.id)
    answer = till.get(path)
    assert answer.status == 403
    assert "Sign in with your password" in answer.text


def test_a_till_locks_when_it_is_left(cast: Cast, till: Visitor) -> None:
    enter(till, cast.cashier.id)
    now = clock.now()
    with clock.set_to(now + timedelta(minutes=4)):
        assert till.get("/counter").status == 200
    with clock.set_to(now + timedelta(minutes=8)):
        assert till.get("/counter").status == 200
    planted = till.client.get_cookie("regulars")
    with clock.set_to(now + timedelta(minutes=13)):
        assert till.get("/counter").location == "/till?next=/counter"
    # Its session is over: an older cookie, from before it was left, opens nothing.
    assert planted is not None
    till.client.set_cookie("regulars", planted.value)
    assert till.get("/counter").location == "/till?next=/counter"


def test_who_came_by_pin_is_offered_nothing_that_needs_the_password(
    cast: Cast, till: Visitor
) -> None:
    enter(till, cast.cashier.id)

    assert not {"/you/pin", "/you/password", "/you/sessions"} & set(till.get("/you").links())


def test_what_a_page_asks_by_itself_keeps_no_till_open(cast: Cast, till: Visitor) -> None:
    enter(till, cast.cashier.id)
    now = clock.now()
    with clock.set_to(now + timedelta(minutes=4)):
        assert till.get("/activity", HX_Request="true").status == 200
    with clock.set_to(now + timedelta(minutes=5, seconds=1)):
        answer = till.get("/counter", HX_Request="true")
        assert answer.response.headers["HX-Redirect"] == "/till?next=/counter"


def test_what_was_typed_when_it_locked_is_still_there(cast: Cast, till: Visitor) -> None:
    member = factories.enrol(cast)
    enter(till, cast.cashier.id)
    path = f"/members/{member.id}/award"
    form = {**till.get(path).fields(path), "points": "50", "reason": "Purchase"}
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        sign_in_page = till.post(path, form)
        assert sign_in_page.location == f"/till?next={path}"
        # It waits where whoever has the browser cannot read it.
        cookie = till.client.get_cookie("regulars")
        assert cookie is not None
        kept = URLSafeTimedSerializer("", salt="").load_payload(
            cookie.value.rsplit(".", 2)[0].encode()
        )
        assert set(kept) >= {"unsent"}
        assert "Purchase" not in str(kept)
        back = enter(till, cast.cashier.id, next=path)
        shown = till.get(back.location)
        assert "Not sent yet." in shown.text
        assert shown.value("points") == "50"
    assert records.entries_of(cast, member) == []


def test_what_one_had_typed_is_not_shown_to_the_next(cast: Cast, till: Visitor) -> None:
    factories.take_pin(cast, "manager", "314159")
    member = factories.enrol(cast)
    enter(till, cast.cashier.id)
    path = f"/members/{member.id}/award"
    form = {**till.get(path).fields(path), "points": "50", "note": "between us"}
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        till.post(path, form)
        assert enter(till, cast.manager.id, "314159", next=path).location == "/counter"
        assert "between us" not in str(till.get(path).fields(path))
        assert "Not sent yet." not in till.get(path).text


def test_a_touch_that_asks_for_nothing_keeps_a_till_open(cast: Cast, till: Visitor) -> None:
    enter(till, cast.cashier.id)
    form = till.get("/counter").fields("/till/lock")
    now = clock.now()
    with clock.set_to(now + timedelta(minutes=4)):
        assert till.post("/till/awake", form).status == 204
    with clock.set_to(now + timedelta(minutes=8)):
        assert till.get("/counter").status == 200


def test_a_till_just_registered_is_not_left(cast: Cast, manager: Visitor) -> None:
    with clock.set_to(clock.now() + timedelta(minutes=30)):
        manager.send("/devices/new", name="Till 2", location_id=cast.location_id, idle_minutes="1")
        assert manager.get("/locations").status == 200


def test_with_a_closed_shop_its_tills_are_none(cast: Cast, till: Visitor, manager: Visitor) -> None:
    enter(till, cast.cashier.id)
    path = f"/locations/{cast.location_id}"
    manager.press(path, f"{path}/close")
    assert till.get("/counter").status == 302
    assert till.get("/till").location == "/sign-in"


def test_who_comes_by_pin_goes_where_everybody_may(cast: Cast, till: Visitor) -> None:
    for path, goal in (
        ("/locations", "/counter"),
        ("/counter/find?q=a", "/counter"),
        ("/members?q=a", "/members?q=a"),
        ("//evil.example.com", "/counter"),
    ):
        assert enter(till, cast.cashier.id, next=path).location == goal


def test_lock_is_a_button_too(cast: Cast, till: Visitor) -> None:
    enter(till, cast.cashier.id)
    planted = till.client.get_cookie("regulars")

    assert till.press("/counter", "/till/lock").location == "/till"

    assert planted is not None
    till.client.set_cookie("regulars", planted.value)
    assert till.get("/counter").status == 302


def test_who_comes_next_ends_the_sign_in_before(cast: Cast, app: Flask, till: Visitor) -> None:
    factories.take_pin(cast, "manager", "314159")
    enter(till, cast.cashier.id)
    planted = till.client.get_cookie("regulars")
    enter(till, cast.manager.id, "314159")
    assert "Manager Person" in till.get("/counter").text

    thief = Visitor(app)
    assert planted is not None
    thief.client.set_cookie("regulars", planted.value)
    assert thief.get("/counter").status == 302


def test_a_till_that_is_revoked_lets_nobody_in_and_everybody_out(
    cast: Cast, till: Visitor, manager: Visitor
) -> None:
    enter(till, cast.cashier.id)
    page = manager.get("/locations")
    (path,) = [each for each in page.links() if each.startswith("/devices/dev_")]

    manager.press(path, f"{path}/revoke")

    assert till.get("/counter").status == 302
    assert till.get("/till").location == "/sign-in"
    assert "No till is registered here" in manager.get("/locations").text


def test_at_a_till_the_shop_is_the_tills(cast: Cast, till: Visitor, app: Flask) -> None:
    enter(till, cast.cashier.id)
    assert "This is Till 1." in till.get("/you").text
    form = till.get("/counter").fields("/till/lock")
    assert till.post("/you", {**form, "location_id": cast.location_id}).status == 400


def test_who_works_elsewhere_or_has_no_pin_is_not_listed(
    cast: Cast, till: Visitor, owner: Visitor
) -> None:
    listed = till.get("/till").text
    assert "Cashier Person" in listed
    assert "Manager Person" not in listed
    with cast.database.writing() as session:
        canal = locations.add(session, workspace_id=cast.workspace_id, name="Canal", by=cast.owner)

    owner.send(f"/staff/{cast.cashier.id}", location_ids=canal.id)

    assert "Cashier Person" not in till.get("/till").text
    assert till.get(f"/till/{cast.cashier.id}").status == 404
    assert "Canal" in owner.get("/staff").text


def test_somebody_of_another_shop_is_not_there(cast: Cast, till: Visitor) -> None:
    rival = factories.make_cast(cast.database, "rival.example.com")
    factories.take_pin(rival, "cashier", PIN)
    assert till.get(f"/till/{rival.cashier.id}").status == 404
    form = till.get(f"/till/{cast.cashier.id}").fields()
    assert till.post(f"/till/{rival.cashier.id}", {**form, "pin": PIN}).status == 404


def test_in_live_a_pin_and_a_till_are_two_factors(cast: Cast, app: Flask) -> None:
    factories.take_pin(cast, "manager", PIN)
    with cast.database.writing() as session:
        live = locations.add(
            session, workspace_id=cast.live_workspace_id, name="Live Street", by=cast.owner
        )
        made = factories.register_in(session, cast, mode="live", location_id=live.id)
    till = Visitor(app)
    till.client.set_cookie("regulars_till", made.token)

    assert enter(till, cast.manager.id).status == 303
    assert till.get("/counter").status == 200


def test_who_comes_by_password_to_a_till_is_at_the_till(cast: Cast, till: Visitor) -> None:
    member = factories.enrol(cast)
    assert "Sign in by PIN" in till.get("/sign-in").text
    till.sign_in("manager")

    assert "Manager, Till 1" in till.get("/counter").text
    till.send(f"/members/{member.id}/award", points="50", reason="By hand")
    (entry,) = records.entries_of(cast, member)
    assert entry.device_id is not None
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        assert till.get("/members").location == "/till?next=/members"


def test_another_shops_till_is_none_of_ours(cast: Cast, till: Visitor) -> None:
    factories.make_cast(cast.database, "rival.example.com")
    till.sign_in("manager", domain="rival.example.com")
    assert "Till 1" not in till.get("/counter").text
    assert till.get("/counter").status == 200


def test_a_pin_is_good_where_the_till_is(cast: Cast, till: Visitor) -> None:
    enter(till, cast.cashier.id)
    till.post("/mode", {**till.get("/you").fields("/mode"), "mode": "live"})
    shown = till.get("/counter").text
    assert "Test mode." in shown
    assert "A PIN is good where the till is." in shown


def test_a_cookie_planted_before_the_pin_opens_nothing_after_it(
    cast: Cast, app: Flask, till: Visitor
) -> None:
    till.get(f"/till/{cast.cashier.id}")
    planted = till.client.get_cookie("regulars")
    assert planted is not None

    enter(till, cast.cashier.id)

    attacker = Visitor(app)
    attacker.client.set_cookie("regulars", planted.value)
    assert attacker.get("/counter").status == 302
    assert till.get("/counter").status == 200


def test_a_shop_is_added_renamed_closed_and_opened_again(cast: Cast, manager: Visitor) -> None:
    manager.send("/locations/new", name="Mill Lane")
    page = manager.get("/locations")
    (path,) = [
        each
        for each in page.links()
        if each.startswith("/locations/lct_") and cast.location_id not in each
    ]

    manager.send(path, name="Mill Lane 2")
    assert "Mill Lane 2" in manager.get("/locations").text
    manager.press(path, f"{path}/close")
    assert "Mill Lane 2 Closed" in manager.get("/locations").text
    assert "Mill Lane 2" not in manager.get("/you").text
    assert "Mill Lane 2" not in manager.get("/devices/new").text
    manager.press(path, f"{path}/reopen")
    assert "Mill Lane 2" in manager.get("/you").text


def test_two_shops_of_one_name_are_refused_and_the_name_stays(manager: Visitor) -> None:
    answer = manager.send("/locations/new", name="Quay Street")
    assert answer.status == 400
    assert "Another shop has this name" in answer.text
    assert answer.value("name") == "Quay Street"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "name"),
        ({"idle_minutes": "0"}, "1 to 120 minutes"),
        ({"idle_minutes": "soon"}, "Whole minutes only"),
        ({"location_id": "lct_nowhere"}, "no such shop"),
    ],
)
def test_a_till_of_nonsense_is_refused(
    cast: Cast, manager: Visitor, typed: dict[str, str], said: str
) -> None:
    good = {"name": "Till 9", "location_id": cast.location_id, "idle_minutes": "5"}
    answer = manager.send("/devices/new", **{**good, **typed})
    assert answer.status >= 400
    assert said in answer.text
    assert "Till 9" not in manager.get("/locations").text

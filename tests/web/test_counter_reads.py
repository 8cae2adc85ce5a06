"""The counter reads all that it shows at once: statements and transactions of each request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.db.database import Database
from app.models.members import Member
from app.models.rewards import Reward
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor
from tests.support.shops import shop_in
from tests.support.statements import transactions_heard

SCAN_MAX = 5
FIND_MAX = 6
SLIP_MAX = 4
"""Statements beside those of the sign-in and of the act, in one reading transaction."""

NAME_MAX = 6
"""Statements of a typed name that opens the only match, the search included."""

HTMX = {"HX_Request": "true", "HX_Target": "counter-stage"}


@pytest.fixture
def cast(database: Database) -> Cast:
    """Return the shop, on each kind of database in turn."""
    return shop_in(database)


@pytest.fixture
def reward(cast: Cast) -> Reward:
    """Return a reward of 450 points on key 3."""
    return factories.make_reward(cast, counter_key=3, per_member_limit=9)


@pytest.fixture
def member(cast: Cast, reward: Reward) -> Member:
    """Return a regular with a history, one of three members."""
    for name in ("Aoife Byrne", "Priyanka Iyer"):
        factories.award(cast, factories.enrol(cast, name), 500)
    found = factories.enrol(cast, "Kwame Mensah", phone="+353 87 123 4471", card_number="98260042")
    factories.award(cast, found, 2_000)
    factories.redeem(cast, found, reward, by=cast.cashier)
    factories.award(cast, found, 40, by=cast.manager)
    return found


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_scan_opens_the_member_with_few_statements(
    cast: Cast, cashier: Visitor, member: Member, headers: dict[str, str]
) -> None:
    page, reading, writing = _heard(
        cast, lambda: cashier.get("/counter?q=98260042&scanned=1", **headers)
    )

    assert _shows_keypad_of(member, page)
    assert (len(reading), writing) == (1, [])
    assert reading[0] <= SCAN_MAX


def test_a_name_that_only_one_has_is_searched_once(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    page, reading, writing = _heard(cast, lambda: cashier.get("/counter?q=kwame", **HTMX))

    assert _shows_keypad_of(member, page)
    assert (len(reading), writing) == (1, [])
    assert reading[0] <= NAME_MAX


def test_what_is_typed_is_searched_once(cast: Cast, cashier: Visitor, member: Member) -> None:
    page, reading, writing = _heard(cast, lambda: cashier.get("/counter/find?q=kwame", **HTMX))

    assert f"/counter?member={member.id}" in page.links()
    assert (len(reading), writing) == (1, [])
    assert reading[0] <= FIND_MAX


@pytest.mark.parametrize("act", ["redeem", "award", "undo", "fulfil", "undo an award"])
def test_an_act_writes_once_and_then_reads_the_stage_once(
    cast: Cast, cashier: Visitor, member: Member, reward: Reward, act: str
) -> None:
    entry = factories.award(cast, member, 60, by=cast.cashier)
    redemption = factories.redeem(cast, member, reward, by=cast.cashier)
    shown, path, typed = {
        "redeem": (f"member={member.id}", f"members/{member.id}/redeem", {"offer": reward.id}),
        "award": (f"member={member.id}", f"members/{member.id}/award", {"spent": "4.20"}),
        "undo": (f"redemption={redemption.id}", f"redemptions/{redemption.id}/undo", {}),
        "fulfil": (f"redemption={redemption.id}", f"redemptions/{redemption.id}/fulfil", {}),
        "undo an award": (f"award={entry.id}", f"awards/{entry.id}/undo", {}),
    }[act]
    form = {**cashier.get(f"/counter?{shown}").fields(f"/counter/{path}"), **typed}

    page, reading, writing = _heard(cast, lambda: cashier.post(f"/counter/{path}", form, **HTMX))

    assert page.status == 200
    assert (len(reading), len(writing)) == (1, 1)
    assert reading[0] <= SLIP_MAX


def test_what_an_amount_earns_takes_one_statement(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    path = f"/counter/members/{member.id}/earns?spent=4.20"

    _, reading, writing = _heard(cast, lambda: cashier.get(path))

    assert (reading, writing) == ([1], [])


def _shows_keypad_of(member: Member, page: Page) -> bool:
    actions = [form.get("action") for form in page.elements("form")]
    return f"/counter/members/{member.id}/redeem" in actions


def _heard(cast: Cast, ask: Callable[[], Page]) -> tuple[Page, list[int], list[int]]:
    """Return the page, and the statements of each reading and each writing transaction.

    The first transaction reads who is signed in. It is left out.
    """
    with transactions_heard(cast.database) as heard:
        page = ask()
    sign_in, *others = heard
    assert any("staff_sessions" in each.sql for each in sign_in.statements)
    reading = [len(each.statements) for each in others if not each.is_writing]
    return page, reading, [len(each.statements) for each in others if each.is_writing]

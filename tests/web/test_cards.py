"""Members' cards: shown, printed, linked, revoked."""

from __future__ import annotations

import pytest

from app.models.members import Member
from app.services import workspaces
from app.services.members import cards
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor


@pytest.fixture
def member(cast: Cast) -> Member:
    """Give a member without a card number."""
    found = factories.enrol(cast, "Kwame Mensah", phone="+353 87 123 4471", email="kw@example.com")
    factories.award(cast, found, 560)
    factories.make_reward(cast)
    factories.make_reward(cast, "Keep cup", points_cost=600)
    return found


def token(cast: Cast, member: Member) -> str:
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        link = cards.find_link(session, workspace=workspace, member_id=member.id)
    return link.token if link else ""


def make_link(cashier: Visitor, member: Member) -> None:
    page = f"/members/{member.id}/card"
    cashier.press(page, f"{page}/link")


def test_a_card_gets_a_number_once_and_the_counter_knows_it(
    cast: Cast, cashier: Visitor, member: Member
) -> None:
    page = f"/members/{member.id}/card"
    form = cashier.get(page).fields(f"{page}/number")

    for _ in range(2):
        cashier.post(f"{page}/number", form)

    number = factories.reload(cast, member).customer.card_number
    assert len(number) == 12
    assert f"{number[:4]} {number[4:8]} {number[8:]}" in cashier.get(page).text
    assert "560 points" in cashier.get(f"/counter?q={number}").text
    text = cashier.get(page).response.get_data(as_text=True)
    assert 'aria-label="QR code of the card number"' in text
    assert 'aria-label="Barcode of the card number"' in text


def test_a_link_opens_balance_card_and_next_reward_and_nothing_else(
    cast: Cast, cashier: Visitor, visitor: Visitor, member: Member
) -> None:
    make_link(cashier, member)

    page = visitor.get(f"/card/{token(cast, member)}")

    assert "560 points" in page.text
    assert "Enough for Any hot drink" in page.text
    assert "40 more for Keep cup." in page.text
    text = page.response.get_data(as_text=True)
    for private in ("Kwame", "Mensah", "4471", "kw@example", "Bronze", "Silver"):
        assert private not in text
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page.response.headers["X-Robots-Tag"]
    assert page.response.headers["Cache-Control"] == "no-store"
    assert page.links() == []


def test_a_revoked_or_replaced_link_opens_nothing(
    cast: Cast, cashier: Visitor, visitor: Visitor, member: Member
) -> None:
    page = f"/members/{member.id}/card"
    make_link(cashier, member)
    first = token(cast, member)
    make_link(cashier, member)
    second = token(cast, member)

    assert first != second
    assert visitor.get(f"/card/{first}").status == 404
    assert visitor.get(f"/card/{second}").status == 200
    cashier.press(page, f"{page}/revoke")
    assert visitor.get(f"/card/{second}").status == 404
    assert "Make a link" in cashier.get(page).text


@pytest.mark.parametrize("token", ["x", "%00", "a" * 300, "../members"])
def test_a_guessed_link_opens_nothing(visitor: Visitor, token: str) -> None:
    assert visitor.get(f"/card/{token}").status in {302, 404}


def test_a_viewer_sees_a_card_and_changes_none(cast: Cast, viewer: Visitor, member: Member) -> None:
    page = f"/members/{member.id}/card"

    assert viewer.get(page).status == 200
    for act in ("number", "link", "revoke"):
        assert viewer.post(f"{page}/{act}", {}).status == 403


def test_sound_is_switched_off(cashier: Visitor) -> None:
    form = cashier.get("/you").fields("/you/preferences")
    form.pop("sounds")

    cashier.post("/you/preferences", form)

    root = cashier.get("/counter").elements("html")[0]
    assert root.get("data-sound") == "off"

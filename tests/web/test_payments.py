"""The pages of payments in: sources, their secrets, what became of what they told."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.models.payments import PaymentSource
from app.services import workspaces
from app.services.payments import sources
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor
from tests.support.payments import SECRETS, Teller, completed, make_source, refunded

PAYMENTS = "/developers/payments"


def the_sources(cast: Cast) -> list[PaymentSource]:
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        return list(sources.list_sources(session, workspace=workspace))


def secret_on(page: Page) -> str:
    """Give the secret that a page shows."""
    (field,) = [each for each in page.elements("input") if each.get("id") == "secret"]
    return str(field.get("value"))


def test_a_source_of_our_own_shows_its_secret_once_and_works(
    cast: Cast, app: Flask, manager: Visitor
) -> None:
    member = factories.enrol(cast, customer_id="cust_1")
    made = manager.send(f"{PAYMENTS}/new", name="Web shop", kind="regulars")

    (source,) = the_sources(cast)
    assert secret_on(made) == source.secret
    assert Teller(app, source).tell(completed()).status == 200
    shown = manager.get(f"{PAYMENTS}/{source.id}")
    assert source.secret not in shown.response.get_data(as_text=True)
    assert f"/v1/inbound/payments/{source.id}" in shown.response.get_data(as_text=True)
    assert "Points given" in shown.text
    assert "100 points for the purchase." in shown.text
    assert "Web shop" in manager.get(f"/members/{member.id}").text


def test_stripes_secret_is_pasted(cast: Cast, manager: Visitor) -> None:
    made = manager.send(
        f"{PAYMENTS}/new", name="Stripe", kind="stripe", secret=f" {SECRETS['stripe']} "
    )

    (source,) = the_sources(cast)
    assert source.secret == SECRETS["stripe"]
    assert made.location == f"{PAYMENTS}/{source.id}"
    assert "checkout.session.completed" in manager.get(made.location).text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "x" * 81}, "Shorten it"),
        ({"name": "Stripe", "kind": "stripe"}, "Enter a secret"),
        ({"name": "Stripe", "kind": "stripe", "secret": "short"}, "no whole secret"),
        (
            {"name": "Shop", "kind": "shopify", "secret": SECRETS["stripe"]},
            "a secret of Stripe, not of Shopify",
        ),
        ({"name": "Shop", "kind": "paypal"}, "not a valid choice"),
    ],
)
def test_a_wrong_form_keeps_what_was_typed(
    cast: Cast, manager: Visitor, typed: dict[str, Any], words: str
) -> None:
    page = manager.send(f"{PAYMENTS}/new", **typed)

    assert page.status in {400, 422}
    assert words.lower() in page.text.lower()
    assert page.value("name") == typed["name"]
    assert the_sources(cast) == []


def test_a_form_that_is_sent_twice_makes_one_source(cast: Cast, manager: Visitor) -> None:
    form = {**manager.get(f"{PAYMENTS}/new").fields(), "name": "Web shop"}

    first, again = (manager.post(f"{PAYMENTS}/new", form) for _ in range(2))

    assert secret_on(first)
    assert "shown already" in again.text
    assert len(the_sources(cast)) == 1


def test_a_source_is_renamed_switched_off_and_gets_another_secret(
    cast: Cast, app: Flask, manager: Visitor
) -> None:
    source = make_source(cast)
    page = f"{PAYMENTS}/{source.id}"

    manager.send(f"{page}/edit", name="Till")
    new = secret_on(manager.send(f"{page}/secret", overlap_hours="1"))
    manager.press(page, f"{page}/disable")

    (after,) = the_sources(cast)
    assert (after.name, after.secret, after.status) == ("Till", new, "disabled")
    assert after.previous_secret == source.secret
    assert Teller(app, after).tell(completed()).status == 404
    manager.press(page, f"{page}/enable")
    assert Teller(app, after).tell(completed()).status == 200


def test_who_was_not_found_is_tried_again(cast: Cast, app: Flask, manager: Visitor) -> None:
    source = make_source(cast)
    Teller(app, source).tell(completed())
    page = f"{PAYMENTS}/{source.id}"
    assert "No member for cust_1." in manager.get(page).text
    member = factories.enrol(cast, customer_id="cust_1")
    with cast.database.reading() as session:
        (event,) = sources.list_events(session, workspace_id=cast.workspace_id, source_id=source.id)

    manager.press(page, f"{page}/events/{event.id}/retry")

    assert "Points given" in manager.get(page).text
    assert factories.reload(cast, member).balance == 100


def test_a_refund_in_another_currency_is_shown_with_what_to_do(
    cast: Cast, app: Flask, manager: Visitor
) -> None:
    factories.enrol(cast, customer_id="cust_1")
    source = make_source(cast)
    teller = Teller(app, source)
    award_id = teller.tell(completed()).body["transactionId"]
    event_id = teller.tell(refunded("re_1", 500, currency="USD")).body["id"]
    path = f"{PAYMENTS}/{source.id}"

    page = manager.get(path)

    assert "Needs a look Refunded in USD, but the payment was in EUR." in page.text
    assert f"/ledger/{award_id}" in page.links()
    manager.press(path, f"{path}/events/{event_id}/retry")
    assert "Needs a look" in manager.get(path).text


def test_the_last_hundred_are_listed(cast: Cast, app: Flask, manager: Visitor) -> None:
    source = make_source(cast)
    teller = Teller(app, source)
    for number in range(103):
        teller.tell(refunded(f"re_{number}", 1))

    page = manager.get(f"{PAYMENTS}/{source.id}")

    assert page.text.count("Waits for its payment") == 100


def test_another_workspaces_sources_are_not_there(cast: Cast, manager: Visitor) -> None:
    source = make_source(cast)
    manager.go_live()

    assert manager.get(f"{PAYMENTS}/{source.id}").status == 404
    assert source.name not in manager.get(PAYMENTS).text

"""Payments in over HTTP: signed by our own form, by Stripe and by Shopify, and by nobody else."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from standardwebhooks import Webhook

from app import clock
from app.config import Rate
from app.models.members import Member
from app.models.merchants import Merchant
from app.services import programs, workspaces
from app.services.payments import sources
from tests import factories
from tests.cast import Cast
from tests.support.payments import SECRETS, Teller, completed, make_source, refunded

OTHER_SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
def member(cast: Cast) -> Member:
    """Give the customer of the payments."""
    return factories.enrol(cast, customer_id="cust_1")


@pytest.fixture
def shop(cast: Cast, app: Flask) -> Teller:
    """Give a system that tells in our own form."""
    return Teller(app, make_source(cast))


def balance(cast: Cast, member: Member) -> int:
    return factories.reload(cast, member).balance


def test_a_payment_and_its_refund_arrive(cast: Cast, shop: Teller, member: Member) -> None:
    paid = shop.tell(completed(amount=1000))
    part = shop.tell(refunded("re_1", 250))
    again = shop.tell(refunded("re_1", 250))

    assert (paid.status, paid.body["outcome"], paid.body["repeated"]) == (200, "awarded", False)
    assert paid.body["transactionId"].startswith("ptx_")
    assert (part.body["outcome"], part.body["repeated"]) == ("reversed", False)
    assert (again.body["id"], again.body["repeated"]) == (part.body["id"], True)
    assert balance(cast, member) == 75


def test_our_form_may_be_signed_by_the_standard_webhooks_library(
    cast: Cast, shop: Teller, member: Member
) -> None:
    raw = json.dumps(completed())
    now = clock.now()
    signature = Webhook(shop.source.secret).sign("msg_1", now, raw)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }

    assert shop.send(raw.encode(), headers).body["outcome"] == "awarded"
    refused = shop.send(raw.encode(), {**headers, "webhook-id": "msg_2"})
    assert (refused.status, refused.code) == (401, "invalid_signature")


@pytest.mark.parametrize("kind", ["regulars", "stripe", "shopify"])
def test_what_is_not_signed_changes_nothing(
    cast: Cast, app: Flask, member: Member, kind: str
) -> None:
    teller = Teller(app, make_source(cast, kind))
    raw = json.dumps(completed()).encode()
    good = teller.headers(raw)
    now = int(clock.now().timestamp())
    attempts = [
        (raw + b" ", good),
        (raw, {}),
        (raw, dict.fromkeys(good, "")),
        (raw, dict.fromkeys(good, "nonsense")),
        (raw, teller.headers(raw, secret=OTHER_SECRET)),
        (raw, {"Authorization": "Bearer sk_test_x"}),
    ]
    if kind != "shopify":
        # Shopify signs no time.
        attempts += [(raw, teller.headers(raw, moment=now + late)) for late in (-301, 301)]

    for body, headers in attempts:
        answer = teller.send(body, headers)
        assert (answer.status, answer.code) == (401, "invalid_signature"), headers
    assert balance(cast, member) == 0


def test_a_signature_holds_for_five_minutes(cast: Cast, shop: Teller, member: Member) -> None:
    raw = json.dumps(completed()).encode()
    moment = int(clock.now().timestamp()) - 299

    assert shop.send(raw, shop.headers(raw, moment=moment)).status == 200


def test_a_replaced_secret_is_good_until_the_overlap_is_over(
    cast: Cast, shop: Teller, member: Member
) -> None:
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        new = sources.replace_secret(
            session,
            workspace=workspace,
            source_id=shop.source.id,
            overlap_hours=1,
            by=cast.owner,
        ).secret
    raw = json.dumps(completed()).encode()

    assert shop.send(raw, shop.headers(raw)).status == 200
    assert shop.send(raw, shop.headers(raw, secret=new)).status == 200
    with clock.set_to(clock.now() + timedelta(hours=2)):
        assert shop.send(raw, shop.headers(raw)).status == 401
        assert shop.send(raw, shop.headers(raw, secret=new)).status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"[]", "a JSON object"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{" + b" " * 500_000, "no JSON"),
        (json.dumps({"type": "payment.completed", "data": {}}).encode(), "“id”"),
        (json.dumps({"id": "e", "data": {}}).encode(), "“type”"),
        (json.dumps({"id": "e", "type": "payment.completed"}).encode(), "“data”"),
        (json.dumps(completed(amount="10")).encode(), "“amount”"),  # type: ignore[arg-type]
        (json.dumps(completed(amount=True)).encode(), "“amount”"),
        (json.dumps(completed(amount=-1)).encode(), "“amount”"),
        (json.dumps(completed(amount=2**70)).encode(), "“amount”"),
        (json.dumps(completed(currency="euro")).encode(), "“currency”"),
        (json.dumps(completed(payment_id="x" * 256)).encode(), "“id”"),
        (json.dumps(completed(payment_id="a\x00b")).encode(), "“id”"),
        (json.dumps(refunded("re_1", 5, payment_id="")).encode(), "“id”"),
    ],
)
def test_what_is_signed_but_not_of_the_form_is_refused_in_words(
    cast: Cast, shop: Teller, member: Member, body: bytes, words: str
) -> None:
    answer = shop.send(body, shop.headers(body))

    assert (answer.status, answer.code) == (400, "parameter_invalid")
    assert words in answer.body["error"]["message"]
    assert balance(cast, member) == 0


def test_what_is_larger_than_any_order_is_refused(shop: Teller) -> None:
    body = b'"' + b" " * 1024 * 1024

    assert shop.send(body, shop.headers(body)).status == 413


def test_an_unknown_type_is_taken_and_does_nothing(shop: Teller, member: Member) -> None:
    answer = shop.tell({"id": "evt_9", "type": "customer.created", "data": {"email": "x@y.z"}})

    assert (answer.status, answer.body["outcome"]) == (200, "nothing")


def test_a_source_that_is_off_or_unknown_is_not_there(cast: Cast, shop: Teller) -> None:
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        sources.switch(
            session, workspace=workspace, source_id=shop.source.id, is_on=False, by=cast.owner
        )

    assert shop.tell(completed()).status == 404
    reply = shop.app.test_client().post("/v1/inbound/payments/src_nobody", json={})
    assert reply.status_code == 404
    assert shop.app.test_client().get("/v1/inbound/payments/src_nobody").status_code == 405


def test_guessing_at_signatures_is_slowed_down(cast: Cast, shop: Teller) -> None:
    settings = shop.app.extensions["regulars.settings"]
    slow = dataclasses.replace(settings, sandbox_rate=Rate(1, 3))
    shop.app.extensions["regulars.settings"] = slow

    statuses = [shop.send(b"{}", {}).status for _ in range(5)]

    assert statuses == [401, 401, 401, 429, 429]
    # Who signs is not held up by who does not.
    assert shop.tell(completed()).status == 200


# --- Stripe ---------------------------------------------------------------------------------------


def session_completed(**changes: Any) -> dict[str, Any]:
    """Give Stripe's event of a checkout that was paid."""
    thing = {
        "id": "cs_test_1",
        "object": "checkout.session",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "amount_total": 2000,
        "currency": "eur",
        "customer": "cus_unknown",
        "client_reference_id": "cust_1",
        "customer_details": {"email": "ngozi@example.com", "name": "Ngozi Okafor"},
        "metadata": {},
        **changes,
    }
    return stripe_event("evt_1", "checkout.session.completed", thing)


def charge_refunded(event: str, total: int, **changes: Any) -> dict[str, Any]:
    """Give Stripe's event of a refund, which tells the total of all refunds so far."""
    thing = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "amount": 2000,
        "amount_refunded": total,
        "currency": "eur",
        **changes,
    }
    return stripe_event(event, "charge.refunded", thing)


def stripe_event(event: str, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    """Give an event as Stripe wraps it."""
    return {
        "id": event,
        "object": "event",
        "type": kind,
        "livemode": False,
        "data": {"object": thing},
    }


def test_stripe_pays_and_refunds_in_any_order(cast: Cast, app: Flask, member: Member) -> None:
    stripe = Teller(app, make_source(cast, "stripe"))

    later = stripe.tell(charge_refunded("evt_3", 1500))
    paid = stripe.tell(session_completed())
    earlier = stripe.tell(charge_refunded("evt_2", 500))

    assert later.body["outcome"] == "waiting"
    assert paid.body["outcome"] == "awarded"
    # The total had been higher already.
    assert earlier.body["outcome"] == "nothing"
    assert balance(cast, member) == 50
    assert stripe.tell(charge_refunded("evt_4", 2000)).body["outcome"] == "reversed"
    assert balance(cast, member) == 0


@pytest.mark.parametrize("order_of", ["paid first", "refund first"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"currency": "usd"}, "Refunded in USD, but the payment was in EUR."),
        ({"currency": None}, "“currency”"),
        ({"amount_refunded": None}, "“amount_refunded”"),
    ],
)
def test_an_unclear_refund_of_stripe_takes_nothing(  # noqa: PLR0917 - as pytest asks for them
    cast: Cast, app: Flask, member: Member, changes: dict[str, Any], words: str, order_of: str
) -> None:
    stripe = Teller(app, make_source(cast, "stripe"))
    stories = [session_completed(), charge_refunded("evt_2", 1000, **changes)]
    if order_of == "refund first":
        stories.reverse()

    assert [stripe.tell(body).status for body in stories] == [200, 200]

    with cast.database.reading() as session:
        events = sources.list_events(
            session, workspace_id=cast.workspace_id, source_id=stripe.source.id
        )
    (kept,) = [each for each in events if each.type == "charge.refunded"]
    assert kept.outcome == "refused"
    assert words in kept.detail
    assert balance(cast, member) == 200
    assert stripe.tell(charge_refunded("evt_3", 1000)).body["outcome"] == "reversed"
    assert balance(cast, member) == 100


@pytest.mark.parametrize(
    ("currency", "amount", "earned"),
    [("JPY", 2000, 20_000), ("KWD", 2000, 20), ("ISK", 200_000, 20_000)],
)
def test_stripe_counts_in_the_currencys_decimals(  # noqa: PLR0917 - as pytest asks for them
    cast: Cast, app: Flask, member: Member, currency: str, amount: int, earned: int
) -> None:
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(currency=currency))
    stripe = Teller(app, make_source(cast, "stripe"))
    small = currency.lower()

    stripe.tell(session_completed(amount_total=amount, currency=small))
    assert balance(cast, member) == earned
    stripe.tell(charge_refunded("evt_2", amount // 4, currency=small))

    assert balance(cast, member) == earned * 3 // 4


def test_what_stripe_has_not_been_paid_earns_nothing(
    cast: Cast, app: Flask, member: Member
) -> None:
    stripe = Teller(app, make_source(cast, "stripe"))

    assert stripe.tell(session_completed(payment_status="unpaid")).body["outcome"] == "nothing"
    paid = session_completed()
    paid |= {"id": "evt_5", "type": "checkout.session.async_payment_succeeded"}
    assert stripe.tell(paid).body["outcome"] == "awarded"
    assert balance(cast, member) == 200


def test_stripes_secret_is_the_word_itself(cast: Cast, app: Flask, member: Member) -> None:
    """Stripe's secrets begin like ours, but the bytes of the word sign, prefix and all."""
    stripe = Teller(app, make_source(cast, "stripe"))
    raw = json.dumps(session_completed()).encode()

    assert stripe.source.secret == SECRETS["stripe"]
    assert stripe.send(raw, stripe.headers(raw)).status == 200


# --- Shopify --------------------------------------------------------------------------------------


def test_shopify_pays_and_refunds(cast: Cast, app: Flask) -> None:
    member = factories.enrol(cast, customer_id="207119551")
    shopify = Teller(app, make_source(cast, "shopify"))
    order = {
        "id": 820982911946154508,
        "email": "ngozi@example.com",
        "currency": "EUR",
        "total_price": "19.99",
        "customer": {"id": 207119551, "email": "ngozi@example.com"},
        "note_attributes": [{"name": "gift", "value": "no"}],
    }
    refund = {
        "id": 890088186047892319,
        "order_id": 820982911946154508,
        "transactions": [
            {"kind": "refund", "status": "success", "amount": "5.00", "currency": "EUR"},
            {"kind": "refund", "status": "failure", "amount": "9.00", "currency": "EUR"},
            {"kind": "refund", "status": "success", "amount": "4.99", "currency": "EUR"},
        ],
    }

    early = shopify.tell(refund, event="wh_1", topic="refunds/create")
    paid = shopify.tell(order, event="wh_2", topic="orders/paid")
    again = shopify.tell(refund, event="wh_3", topic="refunds/create")

    assert [each.body["outcome"] for each in (early, paid, again)] == [
        *("waiting", "awarded", "nothing")
    ]
    # 199 points, of which 9.99 of 19.99 are 99.45.
    assert balance(cast, member) == 100


def test_shopifys_note_names_the_account(cast: Cast, app: Flask, member: Member) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    order = {
        "id": 1,
        "currency": "EUR",
        "total_price": "3.00",
        "customer": None,
        "note_attributes": [{"name": "loyaltyAccount", "value": member.id}],
    }

    assert shopify.tell(order, event="wh_1", topic="orders/paid").body["outcome"] == "awarded"


@pytest.mark.parametrize(
    "odd",
    [
        *({"total_price": each} for each in ("NaN", "9e999999", "-1", "1.999", None, "free", [1])),
        {"currency": 5},
        {"id": []},
    ],
)
def test_shopifys_odd_orders_are_refused_in_words(
    cast: Cast, app: Flask, odd: dict[str, Any]
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    order = {"id": 1, "currency": "EUR", "total_price": "1.00", **odd}

    answer = shopify.tell(order, event="wh_1", topic="orders/paid")

    assert (answer.status, answer.code) == (400, "parameter_invalid")


@pytest.mark.parametrize("notes", [[{"name": []}], [5], [{"value": "x"}], None, [], 5])
def test_shopifys_odd_notes_are_passed_over(
    cast: Cast, app: Flask, member: Member, notes: object
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    order = {
        "id": 1,
        "currency": "EUR",
        "total_price": "1.00",
        "customer": {"id": "cust_1"},
        "note_attributes": notes,
    }

    answer = shopify.tell(order, event="wh_1", topic="orders/paid")

    assert answer.body["outcome"] == "awarded"


def test_a_test_order_of_shopify_moves_no_live_points(cast: Cast, app: Flask) -> None:
    with cast.database.writing() as session:
        live = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="live")
        program = programs.create(
            session, workspace_id=live.id, rules=factories.make_rules(), by=cast.owner
        )
        source = sources.create(
            session,
            workspace=live,
            kind="shopify",
            name="Shop",
            program_id=program.id,
            secret=SECRETS["shopify"],
            by=cast.owner,
        ).source
    shopify = Teller(app, source)
    order = {"id": 1, "currency": "EUR", "total_price": "1.00", "test": True}

    assert shopify.tell(order, event="wh_1", topic="orders/paid").body["outcome"] == "refused"
    raw = json.dumps({**order, "test": False}).encode()
    said = {"X-Shopify-Webhook-Id": "wh_2", "X-Shopify-Topic": "orders/paid"}
    answer = shopify.send(raw, {**shopify.headers(raw), **said, "X-Shopify-Test": "true"})
    assert answer.body["outcome"] == "refused"


def shopify_order(**changes: Any) -> dict[str, Any]:
    """Return an order of 100.00 EUR that was paid with 95.00 CHF."""
    return {
        "id": 1,
        "currency": "EUR",
        "presentment_currency": "CHF",
        "total_price": "100.00",
        "total_price_set": {
            "shop_money": {"amount": "100.00", "currency_code": "EUR"},
            "presentment_money": {"amount": "95.00", "currency_code": "CHF"},
        },
        "customer": {"id": "cust_1"},
        **changes,
    }


def shopify_refund(
    *given: tuple[object, object], refund_id: int = 2, **changes: Any
) -> dict[str, Any]:
    """Return a refund of the order, with a transaction for each amount and currency."""
    transactions = [
        {"kind": "refund", "status": "success", "amount": amount, "currency": currency}
        for amount, currency in given
    ]
    return {"id": refund_id, "order_id": 1, "transactions": transactions, **changes}


def tell_shopify(shopify: Teller, *bodies: dict[str, Any]) -> list[Any]:
    """Send orders and refunds, and return the outcome of each."""
    replies = [
        shopify.tell(
            body,
            event=f"wh_{body['id']}",
            topic="refunds/create" if "order_id" in body else "orders/paid",
        )
        for body in bodies
    ]
    assert [reply.status for reply in replies] == [200] * len(bodies)
    return [reply.body for reply in replies]


@pytest.mark.parametrize("order_of", ["paid first", "refund first"])
def test_a_refund_in_the_customers_own_currency_goes_by_what_they_paid(
    cast: Cast, app: Flask, member: Member, order_of: str
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    stories = [shopify_order(), shopify_refund(("47.50", "CHF"))]
    if order_of == "refund first":
        stories.reverse()

    tell_shopify(shopify, *stories)

    assert balance(cast, member) == 500
    (other,) = tell_shopify(shopify, shopify_refund(("47.50", "SEK"), refund_id=3))
    assert other["outcome"] == "refused"
    assert "Refunded in SEK, but the payment was in EUR and CHF." in other["detail"]
    assert balance(cast, member) == 500


@pytest.mark.parametrize("order_of", ["paid first", "refund first"])
def test_each_part_of_a_refund_goes_by_its_own_currency(
    cast: Cast, app: Flask, member: Member, order_of: str
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    # A gift card gives euros back, and the card francs.
    stories = [shopify_order(), shopify_refund(("25.00", "EUR"), ("47.50", "CHF"))]
    if order_of == "refund first":
        stories.reverse()

    tell_shopify(shopify, *stories)
    tell_shopify(shopify, *stories)

    assert balance(cast, member) == 250


@pytest.mark.parametrize("name", ["currency_code", "currency"])
def test_a_refund_that_tells_the_shops_own_money_goes_by_it(
    cast: Cast, app: Flask, member: Member, name: str
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    refund = shopify_refund(("280.00", "SEK"))
    refund["transactions"][0]["amount_set"] = {
        "shop_money": {"amount": "25.00", name: "EUR"},
        "presentment_money": {"amount": "280.00", name: "SEK"},
    }

    tell_shopify(shopify, shopify_order(), refund)

    assert balance(cast, member) == 750


@pytest.mark.parametrize(
    ("refund", "words"),
    [
        (shopify_refund(("25.00", "EUR"), ("280.00", "SEK")), "Refunded in SEK"),
        (shopify_refund(("25.00", None)), "names no currency"),
        (shopify_refund((None, "EUR")), "“amount”"),
        (shopify_refund(("free", "EUR")), "“amount”"),
        (shopify_refund(("-25.00", "EUR")), "“amount”"),
        (shopify_refund(("1e999999", "EUR")), "“amount”"),
        (shopify_refund(("25.00", "euro")), "“currency”"),
        (shopify_refund(transactions=None), "“transactions”"),
        (shopify_refund(transactions=5), "“transactions”"),
    ],
)
@pytest.mark.parametrize("order_of", ["paid first", "refund first"])
def test_an_unclear_refund_of_shopify_takes_nothing(  # noqa: PLR0917 - as pytest asks for them
    cast: Cast, app: Flask, member: Member, refund: dict[str, Any], words: str, order_of: str
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    stories = [shopify_order(), refund]
    if order_of == "refund first":
        stories.reverse()

    tell_shopify(shopify, *stories)

    with cast.database.reading() as session:
        events = sources.list_events(
            session, workspace_id=cast.workspace_id, source_id=shopify.source.id
        )
    (kept,) = [each for each in events if each.type == "refunds/create"]
    assert kept.outcome == "refused"
    assert words in kept.detail
    assert "reverse the award by hand" in kept.detail
    assert balance(cast, member) == 1000


@pytest.mark.parametrize(
    ("currency", "paid", "refunded_amount"),
    [("EUR", "100.00", "25.00"), ("JPY", "1000", "250"), ("KWD", "100.000", "25.000")],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_refund_without_a_currency_is_in_the_shops(  # noqa: PLR0917 - as pytest asks for them
    cast: Cast,
    app: Flask,
    member: Member,
    currency: str,
    paid: str,
    refunded_amount: str,
    named: bool,
) -> None:
    """Shopify's own example of a refund has `currency: null`."""
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(currency=currency))
    shopify = Teller(app, make_source(cast, "shopify"))
    money = {"amount": paid, "currency_code": currency}
    order = shopify_order(
        currency=currency,
        presentment_currency=currency,
        total_price=paid,
        total_price_set={"shop_money": money, "presentment_money": money},
    )

    tell_shopify(shopify, order)
    earned = balance(cast, member)
    tell_shopify(shopify, shopify_refund((refunded_amount, currency if named else None)))

    assert earned == {"EUR": 1000, "JPY": 10_000, "KWD": 1000}[currency]
    assert balance(cast, member) == earned * 3 // 4


@pytest.mark.parametrize(
    ("presentment", "left"),
    [
        # Finer than the currency: rounded.
        ({"amount": "95.004", "currency_code": "CHF"}, 500),
        ({"amount": 95.0, "currency_code": "chf"}, 500),
        ({"amount": "95.0000", "currency_code": None}, 500),
        # Unknown: the points stay until somebody looks.
        ({"amount": None, "currency_code": "CHF"}, 1000),
        ({"amount": "0.001", "currency_code": "CHF"}, 1000),
        ({"amount": "1e-999999999", "currency_code": "CHF"}, 1000),
        ({"amount": "x", "currency_code": "CHF"}, 1000),
        ({"amount": None, "currency_code": None}, 1000),
        (None, 1000),
        ([], 1000),
    ],
)
def test_an_order_earns_whatever_is_told_of_the_customers_own_currency(
    cast: Cast, app: Flask, member: Member, presentment: object, left: int
) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))
    order = shopify_order(total_price_set={"presentment_money": presentment})

    paid, refund = tell_shopify(shopify, order, shopify_refund(("47.50", "CHF")))

    assert paid["outcome"] == "awarded"
    assert refund["outcome"] == ("reversed" if left < 1000 else "refused")
    assert balance(cast, member) == left
    # Amounts in the shop's own currency are judged as before.
    tell_shopify(shopify, shopify_refund(("10.00", "EUR"), refund_id=3))
    assert balance(cast, member) == left - 100


def test_an_order_earns_by_the_shops_own_money(cast: Cast, app: Flask, member: Member) -> None:
    shopify = Teller(app, make_source(cast, "shopify"))

    tell_shopify(shopify, shopify_order(currency="CHF", total_price="95.00"))

    assert balance(cast, member) == 1000


def test_nothing_personal_of_a_payment_is_kept(cast: Cast, app: Flask, member: Member) -> None:
    stripe = Teller(app, make_source(cast, "stripe"))
    stripe.tell(session_completed())

    with cast.database.reading() as session:
        (event,) = sources.list_events(
            session, workspace_id=cast.workspace_id, source_id=stripe.source.id
        )
    assert "ngozi" not in json.dumps(event.message).lower()

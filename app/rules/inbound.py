"""What other systems tell of payments, read into one form: our own, Stripe's and Shopify's.

Nothing here knows a database. Amounts are in minor units, and nothing personal is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from app.rules import money, signing

KINDS = ("regulars", "stripe", "shopify")

TOLERANCE_SECONDS = 300
"""How old a signature may be, or how far ahead of us (spec section 6)."""

AMOUNT_MAX = 10**12
ID_CHARACTERS_MAX = 255
TYPE_CHARACTERS_MAX = 80

COMPLETED = "completed"
REFUNDED = "refunded"


class Unreadable(Exception):
    """A message is signed, but is not of the form that its source sends; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a source told.

    Attributes:
        event_id: the source's own id of the event.
        type: the source's own word for what happened.
        what: `COMPLETED`, `REFUNDED`, or "" for what has no meaning here.
        is_live: whether the source says that it is real, or None when it does not say.
        amount_minor: what was paid, or what this refund gave back; None for a whole refund.
        currency: ISO 4217, upper case.
        customer_ids: under which ids the customer may be known here, the likeliest first.
        account_id: the loyalty account that the payment names.
        refund_id: the refund's own id.
        total_refunded_minor: all that was refunded so far, where a source tells that instead.
        other_currency, other_amount_minor: what the customer paid, in their own currency, where a
            shop sells in several. Refunds may be told in either.
    """

    event_id: str
    type: str
    what: str = ""
    is_live: bool | None = None
    payment_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    customer_ids: Sequence[str] = ()
    account_id: str = ""
    refund_id: str = ""
    total_refunded_minor: int | None = None
    other_currency: str = ""
    other_amount_minor: int | None = None

    def plain(self) -> dict[str, Any]:
        """Give the message as JSON keeps it."""
        return {**asdict(self), "customer_ids": list(self.customer_ids)}


def message_of(plain: Mapping[str, Any]) -> Message:
    """Give a message back from its plain form."""
    return Message(**{field.name: plain[field.name] for field in fields(Message)})


def is_signed(
    kind: str, *, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: int
) -> bool:
    """Say whether a message is signed with one of the secrets, as its kind of source signs.

    Args:
        headers: by their names in lower case.
        now: Unix seconds.
    """
    if kind == "stripe":
        return signing.fits(
            keys=[secret.encode() for secret in secrets],
            header=headers.get("stripe-signature", ""),
            body=body,
            now=now,
            tolerance=TOLERANCE_SECONDS,
        )
    if kind == "shopify":
        # Shopify signs no time; that each event and payment counts once is the fence.
        given = headers.get("x-shopify-hmac-sha256", "").encode()
        expected = [
            base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
            for secret in secrets
        ]
        return any(hmac.compare_digest(each, given) for each in expected)
    keys = [signing.key_of(secret) for secret in secrets]
    header = headers.get(signing.SEED_HEADER.lower(), "")
    if header:
        return signing.fits(
            keys=keys, header=header, body=body, now=now, tolerance=TOLERANCE_SECONDS
        )
    return signing.fits_standard(
        keys=keys, headers=headers, body=body, now=now, tolerance=TOLERANCE_SECONDS
    )


def read(kind: str, *, headers: Mapping[str, str], body: Mapping[str, Any]) -> Message:
    """Read a message.

    Args:
        headers: by their names in lower case.

    Raises:
        Unreadable: a part that must be there is not, or is of another form.
    """
    readers = {"regulars": _read_own, "stripe": _read_stripe, "shopify": _read_shopify}
    return readers[kind](headers, body)


def _read_own(_headers: Mapping[str, str], body: Mapping[str, Any]) -> Message:
    told: dict[str, Any] = {
        "event_id": _text(body, "id"),
        "type": _text(body, "type", most=TYPE_CHARACTERS_MAX),
        "is_live": body.get("livemode") if isinstance(body.get("livemode"), bool) else None,
    }
    data = _object(body, "data")
    if told["type"] == "payment.completed":
        return Message(
            **told,
            what=COMPLETED,
            payment_id=_text(data, "id"),
            amount_minor=_amount(data, "amount"),
            currency=_currency(data),
            customer_ids=_known_ids(data.get("customerId")),
            account_id=_account_of(data.get("metadata")),
        )
    if told["type"] == "payment.refunded":
        has_amount = data.get("amount") is not None
        return Message(
            **told,
            what=REFUNDED,
            payment_id=_text(data, "id"),
            amount_minor=_amount(data, "amount") if has_amount else None,
            currency=_currency(data) if has_amount else "",
            refund_id=_text(data, "refundId") if data.get("refundId") else told["event_id"],
        )
    return Message(**told)


_STRIPE_PAID = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}


def _read_stripe(_headers: Mapping[str, str], body: Mapping[str, Any]) -> Message:
    told: dict[str, Any] = {
        "event_id": _text(body, "id"),
        "type": _text(body, "type", most=TYPE_CHARACTERS_MAX),
        "is_live": body.get("livemode") if isinstance(body.get("livemode"), bool) else None,
    }
    thing = _object(_object(body, "data"), "object")
    if told["type"] in _STRIPE_PAID and thing.get("payment_status") == "paid":
        return Message(
            **told,
            what=COMPLETED,
            payment_id=_text(thing, "payment_intent" if thing.get("payment_intent") else "id"),
            amount_minor=money.from_stripe(_amount(thing, "amount_total"), _currency(thing)),
            currency=_currency(thing),
            customer_ids=_known_ids(thing.get("client_reference_id"), thing.get("customer")),
            account_id=_account_of(thing.get("metadata")),
        )
    if told["type"] == "charge.refunded" and thing.get("payment_intent"):
        return Message(
            **told,
            what=REFUNDED,
            payment_id=_text(thing, "payment_intent"),
            currency=_currency(thing),
            total_refunded_minor=money.from_stripe(
                _amount(thing, "amount_refunded"), _currency(thing)
            ),
        )
    return Message(**told)


def _read_shopify(headers: Mapping[str, str], body: Mapping[str, Any]) -> Message:
    transactions = [each for each in _list(body, "transactions") if isinstance(each, dict)]
    is_test = (
        headers.get("x-shopify-test", "").lower() == "true"
        or body.get("test") is True
        or any(each.get("test") is True for each in transactions)
    )
    told: dict[str, Any] = {
        "event_id": _header(headers, "X-Shopify-Webhook-Id"),
        "type": _header(headers, "X-Shopify-Topic", most=TYPE_CHARACTERS_MAX),
        "is_live": False if is_test else None,
    }
    if told["type"] == "orders/paid":
        return Message(**told, what=COMPLETED, **_shopify_order(body))
    if told["type"] == "refunds/create":
        given = [each for each in transactions if _is_refund(each)]
        currency = _currency(given[0]) if given else ""
        amounts = [_decimal_amount(each.get("amount"), currency, "amount") for each in given]
        return Message(
            **told,
            what=REFUNDED,
            payment_id=_number_or_text(body, "order_id"),
            amount_minor=sum(amounts),
            currency=currency,
            refund_id=_number_or_text(body, "id"),
        )
    return Message(**told)


def _shopify_order(body: Mapping[str, Any]) -> dict[str, Any]:
    currency = _currency(body)
    customer = body.get("customer")
    notes = {
        each["name"]: each.get("value")
        for each in _list(body, "note_attributes")
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    }
    found: dict[str, Any] = {
        "payment_id": _number_or_text(body, "id"),
        "amount_minor": _decimal_amount(body.get("total_price"), currency, "total_price"),
        "currency": currency,
        "customer_ids": _known_ids(customer.get("id") if isinstance(customer, dict) else None),
        "account_id": _account_of(notes),
    }
    prices = body.get("total_price_set")
    paid = prices.get("presentment_money") if isinstance(prices, dict) else None
    if isinstance(paid, dict) and paid.get("currency_code") not in {None, currency}:
        other = _currency({"currency": paid["currency_code"]})
        found["other_currency"] = other
        found["other_amount_minor"] = _decimal_amount(paid.get("amount"), other, "total_price_set")
    return found


def _is_refund(transaction: Mapping[str, Any]) -> bool:
    # One that is pending is told only once, and nearly always succeeds.
    has_failed = transaction.get("status") in {"failure", "error"}
    return transaction.get("kind") == "refund" and not has_failed


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name) or []
    if not isinstance(found, list):
        raise Unreadable(f"“{name}” must be a list.")
    return found


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"“{name}” must be an object.")
    return found


def _text(body: Mapping[str, Any], name: str, *, most: int = ID_CHARACTERS_MAX) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not _is_storable(found) or not 1 <= len(found) <= most:
        raise Unreadable(f"“{name}” must be a text of 1 to {most} characters.")
    return found


def _header(headers: Mapping[str, str], name: str, *, most: int = ID_CHARACTERS_MAX) -> str:
    return _text({name: headers.get(name.lower())}, name, most=most)


def _number_or_text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**20:
        return str(found)
    return _text(body, name)


def _amount(body: Mapping[str, Any], name: str) -> int:
    found = body.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= AMOUNT_MAX:
        raise Unreadable(f"“{name}” must be a whole number of minor units.")
    return found


def _decimal_amount(text: object, currency: str, name: str) -> int:
    try:
        amount = Decimal(str(text)) * 10 ** money.digits(currency)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX or amount != int(amount):
        raise Unreadable(f"“{name}” must be an amount, such as 12.50.")
    return int(amount)


def _currency(body: Mapping[str, Any]) -> str:
    found = _text(body, "currency", most=3).upper()
    if len(found) != 3 or not (found.isascii() and found.isalpha()):  # noqa: PLR2004 - ISO 4217
        raise Unreadable("“currency” must be an ISO 4217 code, such as EUR.")
    return found


def _known_ids(*given: object) -> list[str]:
    """Give the customer's ids that could be kept here, without those that are not there."""
    texts = [str(each) for each in given if isinstance(each, str | int) and each not in {"", 0}]
    return [each for each in texts if len(each) <= ID_CHARACTERS_MAX and _is_storable(each)]


def _account_of(metadata: object) -> str:
    found = metadata.get("loyaltyAccount") if isinstance(metadata, dict) else None
    usable = isinstance(found, str) and len(found) <= ID_CHARACTERS_MAX and _is_storable(found)
    return str(found) if usable else ""


def _is_storable(text: str) -> bool:
    # PostgreSQL keeps no NUL, and UTF-8 no half of a surrogate pair.
    return text.isprintable()

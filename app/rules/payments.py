"""What other systems tell of payments, read into one form: our own, Stripe's and Shopify's.

Nothing here knows a database. Amounts are in minor units, and nothing personal is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
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


class Unjudged(Exception):
    """A refund cannot be compared with its payment; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a source told.

    Attributes:
        event_id: the source's own id of the event.
        type: the source's own word for what happened.
        what: `COMPLETED`, `REFUNDED`, or "" for what has no meaning here.
        is_live: whether the source says that it is real, or None when it does not say.
        amount_minor: what was paid, or what this refund gave back; None for a whole refund, and
            where `refunded` or `total_refunded_minor` is set.
        currency: ISO 4217, upper case.
        customer_ids: under which ids the customer may be known here, the likeliest first.
        account_id: the loyalty account that the payment names.
        refund_id: the refund's own id.
        total_refunded_minor: all that was refunded so far, where a source tells that instead.
        other_currency, other_amount_minor: what the customer paid, in their own currency, where a
            shop sells in several; no amount if it is not known. Refunds may be told in either.
        refunded: decimal amounts by currency, where one refund may have several; the key "" is an
            amount that was sent without its currency.
        unclear: why the amount of a refund cannot be read; "" if it can.
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
    refunded: Mapping[str, str] | None = None
    unclear: str = ""

    @property
    def is_whole(self) -> bool:
        """Return whether a refund gave everything back."""
        told = (self.amount_minor, self.total_refunded_minor, self.refunded)
        return all(each is None for each in told)

    def refunded_minor(self, currency: str) -> dict[str, int]:
        """Return what a refund gave back, in minor units by currency, without parts of nothing.

        Args:
            currency: the shop's, whose decimals count where none is named.
        """
        if self.refunded is not None:
            amounts = {
                named: _minor(Decimal(amount), named or currency)
                for named, amount in self.refunded.items()
            }
        else:
            amounts = {self.currency: self.total_refunded_minor or self.amount_minor or 0}
        return {named: amount for named, amount in amounts.items() if amount}

    def plain(self) -> dict[str, Any]:
        """Give the message as JSON keeps it."""
        return {**asdict(self), "customer_ids": list(self.customer_ids)}


def message_of(plain: Mapping[str, Any]) -> Message:
    """Return a message from its plain form, which may be older than some of the fields."""
    known = {field.name for field in fields(Message)}
    return Message(**{name: value for name, value in plain.items() if name in known})


def split_refund(
    message: Message, *, currency: str, other_currency: str, other_amount_minor: int | None
) -> tuple[int, int]:
    """Return what a refund gave back in the shop's and in the customer's currency, in minor units.

    Nothing is converted. An amount without a currency is in the shop's if nothing else was paid.

    Args:
        currency: the shop's.
        other_currency, other_amount_minor: as in the payment's `Message`.

    Raises:
        Unjudged: a part is in a currency in which nothing, or an unknown amount, was paid.
    """
    paid = f"{currency} and {other_currency}" if other_currency else currency
    own = other = 0
    for named, amount in message.refunded_minor(currency).items():
        if named == currency or not (named or other_currency):
            own += amount
        elif not named:
            raise Unjudged(f"The refund names no currency, and the payment was in {paid}.")
        elif named != other_currency:
            raise Unjudged(f"Refunded in {named}, but the payment was in {paid}.")
        elif other_amount_minor is None:
            raise Unjudged(f"Refunded in {named}, but how much was paid in {named} is not known.")
        else:
            other += amount
    return own, other


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
            **_unless_unclear(_stripe_refunded, thing),
        )
    return Message(**told)


def _stripe_refunded(charge: Mapping[str, Any]) -> dict[str, Any]:
    currency = _currency(charge)
    total = money.from_stripe(_amount(charge, "amount_refunded"), currency)
    return {"currency": currency, "total_refunded_minor": total}


def _read_shopify(headers: Mapping[str, str], body: Mapping[str, Any]) -> Message:
    is_test = (
        headers.get("x-shopify-test", "").lower() == "true"
        or body.get("test") is True
        or any(each.get("test") is True for each in _objects(body.get("transactions")))
    )
    told: dict[str, Any] = {
        "event_id": _header(headers, "X-Shopify-Webhook-Id"),
        "type": _header(headers, "X-Shopify-Topic", most=TYPE_CHARACTERS_MAX),
        "is_live": False if is_test else None,
    }
    if told["type"] == "orders/paid":
        return Message(**told, what=COMPLETED, **_shopify_order(body))
    if told["type"] == "refunds/create":
        return Message(
            **told,
            what=REFUNDED,
            payment_id=_number_or_text(body, "order_id"),
            refund_id=_number_or_text(body, "id"),
            **_unless_unclear(_shopify_refunded, body),
        )
    return Message(**told)


def _shopify_order(body: Mapping[str, Any]) -> dict[str, Any]:
    prices = body.get("total_price_set")
    currency, amount = _money(prices, "shop_money")
    if not currency or amount is None:
        currency = _currency(body)
        amount = _decimal(body.get("total_price"), "total_price", digits_max=money.digits(currency))
    other, other_amount = _money(prices, "presentment_money", body.get("presentment_currency"))
    customer = body.get("customer")
    notes = {
        each["name"]: each.get("value")
        for each in _objects(body.get("note_attributes"))
        if isinstance(each.get("name"), str)
    }
    found: dict[str, Any] = {
        "payment_id": _number_or_text(body, "id"),
        "amount_minor": _minor(amount, currency),
        "currency": currency,
        "customer_ids": _known_ids(customer.get("id") if isinstance(customer, dict) else None),
        "account_id": _account_of(notes),
    }
    if other not in {"", currency}:
        # A refund cannot be a share of nothing, so zero counts as unknown.
        paid = _minor(other_amount, other) if other_amount else None
        found |= {"other_currency": other, "other_amount_minor": paid or None}
    return found


def _money(prices: object, side: str, currency: object = None) -> tuple[str, Decimal | None]:
    """Return the currency and amount of one side of a set of prices, as far as they can be read.

    Args:
        currency: what to take where the set names none.
    """
    told = prices.get(side) if isinstance(prices, dict) else None
    if not isinstance(told, dict):
        told = {}
    try:
        named = _currency(
            {"currency": told.get("currency_code") or told.get("currency") or currency}
        )
    except Unreadable:
        return "", None
    try:
        return named, _decimal(told.get("amount"), side)
    except Unreadable:
        return named, None


def _shopify_refunded(refund: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a refund gave back, by currency: of each transaction, its own."""
    if not isinstance(refund.get("transactions"), list):
        raise Unreadable("“transactions” must be a list.")
    sums: dict[str, Decimal] = {}
    for each in filter(_is_refund, _objects(refund["transactions"])):
        currency, amount = _given_back(each)
        sums[currency] = sums.get(currency, Decimal()) + amount
    return {"refunded": {currency: str(amount) for currency, amount in sums.items()}}


def _given_back(transaction: Mapping[str, Any]) -> tuple[str, Decimal]:
    currency, amount = _money(transaction.get("amount_set"), "shop_money")
    if currency and amount is not None:
        return currency, amount
    # The example that Shopify sends to a new webhook has `"currency": null`.
    currency = "" if transaction.get("currency") is None else _currency(transaction)
    return currency, _decimal(transaction.get("amount"), "amount")


def _is_refund(transaction: Mapping[str, Any]) -> bool:
    # One that is pending is told only once, and nearly always succeeds.
    has_failed = transaction.get("status") in {"failure", "error"}
    return transaction.get("kind") == "refund" and not has_failed


def _unless_unclear(
    read: Callable[[Mapping[str, Any]], dict[str, Any]], body: Mapping[str, Any]
) -> dict[str, Any]:
    """Read what a refund gave back, or why nobody can: a shop sends it only once."""
    try:
        return read(body)
    except Unreadable as fault:
        return {"unclear": f"The refund cannot be read: {fault}"}


def _objects(found: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, and none of what is no list."""
    given = found if isinstance(found, list) else []
    return [each for each in given if isinstance(each, dict)]


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


def _decimal(text: object, name: str, *, digits_max: int | None = None) -> Decimal:
    try:
        amount = Decimal(str(text))
    except ArithmeticError:
        amount = Decimal("NaN")
    is_amount = amount.is_finite() and 0 <= amount <= AMOUNT_MAX
    if not is_amount or (digits_max is not None and amount.scaleb(digits_max) % 1):
        raise Unreadable(f"“{name}” must be an amount, such as 12.50.")
    return amount


def _minor(amount: Decimal, currency: str) -> int:
    """Return an amount in minor units, the nearest where it is finer than the currency."""
    minor = amount.scaleb(money.digits(currency))
    return int(minor.to_integral_value(ROUND_HALF_UP))


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

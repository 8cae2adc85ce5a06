"""Decimals of currencies: ISO 4217's, and where Stripe's amounts differ from them."""

from __future__ import annotations

import pytest

from app.rules import money


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("RSD", 2),
        ("IQD", 3),
        ("ISK", 0),
        ("CLF", 4),
    ],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert money.digits(currency) == digits


@pytest.mark.parametrize(
    ("currency", "theirs", "ours"),
    [
        ("EUR", 1250, 1250),
        ("JPY", 1250, 1250),
        ("KWD", 1250, 1250),
        ("ISK", 125000, 1250),
        ("UGX", 125000, 1250),
        ("MGA", 1250, 125000),
        ("RSD", 125000, 125000),
    ],
)
def test_what_stripe_tells_is_read_in_minor_units(currency: str, theirs: int, ours: int) -> None:
    assert money.from_stripe(theirs, currency) == ours

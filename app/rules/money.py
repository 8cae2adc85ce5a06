"""How many decimals a currency has: ISO 4217's, whatever a language likes to show."""

from __future__ import annotations

_NONE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
        *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THREE = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_FOUR = frozenset(["CLF", "UYW"])

_STRIPE_NONE = (_NONE | {"MGA"}) - {"ISK", "UGX", "UYI"}
"""Stripe keeps two decimals for some currencies that have none, and none for one that has."""


def digits(currency: str) -> int:
    """Give the decimals of a currency's minor unit (ISO 4217, list one)."""
    if currency in _NONE:
        return 0
    if currency in _FOUR:
        return 4
    return 3 if currency in _THREE else 2


def from_stripe(amount: int, currency: str) -> int:
    """Give an amount that Stripe tells in minor units of ISO 4217."""
    theirs = 0 if currency in _STRIPE_NONE else digits(currency) or 2
    ours = digits(currency)
    if ours >= theirs:
        return amount * int(10 ** (ours - theirs))
    return amount // int(10 ** (theirs - ours))

"""Which PINs may be used: six digits that are not the first that one would try."""

from __future__ import annotations

from itertools import pairwise

from app.errors import InvalidParameter

DIGITS = 6


def check(pin: str) -> None:
    """Refuse a PIN that may not be used.

    Raises:
        InvalidParameter: it has not six digits, or everybody would try it.
    """
    if len(pin) != DIGITS or not pin.isascii() or not pin.isdigit():
        raise InvalidParameter("pin", f"A PIN has {DIGITS} digits.")
    steps = {(int(right) - int(left)) % 10 for left, right in pairwise(pin)}
    is_run = steps <= {0} or steps <= {1} or steps <= {9}
    halves = (pin[:2] * 3, pin[:3] * 2)
    if is_run or pin in halves:
        raise InvalidParameter("pin", "Everybody tries this one. Take digits without a pattern.")

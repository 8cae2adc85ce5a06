"""What the addresses of later pages carry beside the cursor."""

from __future__ import annotations

from collections.abc import Mapping

_DIGITS_MAX = 9


def shown_before(values: Mapping[str, str]) -> int:
    """Return how many rows the earlier pages showed.

    It comes from the address unchecked, because it is only printed.
    """
    text = values.get("shown", "") if values.get("after") else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0

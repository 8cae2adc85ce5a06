"""What the addresses of later pages carry beside the cursor."""

from __future__ import annotations

from collections.abc import Mapping

_DIGITS_MAX = 9


def shown_before(values: Mapping[str, str]) -> int:
    """Read how many rows stand above a later page; only ever said, so anything may be in it."""
    text = values.get("shown", "") if values.get("after") else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0

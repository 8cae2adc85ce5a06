"""The commonest passwords of breaches that are long enough to be taken; set-up fetches them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "vendor" / "common_passwords.txt"
"""Written by scripts/vendor.py: one to a line, in small letters."""


@cache
def known() -> frozenset[str]:
    """Give them all, in small letters; they are read when the first one is asked for."""
    return frozenset(PATH.read_text(encoding="utf-8").splitlines())

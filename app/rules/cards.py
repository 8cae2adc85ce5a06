"""What a card shows: its number in groups, as a QR code and as a Code 128 barcode."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from itertools import groupby

import segno
from barcode.codex import Code128

NUMBER_DIGITS = 12
"""A million members leave it so empty that a number is rarely tried twice, and never guessed."""

GROUP_DIGITS = 4


@dataclass(frozen=True)
class Bars:
    """A barcode as rectangles: `runs` are pairs of where each begins and how wide it is."""

    width: int
    runs: list[tuple[int, int]]


@dataclass(frozen=True)
class Squares:
    """A QR code as squares: `size` modules a side, with the quiet zone of four around them."""

    size: int
    path: str


def new_number() -> str:
    """Make a card number of digits whose last one checks the others (Luhn, ISO/IEC 7812)."""
    digits = [secrets.randbelow(9) + 1, *(secrets.randbelow(10) for _ in range(NUMBER_DIGITS - 2))]
    doubled = [
        sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit
        for at, digit in enumerate(reversed(digits))
    ]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


def grouped(number: str) -> str:
    """Write a number as it is read aloud: 1234 5678 9012."""
    if not number.isdecimal():
        return number
    return " ".join(number[at : at + GROUP_DIGITS] for at in range(0, len(number), GROUP_DIGITS))


def code_128(text: str) -> Bars | None:
    """Draw a text as Code 128, or give None for what it cannot write."""
    if not text or not text.isascii() or not text.isprintable():
        return None
    (modules,) = Code128(text).build()
    runs, at = [], 0
    for module, group in groupby(modules):
        width = len(list(group))
        if module == "1":
            runs.append((at, width))
        at += width
    return Bars(width=at, runs=runs)


def qr_code(text: str) -> Squares:
    """Draw a text as a QR code of middle error correction."""
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    quiet = 4
    path = "".join(
        f"M{x + quiet} {y + quiet}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module & 1
    )
    return Squares(size=len(matrix) + 2 * quiet, path=path)

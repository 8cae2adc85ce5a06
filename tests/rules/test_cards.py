"""Card numbers, QR codes and barcodes."""

from __future__ import annotations

import pytest

from app.rules import cards


def test_a_number_checks_itself() -> None:
    for _ in range(200):
        number = cards.new_number()
        digits = [int(digit) for digit in reversed(number)]
        total = sum(
            sum(divmod(2 * digit, 10)) if at % 2 else digit for at, digit in enumerate(digits)
        )
        assert (len(number), total % 10) == (cards.NUMBER_DIGITS, 0)
        assert number[0] != "0"


def test_numbers_are_not_guessed() -> None:
    assert len({cards.new_number() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("number", "shown"),
    [("982600421711", "9826 0042 1711"), ("98260", "9826 0"), ("loy_01k9", "loy_01k9")],
)
def test_a_number_is_read_in_groups(number: str, shown: str) -> None:
    assert cards.grouped(number) == shown


def test_a_barcode_is_the_known_one() -> None:
    """`12` in set C: start C, 12, its check symbol, stop (ISO/IEC 15417, by hand)."""
    bars = cards.code_128("12")

    assert bars is not None
    modules = ["0"] * bars.width
    for at, width in bars.runs:
        modules[at : at + width] = "1" * width
    assert "".join(modules) == "11010011100" + "10110011100" + "10011001110" + "1100011101011"


@pytest.mark.parametrize("text", ["", "Kovářová", "a\x00b"])
def test_what_a_barcode_cannot_write_has_none(text: str) -> None:
    assert cards.code_128(text) is None


def test_a_qr_code_has_its_quiet_zone_and_its_corners() -> None:
    squares = cards.qr_code("982600421711")

    assert squares.size == 21 + 8
    for corner in ("M4 4h1", f"M{squares.size - 5} 4h1", f"M4 {squares.size - 5}h1"):
        assert corner in squares.path
    assert "M3 " not in squares.path

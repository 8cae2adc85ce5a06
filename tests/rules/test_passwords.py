"""Which passwords may be used."""

from __future__ import annotations

import pytest

from app.errors import InvalidParameter
from app.rules import passwords
from app.services.staff import passwords as staff_passwords
from scripts import vendor


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short words", "12 to 128"),
        ("polniypizdec110211", "stolen"),
        ("PolniyPizdec110211", "stolen"),
        ("regulars2026", "easy to guess"),
        ("loyaltypoints", "easy to guess"),
        ("harbourroasters1", "easy to guess"),
        ("ada@example.com", "easy to guess"),
    ],
)
def test_what_a_guesser_tries_first_is_refused_and_it_says_why(password: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        passwords.check(
            password,
            common=staff_passwords.common_passwords(),
            personal=["ada@example.com", "Harbour", "Roasters", "HarbourRoasters"],
        )


def test_what_nobody_knows_is_taken() -> None:
    passwords.check("tide kettle anvil meadow", common=staff_passwords.common_passwords())


def test_the_list_has_what_breaches_had_and_is_long_enough() -> None:
    known = staff_passwords.common_passwords()

    assert len(known) > 40_000
    assert "zaq12wsxcde3" in known
    assert vendor.PASSWORD_CHARACTERS_MIN == passwords.CHARACTERS_MIN
    assert min(map(len, known)) == passwords.CHARACTERS_MIN

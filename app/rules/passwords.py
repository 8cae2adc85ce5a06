"""Which passwords may be used: long ones that are not easy to guess (OWASP ASVS 5.0, 6.2).

No rule asks for signs or capitals, and none makes a password expire.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from zxcvbn import zxcvbn

from app.errors import InvalidParameter

CHARACTERS_MIN = 12
CHARACTERS_MAX = 128

JUDGED_CHARACTERS = 64
"""The estimate takes time with the square of the length; what is longer is long enough."""

SCORE_MIN = 2
"""Of 0 to 4: a password that some ten million guesses find is refused."""

PRODUCT_WORDS = ("regulars", "loyalty", "points", "rewards", "counter", "cashier", "password")
"""Words that a guesser would try for anybody here. docs/security.md names them."""


def check(password: str, *, common: Container[str], personal: Sequence[str] = ()) -> None:
    """Refuse a password that may not be used.

    Args:
        common: passwords that were found in breaches, in small letters.
        personal: words that a guesser would try for this person.

    Raises:
        InvalidParameter: it is too short, too long, or too easy to guess.
    """
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise InvalidParameter(
            "password", f"A password has {CHARACTERS_MIN} to {CHARACTERS_MAX} characters."
        )
    if password.casefold() in common:
        raise InvalidParameter(
            "password",
            "This password is on lists of stolen ones. Take several words that have nothing to do "
            "with each other.",
        )
    words = [word for word in (*PRODUCT_WORDS, *personal) if word]
    found = zxcvbn(password[:JUDGED_CHARACTERS], user_inputs=words, max_length=JUDGED_CHARACTERS)
    if found["score"] < SCORE_MIN:
        raise InvalidParameter(
            "password",
            "This is easy to guess. Take several words that have nothing to do with each other.",
        )

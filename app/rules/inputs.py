"""The bounds of what callers may send (spec sections 3 and 5); shared by every edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from app.errors import InvalidParameter, MissingParameter
from app.rules import searching

AWARD_POINTS_MAX = 10_000_000
POINTS_COST_MAX = 10_000_000
STOCK_MAX = 1_000_000_000
REASON_CHARACTERS_MAX = 500
NOTE_CHARACTERS_MAX = 500
METADATA_KEYS_MAX = 50
METADATA_KEY_CHARACTERS_MAX = 40
METADATA_VALUE_CHARACTERS_MAX = 500
CALLER_ID_CHARACTERS_MAX = 255
EMAIL_CHARACTERS_MAX = 254
SOURCE_TYPE_CHARACTERS_MAX = 40


def checked_points(points: int, *, most: int = AWARD_POINTS_MAX, param: str = "points") -> int:
    """Give the points back if they are 1 to `most`.

    Raises:
        InvalidParameter: they are not.
    """
    if not 1 <= points <= most:
        raise InvalidParameter(param, f"Enter a whole number of points from 1 to {most:,}.")
    return points


def checked_signed_points(points: int) -> int:
    """Give signed points back if their size is 1 to `AWARD_POINTS_MAX`.

    Raises:
        InvalidParameter: it is not.
    """
    if points == 0 or abs(points) > AWARD_POINTS_MAX:
        raise InvalidParameter(
            "points",
            f"Enter a whole number from 1 to {AWARD_POINTS_MAX:,}, with a minus to take points.",
        )
    return points


def checked_text(text: str, *, param: str, most: int, required: bool = False) -> str:
    """Give the text without outer spaces.

    Raises:
        MissingParameter: it is required and empty.
        InvalidParameter: it is longer than `most` characters, or cannot be stored.
    """
    text = text.strip()
    if required and not text:
        raise MissingParameter(param, f"Enter a {param.replace('_', ' ')}.")
    if len(text) > most:
        raise InvalidParameter(
            param, f"This is {len(text):,} characters long. Shorten it to {most:,} or fewer."
        )
    _check_storable(text, param)
    return text


def checked_email(email: str) -> str:
    """Give an email address in its usual form.

    Whether it takes mail is the mail's business; here it must only be one.

    Raises:
        InvalidParameter: it is none.
    """
    email = checked_text(email, param="email", most=EMAIL_CHARACTERS_MAX)
    try:
        email = validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError:
        email = ""
    # Folding writes some letters as several.
    if not email or len(searching.email_key(email)) > EMAIL_CHARACTERS_MAX:
        raise InvalidParameter("email", "This is not an email address. Example: ngozi@example.com")
    return email


def checked_time_zone(name: str) -> str:
    """Give the name of a time zone back (IANA).

    Raises:
        InvalidParameter: there is none of this name.
    """
    # Two names are of no place: one is whatever the machine is set to.
    if name not in available_timezones() - {"localtime", "Factory"}:
        raise InvalidParameter("time_zone", "Choose a time zone, such as Europe/Dublin.")
    return name


def checked_caller_id(text: str, *, param: str, most: int = CALLER_ID_CHARACTERS_MAX) -> str:
    """Give an id that the caller brings as it is (spec section 1).

    Raises:
        InvalidParameter: it is empty or longer than `most` characters, or cannot be stored or
            stand in an address.
    """
    if text in {".", ".."}:
        raise InvalidParameter(param, f"{param} cannot be “{text}”: an address loses it.")
    if not 1 <= len(text) <= most:
        raise InvalidParameter(param, f"{param} has 1 to {most} characters.")
    _check_storable(text, param)
    return text


def checked_metadata(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Give metadata back if it is a small object of strings.

    Raises:
        InvalidParameter: too many keys, or a key or value that is too long or no string.
    """
    metadata = dict(metadata or {})
    if len(metadata) > METADATA_KEYS_MAX:
        raise InvalidParameter("metadata", f"metadata may have {METADATA_KEYS_MAX} keys at most.")
    for key, value in metadata.items():
        _check_metadata_item(key, value)
    return metadata


def _check_storable(text: str, param: str) -> None:
    # PostgreSQL keeps no NUL, and UTF-8 has no half of a surrogate pair.
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidParameter(param, "This holds a character that cannot be stored. Retype it.")


def _check_metadata_item(key: str, value: object) -> None:
    _check_storable(key, "metadata")
    if not 1 <= len(key) <= METADATA_KEY_CHARACTERS_MAX:
        raise InvalidParameter(
            "metadata", f"A metadata key has 1 to {METADATA_KEY_CHARACTERS_MAX} characters."
        )
    if not isinstance(value, str) or len(value) > METADATA_VALUE_CHARACTERS_MAX:
        raise InvalidParameter(
            f"metadata.{key}",
            f"A metadata value is a string of at most {METADATA_VALUE_CHARACTERS_MAX} characters.",
        )
    _check_storable(value, f"metadata.{key}")

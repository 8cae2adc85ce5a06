"""Ids: a prefix and a time-ordered unique part (spec section 1).

The unique part is a UUIDv7 (RFC 9562) in lower-case Crockford base 32: 26 characters whose
alphabetical order is the order of making; within one process also among those of one millisecond.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from datetime import datetime
from typing import ClassVar

from app import clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS = 26
"""128 bits at 5 bits a character."""

_MILLISECONDS_KEPT = 100

CODE_CHARACTERS = 6
"""A redemption code is read aloud and typed: 32^6 is a thousand million codes per workspace."""


def new_id(prefix: str) -> str:
    """Make an id such as `loy_01k…`."""
    return id_at(prefix, clock.now())


def id_at(prefix: str, moment: datetime) -> str:
    """Make an id that takes its place among those made at a moment (aware)."""
    return f"{prefix}_{_base32(_uuid7(moment))}"


def lowest_id(prefix: str, moment: datetime) -> str:
    """Give the bound below which the ids lie that were made before a moment (aware)."""
    return f"{prefix}_{_base32(max(0, _milliseconds(moment)) << 80)}"


def is_id(text: str, prefix: str) -> bool:
    """Say whether a text has the form of an id with this prefix."""
    head, _, rest = text.partition("_")
    return head == prefix and len(rest) == _CHARACTERS and set(rest) <= set(ALPHABET)


def new_code() -> str:
    """Make a redemption code, stored without its dash: `7KQ4F2`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS)).upper()


def new_token() -> str:
    """Make an unguessable token of 256 bits, safe in addresses and cookies."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is stored of a token: the hexadecimal SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(token.encode()).hexdigest()


def _uuid7(moment: datetime) -> int:
    version, variant = 0x7 << 76, 0b10 << 62
    random = _random_after(_milliseconds(moment))
    high, low = random >> 62, random & (1 << 62) - 1
    return _milliseconds(moment) << 80 | version | high << 64 | variant | low


class _Latest:
    """The last ids' random parts by their milliseconds, by which the next of each comes after.

    Several: a thread that was held up, or a clock that steps back, makes ids of an earlier one.
    """

    lock = threading.Lock()
    randoms: ClassVar[dict[int, int]] = {}


def _random_after(milliseconds: int) -> int:
    """Give the random part of an id: above the last one's of the same millisecond."""
    with _Latest.lock:
        last = _Latest.randoms.pop(milliseconds, None)
        # One bit of the 74 stays free, so that no step leaves them.
        random = secrets.randbits(73) if last is None else last + 1 + secrets.randbits(40)
        _Latest.randoms[milliseconds] = random
        if len(_Latest.randoms) > _MILLISECONDS_KEPT:
            del _Latest.randoms[next(iter(_Latest.randoms))]
        return random


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_FROM_RFC_4648 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())
_WHOLE_BYTES = 20
"""160 bits are 32 characters of the RFC's base 32, without a remainder to pad."""


def _base32(number: int) -> str:
    written = base64.b32encode(number.to_bytes(_WHOLE_BYTES, "big"))
    return written[-_CHARACTERS:].translate(_FROM_RFC_4648).decode()

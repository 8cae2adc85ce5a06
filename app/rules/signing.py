"""Signatures of webhooks: the seed's header and the Standard Webhooks ones (spec section 6).

Both are HMAC-SHA256 with the bytes behind `whsec_`. While a secret is rotated two of them sign, and
a receiver that knows either is content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - every secret's beginning, and no secret

SEED_HEADER = "X-Vinr-Signature"


def headers(*, secrets: Sequence[str], message_id: str, moment: int, body: bytes) -> dict[str, str]:
    """Give the headers that sign a body.

    Args:
        secrets: one, or two while one is rotated, the newer first.
        message_id: the same at every attempt of one delivery.
        moment: Unix seconds.
    """
    keys = [key_of(secret) for secret in secrets]
    seed = [f"v1={_digest(key, f'{moment}.'.encode() + body).hex()}" for key in keys]
    signed = f"{message_id}.{moment}.".encode() + body
    standard = [f"v1,{base64.b64encode(_digest(key, signed)).decode()}" for key in keys]
    return {
        SEED_HEADER: ",".join([f"t={moment}", *seed]),
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(standard),
    }


def fits(*, keys: Sequence[bytes], header: str, body: bytes, now: int, tolerance: int) -> bool:
    """Say whether a header of the form `t=…,v1=…` signs a body with one of the keys.

    Args:
        now: Unix seconds.
        tolerance: how many seconds old, or ahead of us, it may be.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t" and _is_time(value)]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or abs(now - int(times[0])) > tolerance:
        return False
    signed = f"{times[0]}.".encode() + body
    return _is_among([_digest(key, signed).hex() for key in keys], given)


def fits_standard(
    *, keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: int, tolerance: int
) -> bool:
    """Say whether the headers of Standard Webhooks sign a body with one of the keys."""
    moment = headers.get("webhook-timestamp", "")
    if not _is_time(moment) or abs(now - int(moment)) > tolerance:
        return False
    signed = f"{headers.get('webhook-id', '')}.{moment}.".encode() + body
    expected = [base64.b64encode(_digest(key, signed)).decode() for key in keys]
    given = [part.partition(",") for part in headers.get("webhook-signature", "").split(" ")]
    return _is_among(expected, [value for version, _, value in given if version == "v1"])


def _is_among(expected: Sequence[str], given: Sequence[str]) -> bool:
    return any(
        hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given
    )


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("9999999999")


def key_of(secret: str) -> bytes:
    """Give the bytes that a `whsec_…` secret signs with."""
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))


def _digest(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()

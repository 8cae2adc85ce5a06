"""How API keys look, and what a restricted one may do (spec section 5)."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Iterable

RESOURCES = (
    "programs",
    "customers",
    "accounts",
    "points",
    "rewards",
    "redemptions",
    "events",
    "webhook_endpoints",
)
VERBS = ("read", "write")
SCOPES = tuple(f"{resource}:{verb}" for resource in RESOURCES for verb in VERBS)
"""What a restricted key may be given, one by one; `write` holds `read`."""

SECRET_CHARACTERS = 40
"""Of 62 kinds each: 238 bits, so that a plain hash of it cannot be turned back."""

_KEY = re.compile(r"[sr]k_(test|live)_[0-9A-Za-z]{20}")
_ALPHABET = string.ascii_letters + string.digits
_MODES = {"sandbox": "test", "live": "live"}


def new_secret(*, mode: str, is_restricted: bool) -> tuple[str, str]:
    """Make a key: its prefix, such as `sk_test_`, and the whole of it."""
    prefix = f"{'rk' if is_restricted else 'sk'}_{_MODES[mode]}_"
    return prefix, prefix + "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_CHARACTERS))


def is_live(secret: str) -> bool:
    """Say whether a key says of itself that it opens the live workspace."""
    return secret[2:].startswith(f"_{_MODES['live']}_")


def secret_hash(secret: str) -> str:
    """Give what is stored of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def looks_like_key(text: str) -> bool:
    """Say whether a text is one of our keys, by its beginning."""
    return text.startswith(
        tuple(f"{kind}_{mode}_" for kind in ("sk", "rk") for mode in _MODES.values())
    )


def holds_key(text: str) -> bool:
    """Say whether one of our keys, as long as they are, stands anywhere in a text."""
    return _KEY.search(text) is not None


def allows(scopes: Iterable[str] | None, needed: str) -> bool:
    """Say whether a key's scopes hold the one that a call needs; None means all of them."""
    if scopes is None:
        return True
    resource, _, verb = needed.partition(":")
    return needed in scopes or (verb == "read" and f"{resource}:write" in scopes)

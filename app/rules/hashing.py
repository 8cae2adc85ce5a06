"""The hash chain of the ledger (spec section 2).

An entry's hash is SHA-256 over the hash before it, a newline, and the entry's content as JSON with
sorted keys, no spaces and UTF-8 (the form of RFC 8785 for strings, integers and null). Free text
enters as `text_digest` only. `docs/ledger.md` shows how to check a chain without this code.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any

GENESIS = "0" * 64
"""What stands in for the hash before a member's first entry."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def new_salt() -> str:
    """Make the salt of one entry's text: 256 bits, so that short texts can't be guessed back."""
    return secrets.token_hex(32)


def text_digest(*, salt: str, reason: str, note: str | None, metadata: Mapping[str, Any]) -> str:
    """Digest an entry's free text."""
    inner = canonical(metadata) if metadata else "{}"
    text = f'{{"metadata":{inner},"note":{quoted(note)},"reason":{quoted(reason)}}}'
    return _sha256(salt + "\n" + text)


def entry_hash(*, previous_hash: str, content: str) -> str:
    """Give the hash of an entry that follows the one with `previous_hash`.

    Args:
        content: the canonical JSON of what the hash covers.
    """
    return _sha256(previous_hash + "\n" + content)


def canonical(value: Mapping[str, Any]) -> str:
    """Give the one JSON text of a value."""
    return _ENCODER.encode(value)


def quoted(text: str | None) -> str:
    """Write a text, or null, as `canonical` does within an object."""
    return "null" if text is None else encode_basestring(text)


def instant(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

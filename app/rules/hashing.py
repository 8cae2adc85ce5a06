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


def hashed_text(entry: Any) -> str:
    """Give what of an entry the hash covers: everything but the blankable text and the hash.

    It is the canonical JSON of the content that docs/ledger.md lists, written by a template, since
    `verify` does this for every entry. Entries without a device and an approval are written as
    those were that came before both.

    Args:
        entry: a ledger entry, or whatever has its attributes.
    """
    recorded_at = instant(entry.recorded_at)
    is_later = entry.device_id is not None or entry.approved_by is not None
    return (_LATER_CONTENT if is_later else _CONTENT) % {
        "actorId": quoted(entry.actor_id),
        "actorKind": quoted(entry.actor_kind),
        "approvedBy": quoted(entry.approved_by),
        "balanceAfter": entry.balance_after,
        "deviceId": quoted(entry.device_id),
        "id": quoted(entry.id),
        "kind": quoted(entry.kind),
        "lifetimeAfter": entry.lifetime_after,
        "locationId": quoted(entry.location_id),
        "memberId": quoted(entry.member_id),
        "occurredAt": (
            recorded_at if entry.occurred_at == entry.recorded_at else instant(entry.occurred_at)
        ),
        "points": entry.points,
        "qualifyingAfter": entry.qualifying_after,
        "recordedAt": recorded_at,
        "redemptionId": quoted(entry.redemption_id),
        "reverses": quoted(entry.reverses_id),
        "seq": entry.seq,
        "sourceId": quoted(entry.source_id),
        "sourceRule": quoted(entry.source_rule),
        "sourceType": quoted(entry.source_type),
        "textDigest": entry.text_digest,
        "workspaceId": quoted(entry.workspace_id),
    }


def _content(version: int, *more: str) -> str:
    """Make the template of an entry's content: the names in order, each with its value's place."""
    numbers = {"balanceAfter", "lifetimeAfter", "points", "qualifyingAfter", "seq"}
    # Written here, of signs that JSON leaves alone.
    ours = {"occurredAt", "recordedAt", "textDigest"}
    names = (
        *("actorId", "actorKind", "balanceAfter", "id", "kind", "lifetimeAfter", "locationId"),
        *("memberId", "occurredAt", "points", "qualifyingAfter", "recordedAt", "redemptionId"),
        *("reverses", "seq", "sourceId", "sourceRule", "sourceType", "textDigest", "version"),
        *("workspaceId", *more),
    )
    places = {
        name: f"%({name})d"
        if name in numbers
        else f'"%({name})s"'
        if name in ours
        else f"%({name})s"
        for name in names
    }
    places["version"] = str(version)
    return "{" + ",".join(f'"{name}":{places[name]}' for name in sorted(names)) + "}"


_CONTENT = _content(1)
_LATER_CONTENT = _content(2, "approvedBy", "deviceId")


def entry_hash(*, previous_hash: str, content: str) -> str:
    """Give the hash of an entry that follows the one with `previous_hash`.

    Args:
        content: what the hash covers, as `hashed_text` writes it.
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

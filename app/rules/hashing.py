"""The hash chain of the ledger (spec section 2).

An entry's hash is SHA-256 over the hash before it, a newline, and the entry's content as JSON with
sorted keys, no spaces and UTF-8 (the form of RFC 8785 for strings, integers and null). Free text
enters as `text_digest` only. `docs/ledger.md` shows how to check a chain without this code.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
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

    Args:
        entry: a ledger entry, or whatever has its attributes.
    """
    recorded_at = instant(entry.recorded_at)
    is_same = entry.occurred_at == entry.recorded_at
    times = {
        "recorded_at": recorded_at,
        "occurred_at": recorded_at if is_same else instant(entry.occurred_at),
    }
    return content_of([times.get(name) or getattr(entry, name) for name in HASHED])


HASHED = (
    *("id", "member_id", "seq", "kind", "points", "balance_after", "lifetime_after"),
    *("qualifying_after", "text_digest", "recorded_at", "reverses_id", "redemption_id"),
    *("occurred_at", "workspace_id", "actor_kind", "actor_id", "location_id"),
    *("source_type", "source_id", "source_rule", "device_id", "approved_by"),
)
"""The columns that the hash covers, in the order that `content_of` takes them in."""


_NO_SOURCE = '"sourceId":null,"sourceRule":null,"sourceType":null'


def content_of(values: Sequence[Any]) -> str:
    """Give the canonical JSON of the content that docs/ledger.md lists.

    It is a template, and not an encoder's work, since `verify` does this for every entry. Entries
    without a device and an approval are written as those were that came before both.

    Args:
        values: those of `HASHED`, in its order, the times as `instant` writes them; more may
            follow.
    """
    (
        entry_id, member_id, seq, kind, points, balance_after, lifetime_after,
        qualifying_after, text_digest, recorded_at, reverses_id, redemption_id,
        occurred_at, workspace_id, actor_kind, actor_id, location_id,
        source_type, source_id, source_rule, device_id, approved_by, *_,
    ) = values  # fmt: skip
    is_later = device_id is not None or approved_by is not None
    approval = f'"approvedBy":{quoted(approved_by)},' if is_later else ""
    device = f'"deviceId":{quoted(device_id)},' if is_later else ""
    source = (
        _NO_SOURCE
        if source_type is None and source_id is None and source_rule is None
        else f'"sourceId":{quoted(source_id)},"sourceRule":{quoted(source_rule)},'
        f'"sourceType":{quoted(source_type)}'
    )
    return (
        f'{{"actorId":{quoted(actor_id)},"actorKind":{encode_basestring(actor_kind)},{approval}'
        f'"balanceAfter":{balance_after},{device}"id":{encode_basestring(entry_id)},'
        f'"kind":{encode_basestring(kind)},"lifetimeAfter":{lifetime_after},'
        f'"locationId":{quoted(location_id)},"memberId":{encode_basestring(member_id)},'
        # The times and the digest are written here, of signs that JSON leaves alone.
        f'"occurredAt":"{occurred_at}","points":{points},'
        f'"qualifyingAfter":{qualifying_after},"recordedAt":"{recorded_at}",'
        f'"redemptionId":{quoted(redemption_id)},"reverses":{quoted(reverses_id)},'
        f'"seq":{seq},{source},"textDigest":"{text_digest}",'
        f'"version":{2 if is_later else 1},"workspaceId":{encode_basestring(workspace_id)}}}'
    )


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

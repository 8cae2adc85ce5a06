"""The hash chain of a ledger, worked out here with nothing but hashlib and json: spec section 2."""

from __future__ import annotations

import hashlib
import json

from app.rules.hashing import hashed_text
from tests import factories
from tests.cast import Cast
from tests.support import records


def test_an_entrys_hash_follows_from_what_is_printed(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 100)
    factories.award(cast, member, 250, reason="Kaffee “groß”", note="ü", metadata={"ä": "1"})
    first, second = records.entries_of(cast, member)

    text = '{"metadata":{"ä":"1"},"note":"ü","reason":"Kaffee “groß”"}'
    digest = hashlib.sha256(f"{second.salt}\n{text}".encode()).hexdigest()
    content = {
        "version": 1,
        "workspaceId": cast.workspace_id,
        "memberId": member.id,
        "id": second.id,
        "seq": 2,
        "kind": "award",
        "points": 250,
        "balanceAfter": 350,
        "lifetimeAfter": 350,
        "qualifyingAfter": 350,
        "textDigest": digest,
        "actorKind": "staff",
        "actorId": cast.manager.id,
        "locationId": cast.location_id,
        "recordedAt": second.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "occurredAt": second.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reverses": None,
        "redemptionId": None,
        "sourceType": None,
        "sourceId": None,
        "sourceRule": None,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert second.text_digest == digest
    assert second.hash == hashlib.sha256(f"{first.hash}\n{canonical}".encode()).hexdigest()
    assert hashed_text(second) == canonical


def test_the_first_entry_follows_sixty_four_zeros(cast: Cast) -> None:
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 100)

    canonical = hashed_text(entry)
    assert member.head_hash == "0" * 64
    assert entry.hash == hashlib.sha256(f"{'0' * 64}\n{canonical}".encode()).hexdigest()

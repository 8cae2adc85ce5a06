"""The hash chain, worked out here with nothing but hashlib and json: spec section 2."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from app.rules import hashing
from app.services.ledger import hashed_content
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
    assert hashed_content(second) == content


def test_the_first_entry_follows_sixty_four_zeros(cast: Cast) -> None:
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 100)

    canonical = hashing.canonical(hashed_content(entry))
    assert member.head_hash == "0" * 64
    assert entry.hash == hashlib.sha256(f"{'0' * 64}\n{canonical}".encode()).hexdigest()


def test_a_time_is_the_same_in_every_zone() -> None:
    here = datetime(2026, 7, 1, 12, 0, 0, 5, UTC)

    assert hashing.instant(here) == "2026-07-01T12:00:00.000005Z"
    assert hashing.instant(here.astimezone(timezone(timedelta(hours=5)))) == hashing.instant(here)


def test_equal_texts_of_two_entries_have_different_digests() -> None:
    digests = {
        hashing.text_digest(salt=hashing.new_salt(), reason="Purchase", note=None, metadata={})
        for _ in range(3)
    }

    assert len(digests) == 3


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none()))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))

    assert hashing.canonical(backwards) == hashing.canonical(value)
    assert json.loads(hashing.canonical(value)) == value


@given(st.text(max_size=10), st.text(max_size=10))
def test_another_text_has_another_digest(one: str, other: str) -> None:
    first, second = (
        hashing.text_digest(salt="s", reason=reason, note=None, metadata={})
        for reason in (one, other)
    )

    assert (first == second) == (one == other)

"""The hash chain, worked out here with nothing but hashlib and json: spec section 2."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.rules import hashing
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


_TEXTS = st.text(max_size=8)
_MAYBE = _TEXTS | st.none()
_TIMES = st.datetimes(timezones=st.just(UTC))
_OUTSIDE = {
    "workspaceId": ("workspace_id", _TEXTS),
    "memberId": ("member_id", _TEXTS),
    "id": ("id", _TEXTS),
    "seq": ("seq", st.integers()),
    "kind": ("kind", _TEXTS),
    "points": ("points", st.integers()),
    "balanceAfter": ("balance_after", st.integers()),
    "lifetimeAfter": ("lifetime_after", st.integers()),
    "qualifyingAfter": ("qualifying_after", st.integers()),
    "textDigest": ("text_digest", st.text("0123456789abcdef", min_size=64, max_size=64)),
    "actorKind": ("actor_kind", _TEXTS),
    "actorId": ("actor_id", _MAYBE),
    "locationId": ("location_id", _MAYBE),
    "recordedAt": ("recorded_at", _TIMES),
    "occurredAt": ("occurred_at", _TIMES),
    "reverses": ("reverses_id", _MAYBE),
    "redemptionId": ("redemption_id", _MAYBE),
    "sourceType": ("source_type", _MAYBE),
    "sourceId": ("source_id", _MAYBE),
    "sourceRule": ("source_rule", _MAYBE),
    "deviceId": ("device_id", _MAYBE),
    "approvedBy": ("approved_by", _MAYBE),
}


@given(st.fixed_dictionaries({outside: kind for outside, (_, kind) in _OUTSIDE.items()}))
def test_the_template_writes_canonical_json_whatever_the_values(content: dict[str, Any]) -> None:
    entry = SimpleNamespace(**{_OUTSIDE[name][0]: value for name, value in content.items()})
    is_later = (content["deviceId"], content["approvedBy"]) != (None, None)
    for name in ("recordedAt", "occurredAt"):
        content[name] = content[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    if not is_later:
        del content["deviceId"], content["approvedBy"]
    content["version"] = 2 if is_later else 1

    assert hashed_text(entry) == json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


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

"""The text that is hashed into the chain: spec section 2."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.rules import hashing
from app.rules.hashing import hashed_text

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

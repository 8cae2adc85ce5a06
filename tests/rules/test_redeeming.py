"""Whether a member can have a reward now, and the first reason why not: spec section 3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.rules.redeeming import MemberStanding, Terms, refusal
from app.rules.tiers import Tier

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIERS: list[Tier] = [
    {"key": "bronze", "name": "Bronze", "threshold": 0},
    {"key": "gold", "name": "Gold", "threshold": 2000},
]
STANDING = MemberStanding(
    program_id="p", is_closed=False, balance=450, tier="bronze", taken_count=0
)
TERMS = Terms(
    program_id="p",
    name="Drink",
    is_archived=False,
    points_cost=450,
    stock=None,
    per_member_limit=None,
    starts_at=None,
    ends_at=None,
    min_tier=None,
)


@pytest.mark.parametrize(
    ("standing", "terms"),
    [
        ({}, {}),
        ({"balance": 0}, {"points_cost": 0}),
        ({}, {"stock": 1}),
        ({"taken_count": 1}, {"per_member_limit": 2}),
        ({}, {"starts_at": NOW}),
        ({}, {"ends_at": NOW + SECOND}),
        ({"tier": "gold"}, {"min_tier": "gold"}),
        ({"tier": "gold"}, {"min_tier": "bronze"}),
        ({"tier": None}, {}),
    ],
)
def test_it_can_be_had(standing: dict[str, Any], terms: dict[str, Any]) -> None:
    assert _refusal(standing, terms) is None


@pytest.mark.parametrize(
    ("standing", "terms", "code", "said"),
    [
        ({"is_closed": True}, {}, "member_closed", "closed"),
        ({}, {"program_id": "q"}, "reward_not_available", "another program"),
        ({}, {"is_archived": True}, "reward_inactive", "no longer offered"),
        ({}, {"starts_at": NOW + SECOND}, "reward_not_available", "not started"),
        ({}, {"ends_at": NOW}, "reward_not_available", "has ended"),
        ({}, {"min_tier": "gold"}, "reward_not_available", "for Gold members and above"),
        ({}, {"min_tier": "gone"}, "reward_not_available", "for gone members and above"),
        ({}, {"stock": 0}, "reward_out_of_stock", "None left"),
        ({"taken_count": 1}, {"per_member_limit": 1}, "reward_limit_reached", "once"),
        ({"taken_count": 3}, {"per_member_limit": 3}, "reward_limit_reached", "3 times"),
        ({"balance": 449}, {}, "insufficient_points", "Short by 1 point. The balance is 449"),
        ({"balance": -1}, {"points_cost": 0}, "account_negative", "1 point owed"),
        ({"balance": -1200}, {}, "account_negative", "1,200 points owed"),
    ],
)
def test_it_cannot_be_had(
    standing: dict[str, Any], terms: dict[str, Any], code: str, said: str
) -> None:
    found = _refusal(standing, terms)

    assert found is not None
    assert found.code == code
    assert said in found.message


def test_what_no_purchase_can_mend_is_said_first() -> None:
    standing: dict[str, Any] = {"balance": -5, "taken_count": 9}
    terms: dict[str, Any] = {"is_archived": True, "stock": 0, "per_member_limit": 1}
    said = []
    for mended in ({"is_archived": False}, {"stock": 5}, {"per_member_limit": None}, {}):
        found = _refusal(standing, terms)
        assert found is not None
        said.append(found.code)
        terms = {**terms, **mended}

    assert said == [
        "reward_inactive",
        "reward_out_of_stock",
        "reward_limit_reached",
        "account_negative",
    ]


def _refusal(standing: dict[str, Any], terms: dict[str, Any]) -> Any:
    return refusal(replace(STANDING, **standing), replace(TERMS, **terms), tiers=TIERS, now=NOW)

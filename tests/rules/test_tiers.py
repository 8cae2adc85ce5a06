"""Which tier a member is in, and how far the next one is."""

from __future__ import annotations

import pytest

from app.rules.tiers import Tier, name_of, progress, reaches, tier_key

TIERS: list[Tier] = [
    {"key": "gold", "name": "Gold", "threshold": 2000},
    {"key": "bronze", "name": "Bronze", "threshold": 0},
    {"key": "silver", "name": "Silver", "threshold": 500},
]


@pytest.mark.parametrize(
    ("points", "key"),
    [
        (0, "bronze"),
        (499, "bronze"),
        (500, "silver"),
        (1999, "silver"),
        (2000, "gold"),
        (10**9, "gold"),
    ],
)
def test_the_highest_tier_that_is_reached_counts(points: int, key: str) -> None:
    assert tier_key(points, TIERS) == key


def test_without_tiers_there_is_none() -> None:
    assert tier_key(10_000, []) is None
    assert progress(10_000, []).following is None


@pytest.mark.parametrize(
    ("points", "current", "following", "missing"),
    [
        (0, "bronze", "silver", 500),
        (499, "bronze", "silver", 1),
        (500, "silver", "gold", 1500),
        (2000, "gold", None, 0),
    ],
)
def test_progress_says_what_is_missing(
    points: int, current: str, following: str | None, missing: int
) -> None:
    found = progress(points, TIERS)

    assert found.current is not None
    assert found.current["key"] == current
    assert (found.following and found.following["key"]) == following
    assert found.missing_points == missing


@pytest.mark.parametrize(
    ("tier", "minimum", "may"),
    [
        ("bronze", None, True),
        (None, None, True),
        ("silver", "silver", True),
        ("gold", "silver", True),
        ("bronze", "silver", False),
        (None, "bronze", False),
        ("gold", "gone", False),
        ("gone", "bronze", False),
    ],
)
def test_a_tier_opens_what_is_kept_for_it_and_below(
    tier: str | None, minimum: str | None, may: bool
) -> None:
    assert reaches(tier, minimum, TIERS) is may


def test_an_unknown_key_has_no_name() -> None:
    assert name_of("gold", TIERS) == "Gold"
    assert name_of("gone", TIERS) is None
    assert name_of(None, TIERS) is None

"""Tiers: which one a member is in, and how far the next one is (spec section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict


class Tier(TypedDict):
    """One tier; `threshold` is in points net of reversals."""

    key: str
    name: str
    threshold: int


@dataclass(frozen=True)
class Progress:
    """How far a member has come.

    Attributes:
        current: the tier the member is in, or None.
        following: the next tier, or None at the top.
        missing_points: points to the next tier, 0 at the top.
    """

    current: Tier | None
    following: Tier | None
    missing_points: int


def tier_key(qualifying_points: int, tiers: Sequence[Tier]) -> str | None:
    """Give the key of the highest tier whose threshold is reached.

    Points net of reversals can't be below zero, so a tier from 0 holds everyone.
    """
    reached = [tier for tier in tiers if qualifying_points >= tier["threshold"]]
    return max(reached, key=_threshold)["key"] if reached else None


def progress(qualifying_points: int, tiers: Sequence[Tier]) -> Progress:
    """Say where a member stands between two tiers."""
    ordered = sorted(tiers, key=_threshold)
    reached = [tier for tier in ordered if qualifying_points >= tier["threshold"]]
    ahead = [tier for tier in ordered if qualifying_points < tier["threshold"]]
    return Progress(
        current=reached[-1] if reached else None,
        following=ahead[0] if ahead else None,
        missing_points=ahead[0]["threshold"] - qualifying_points if ahead else 0,
    )


def reaches(tier: str | None, minimum: str | None, tiers: Sequence[Tier]) -> bool:
    """Say whether a member of `tier` may have what is kept for `minimum` and above."""
    if minimum is None:
        return True
    thresholds = {each["key"]: each["threshold"] for each in tiers}
    if tier is None or minimum not in thresholds or tier not in thresholds:
        return False
    return thresholds[tier] >= thresholds[minimum]


def name_of(key: str | None, tiers: Sequence[Tier]) -> str | None:
    """Give a tier's name, or None for an unknown key."""
    return next((tier["name"] for tier in tiers if tier["key"] == key), None)


def _threshold(tier: Tier) -> int:
    return tier["threshold"]

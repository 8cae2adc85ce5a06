"""Tiers: which one a member is in, and how far the next one is (spec section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from app.rules.earning import WHOLE_MULTIPLIER


class Tier(TypedDict):
    """One tier; `threshold` is in points net of reversals.

    `multiplier_hundredths` is how much its members earn by the program's rule: 150 is half as much
    again, and 100 where it is left out.
    """

    key: str
    name: str
    threshold: int
    multiplier_hundredths: NotRequired[int]


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


def multiplier_hundredths(key: str | None, tiers: Sequence[Tier]) -> int:
    """Give how much a tier's members earn, in hundredths; 100 for an unknown key."""
    found = next((tier for tier in tiers if tier["key"] == key), None)
    return multiplier_of(found) if found else WHOLE_MULTIPLIER


def multiplier_of(tier: Tier) -> int:
    """Give how much one tier's members earn, in hundredths."""
    return tier.get("multiplier_hundredths", WHOLE_MULTIPLIER)


def name_of(key: str | None, tiers: Sequence[Tier]) -> str | None:
    """Give a tier's name, or None for an unknown key."""
    return next((tier["name"] for tier in tiers if tier["key"] == key), None)


def _threshold(tier: Tier) -> int:
    return tier["threshold"]

"""What a purchase earns, and what a refund takes back of it: whole numbers all the way."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

ROUNDINGS = ("down", "nearest", "up")
"""How part points are rounded; half a point is nearest to the one above."""

WHOLE_MULTIPLIER = 100
"""A multiplier is in hundredths: 150 earns half as much again."""


def earned_points(
    amount_minor: int,
    *,
    digits: int,
    points_per_unit: int,
    rounding: str,
    multiplier_hundredths: int = WHOLE_MULTIPLIER,
) -> int:
    """Give the points of a purchase.

    Args:
        amount_minor: what was paid, in minor units of the currency.
        digits: how many decimals the currency has (2 for EUR, 0 for JPY).
        points_per_unit: points for one whole unit of the currency.
        rounding: one of `ROUNDINGS`.
    """
    parts = amount_minor * points_per_unit * multiplier_hundredths
    whole = int(10**digits) * WHOLE_MULTIPLIER
    if rounding == "up":
        return -(-parts // whole)
    if rounding == "nearest":
        return (2 * parts + whole) // (2 * whole)
    return parts // whole


def amount_for(
    points: int,
    *,
    digits: int,
    points_per_unit: int,
    multiplier_hundredths: int = WHOLE_MULTIPLIER,
) -> int | None:
    """Give the smallest purchase, in minor units, that earns so many points however one rounds.

    None when no purchase earns any.
    """
    per_minor = points_per_unit * multiplier_hundredths
    if per_minor <= 0:
        return None
    return -(-points * int(10**digits) * WHOLE_MULTIPLIER // per_minor)


def points_to_take_back(awarded_points: int, shares: Iterable[tuple[int, int]]) -> int:
    """Give how many points of a purchase should be taken back in all, for all refunds so far.

    It is the total that is in proportion, so that parts add up to the whole in any order; the
    part points of a part refund stay with the member.

    Args:
        shares: pairs of what was refunded and what was paid, in minor units of one currency each.
    """
    refunded = sum(Fraction(part, whole) if whole > 0 else Fraction(1) for part, whole in shares)
    return min(awarded_points, int(awarded_points * refunded))

"""What a purchase earns and a refund takes back: exact, and in proportion."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.earning import ROUNDINGS, amount_for, earned_points, points_to_take_back


@pytest.mark.parametrize(
    ("amount", "rounding", "points"),
    [
        (1000, "down", 100),
        (1009, "down", 100),
        (1009, "up", 101),
        (1004, "nearest", 100),
        (1005, "nearest", 101),
        (9, "down", 0),
        (1, "up", 1),
        (0, "up", 0),
    ],
)
def test_part_points_are_rounded_as_the_program_says(
    amount: int, rounding: str, points: int
) -> None:
    assert earned_points(amount, digits=2, points_per_unit=10, rounding=rounding) == points


def test_a_tier_earns_more_and_the_product_is_rounded_once() -> None:
    given_parts = {"digits": 2, "points_per_unit": 1, "rounding": "down"}

    # 1.99 × 1.5 is 2.985: rounding before multiplying would give 1.
    assert earned_points(199, multiplier_hundredths=150, **given_parts) == 2  # type: ignore[arg-type]


def test_a_currency_without_cents_earns_by_its_unit() -> None:
    assert earned_points(500, digits=0, points_per_unit=2, rounding="down") == 1000


@given(
    amount=st.integers(0, 10**12),
    digits=st.sampled_from([0, 2, 3]),
    rate=st.integers(0, 10_000),
    multiplier=st.integers(0, 10_000),
    rounding=st.sampled_from(ROUNDINGS),
)
def test_points_are_the_exact_product_rounded(
    amount: int, digits: int, rate: int, multiplier: int, rounding: str
) -> None:
    exact = Fraction(amount * rate * multiplier, 10**digits * 100)
    expected = {"down": floor(exact), "up": ceil(exact), "nearest": floor(exact + Fraction(1, 2))}

    found = earned_points(
        amount,
        digits=digits,
        points_per_unit=rate,
        rounding=rounding,
        multiplier_hundredths=multiplier,
    )

    assert found == expected[rounding]


@given(
    points=st.integers(1, 10**7),
    digits=st.sampled_from([0, 2, 3]),
    rate=st.integers(1, 10_000),
    multiplier=st.integers(1, 10_000),
)
def test_the_smallest_purchase_for_points_earns_them_and_one_less_does_not(
    points: int, digits: int, rate: int, multiplier: int
) -> None:
    rule = {"digits": digits, "points_per_unit": rate, "multiplier_hundredths": multiplier}

    amount = amount_for(points, **rule)

    assert amount is not None
    assert earned_points(amount, rounding="down", **rule) >= points
    assert earned_points(amount - 1, rounding="down", **rule) < points


def test_where_purchases_earn_nothing_no_purchase_is_proposed() -> None:
    assert amount_for(40, digits=2, points_per_unit=0) is None


@given(points=st.integers(1, 10**7), amount=st.integers(1, 10**9), data=st.data())
def test_what_is_taken_back_grows_to_the_whole_and_never_past_it(
    points: int, amount: int, data: st.DataObject
) -> None:
    refunded = sorted(data.draw(st.lists(st.integers(0, 2 * amount), min_size=2, max_size=8)))

    taken = [points_to_take_back(points, [(each, amount)]) for each in refunded]

    assert all(before <= after for before, after in pairwise(taken))
    assert all(0 <= each <= points for each in taken)
    for each, back in zip(refunded, taken, strict=True):
        assert (back == points) if each >= amount else (back * amount <= points * each)


def test_a_payment_of_nothing_is_refunded_whole() -> None:
    assert points_to_take_back(5, [(0, 0)]) == 5


def test_refunds_in_two_currencies_add_up() -> None:
    halves = [(500, 1000), (475, 950)]

    assert points_to_take_back(99, halves[:1]) == 49
    assert points_to_take_back(99, halves) == 99

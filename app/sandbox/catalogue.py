"""What the sandbox's coffee roaster offers, and who works there. Data only."""

from __future__ import annotations

from app.services.programs import Rules
from app.services.rewards import Terms

RULES = Rules(
    name="Harbour Regulars",
    currency_name="points",
    time_zone="Europe/Dublin",
    point_value_thousandths=800,
    earn_points_per_unit=10,
    tiers=[
        {"key": "bronze", "name": "Bronze", "threshold": 0},
        {"key": "silver", "name": "Silver", "threshold": 600},
        {"key": "gold", "name": "Gold", "threshold": 1800},
    ],
)

REWARDS = (
    Terms(name="Filter coffee", type="free_product", points_cost=300, counter_key=1),
    Terms(name="Pastry of the day", type="free_product", points_cost=350, counter_key=2),
    Terms(name="Any hot drink", type="free_product", points_cost=450, counter_key=3),
    Terms(
        name="Half-price brunch", type="discount_percent", value=50, points_cost=500, counter_key=4
    ),
    Terms(
        name="€5 off the bill", type="discount_amount", value=500, points_cost=600, counter_key=5
    ),
    Terms(
        name="Harbour Blend, 250 g", type="free_product", points_cost=1100, stock=64, counter_key=6
    ),
    Terms(
        name="Keep cup",
        type="free_product",
        points_cost=1800,
        stock=12,
        per_member_limit=1,
        counter_key=7,
    ),
    Terms(
        name="€20 store credit",
        type="store_credit",
        value=2000,
        points_cost=2400,
        min_tier="gold",
        counter_key=8,
    ),
    Terms(
        name="Cinema ticket, Odeon Quay",
        type="partner",
        points_cost=1500,
        stock=6,
        min_tier="silver",
        counter_key=9,
    ),
    Terms(name="Free delivery", type="discount_amount", value=495, points_cost=500),
)

STAFF = (
    ("Tomasz Wrona", "manager", "tomasz"),
    ("Aisha Bello", "cashier", "aisha"),
    ("Jonas Lindqvist", "cashier", "jonas"),
)

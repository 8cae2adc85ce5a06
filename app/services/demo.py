"""The sandbox's test data: a coffee roaster with 60 days of history, made through the services.

Given the day on which it is made everything is the same each time, but for ids, codes and salts.
It is one transaction: an interrupted seed leaves nothing behind.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app import clock, errors
from app.models.merchants import SANDBOX
from app.models.programs import Location
from app.rules.actors import SYSTEM, Actor
from app.services import ledger, members, programs, redemptions, rewards, staff
from app.services.demo_names import CULTURES, KNOWN
from app.services.members import Person
from app.services.programs import Rules
from app.services.rewards import Terms

MEMBERS = 2_000
HISTORY_DAYS = 60
AWARDS = 7_500
FORGET_EVERY = 400
"""After so many acts the session lets go of what it knows, so that memory stays flat."""

SHARE_REDEEMING = 0.16
SHARE_CANCELLED = 0.06
SHARE_REVERSED = 0.011
WEEKDAYS = (0.86, 0.9, 0.93, 1.0, 1.12, 1.42, 0.5)

_RULES = Rules(
    name="Harbour Regulars",
    currency_name="points",
    time_zone="Europe/Dublin",
    point_value_thousandths=800,
    earn_points_per_unit=10,
    tiers=[
        {"key": "bronze", "name": "Bronze", "threshold": 0},
        {"key": "silver", "name": "Silver", "threshold": 2000},
        {"key": "gold", "name": "Gold", "threshold": 5000},
    ],
)

_REWARDS = (
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

_STAFF = (
    ("Tomasz Wrona", "manager", "tomasz"),
    ("Aisha Bello", "cashier", "aisha"),
    ("Jonas Lindqvist", "cashier", "jonas"),
)

_OTHER_REASONS = (("Review", 50), ("Brought a friend", 200), ("Birthday", 100))


@dataclass
class _Shop:
    """The seed's state: what is to come, by moment, and who is in it."""

    session: Session
    workspace_id: str
    program_id: str
    reward_ids: list[tuple[str, int]]
    actors: list[Actor]
    manager: Actor
    now: datetime
    dice: random.Random
    member_ids: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    queue: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    order: int = 0

    def plan(self, moment: datetime, act: Callable[[], None]) -> None:
        """Let an act happen at a moment; what lies ahead of now never happens."""
        self.order += 1
        if moment <= self.now:
            heappush(self.queue, (moment, self.order, act))

    def run(self) -> None:
        """Let everything happen, in order."""
        done = 0
        while self.queue:
            moment, _order, act = heappop(self.queue)
            with clock.set_to(moment):
                act()
            done += 1
            if done % FORGET_EVERY == 0:
                self.session.flush()
                self.session.expunge_all()


def seed(session: Session, *, merchant_id: str, member_count: int = MEMBERS) -> bool:
    """Fill a merchant's empty sandbox; False when it has a program already."""
    workspace = staff.get_workspace(session, merchant_id=merchant_id, mode=SANDBOX)
    if programs.list_programs(session, workspace_id=workspace.id):
        return False
    now = clock.now()
    with clock.set_to(now - timedelta(days=HISTORY_DAYS + 1)):
        shop = _open(session, workspace.id, merchant_id, now)
    _plan_members(shop, member_count)
    _plan_awards(shop, AWARDS * member_count // MEMBERS)
    shop.run()
    _leave_some_below_zero(shop)
    session.flush()
    return True


def _open(session: Session, workspace_id: str, merchant_id: str, now: datetime) -> _Shop:
    shops = [
        programs.add_location(session, workspace_id=workspace_id, name=name, by=SYSTEM)
        for name in ("Quay Street", "Mill Lane")
    ]
    program = programs.create(session, workspace_id=workspace_id, rules=_RULES, by=SYSTEM).value
    session.flush()
    made = [
        rewards.create(
            session, workspace_id=workspace_id, program_id=program.id, terms=terms, by=SYSTEM
        ).value
        for terms in _REWARDS
    ]
    actors = [_hire(session, merchant_id, person, shops) for person in _STAFF]
    return _Shop(
        session=session,
        workspace_id=workspace_id,
        program_id=program.id,
        reward_ids=[(reward.id, reward.points_cost) for reward in made],
        actors=actors,
        manager=actors[0],
        now=now,
        dice=random.Random(20260312),  # noqa: S311 - the same shop each time
    )


def _hire(
    session: Session, merchant_id: str, person: tuple[str, str, str], shops: list[Location]
) -> Actor:
    """Add a person with a password that nobody knows: they only give the ledger its names."""
    name, role, email = person
    made = staff.create(
        session,
        merchant_id=merchant_id,
        email=f"{email}@harbour-roasters.example.com",
        name=name,
        role=role,
        password=secrets.token_urlsafe(32),
        by=SYSTEM,
    )
    shop = shops[0] if role == "cashier" else shops[1]
    return Actor(kind="staff", id=made.id, role=role, location_id=shop.id)


def _plan_members(shop: _Shop, member_count: int) -> None:
    people = _people(shop.dice)
    for number in range(member_count):
        # Two in three are there from the first days; the others join on the way.
        late = 0.0 if number % 3 else shop.dice.random()
        day = int(late * (HISTORY_DAYS - 1))
        shop.plan(_moment(shop, day), partial(_enrol, shop, next(people), number))


def _enrol(shop: _Shop, person: Person, number: int) -> None:
    member = members.enrol(
        shop.session,
        workspace_id=shop.workspace_id,
        program_id=shop.program_id,
        person=person,
        by=shop.actors[number % len(shop.actors)],
    ).value
    shop.member_ids.append(member.id)
    # A few come every day, most now and then.
    shop.weights.append(shop.dice.paretovariate(1.1))


def _plan_awards(shop: _Shop, award_count: int) -> None:
    days = list(range(HISTORY_DAYS + 1))
    today = shop.now.date()
    weights = [WEEKDAYS[(today - timedelta(days=HISTORY_DAYS - day)).weekday()] for day in days]
    for day in shop.dice.choices(days, weights, k=award_count):
        shop.plan(_moment(shop, day), partial(_visit, shop))


def _visit(shop: _Shop) -> None:
    if not shop.member_ids:
        return
    dice = shop.dice
    member_id = dice.choices(shop.member_ids, shop.weights)[0]
    reason, points = _purchase(dice)
    entry = ledger.award(
        shop.session,
        workspace_id=shop.workspace_id,
        member_id=member_id,
        points=points,
        reason=reason,
        by=dice.choice(shop.actors),
    ).value
    if dice.random() < SHARE_REVERSED:
        part = points // 2 if points > 1 and dice.random() < 0.4 else None  # noqa: PLR2004
        moment = clock.now() + timedelta(hours=dice.randint(1, 50))
        shop.plan(moment, partial(_refund, shop, entry.id, part))
    if dice.random() < SHARE_REDEEMING and entry.balance_after >= shop.reward_ids[0][1]:
        _redeem(shop, member_id, entry.balance_after)


def _purchase(dice: random.Random) -> tuple[str, int]:
    if dice.random() < 0.05:  # noqa: PLR2004
        return dice.choice(_OTHER_REASONS)
    cents = int(dice.lognormvariate(6.7, 0.55)) // 10 * 10 + 100
    return f"Purchase, €{cents / 100:.2f}", max(1, cents // 10)


def _refund(shop: _Shop, entry_id: str, points: int | None) -> None:
    ledger.reverse(
        shop.session,
        workspace_id=shop.workspace_id,
        entry_id=entry_id,
        points=points,
        reason=f"Refund, order {shop.dice.randint(1500, 2400)}",
        by=shop.manager,
    )


def _redeem(shop: _Shop, member_id: str, balance: int) -> None:
    within_reach = [each for each in shop.reward_ids if each[1] <= balance]
    try:
        redemption = redemptions.redeem(
            shop.session,
            workspace_id=shop.workspace_id,
            member_id=member_id,
            reward_id=shop.dice.choice(within_reach)[0],
            by=shop.dice.choice(shop.actors),
        ).value
    except errors.Refused:
        # Gone, or for a higher tier: as at a real counter, nothing happens.
        return
    minutes = timedelta(minutes=shop.dice.randint(1, 8))
    act = _cancel if shop.dice.random() < SHARE_CANCELLED else _fulfil
    # What was redeemed within the last hours still waits to be handed over.
    slack = timedelta(hours=5) if act is _fulfil else timedelta()
    if clock.now() + slack < shop.now:
        shop.plan(clock.now() + minutes, partial(act, shop, redemption.id))


def _fulfil(shop: _Shop, redemption_id: str) -> None:
    redemptions.fulfil(
        shop.session,
        workspace_id=shop.workspace_id,
        redemption_id=redemption_id,
        by=shop.manager,
    )


def _cancel(shop: _Shop, redemption_id: str) -> None:
    redemptions.cancel(
        shop.session,
        workspace_id=shop.workspace_id,
        redemption_id=redemption_id,
        by=shop.manager,
    )


def _leave_some_below_zero(shop: _Shop) -> None:
    """Let three newcomers earn, spend and get their money back, so that they owe points."""
    for name, owed_points in (("Mateo Fernández", 205), ("Yusuf Al-Amin", 85), ("Ada Owe", 40)):
        member = members.enrol(
            shop.session,
            workspace_id=shop.workspace_id,
            program_id=shop.program_id,
            person=Person(name=name),
            by=shop.manager,
        ).value
        given: dict[str, Any] = {
            "workspace_id": shop.workspace_id,
            "member_id": member.id,
            "by": shop.manager,
        }
        entry = ledger.award(shop.session, points=300, reason="Purchase, €30.00", **given).value
        redemptions.redeem(shop.session, reward_id=shop.reward_ids[0][0], **given)
        _refund(shop, entry.id, owed_points)


def _people(dice: random.Random) -> Iterator[Person]:
    number = 0
    for known in KNOWN:
        number += 1
        yield _person(dice, known.name, number, f"+353 87 123 {known.phone_end}")
    shares = [culture.share for culture in CULTURES]
    while True:
        number += 1
        culture = dice.choices(CULTURES, shares)[0]
        name = culture.form.format(
            first=dice.choice(culture.first), last=dice.choice(culture.last)
        ).strip()
        pattern = culture.phone or "085 xxx xxxx"
        digits = iter(f"{number:03d}{dice.randint(0, 9999):04d}")
        phone = "".join(next(digits, "0") if each == "x" else each for each in pattern)
        yield _person(dice, name, number, phone)


def _person(dice: random.Random, name: str, number: int, phone: str) -> Person:
    return Person(
        name=name,
        email="" if dice.random() < 0.05 else f"member{number}@example.com",  # noqa: PLR2004
        phone="" if dice.random() < 0.04 and number > len(KNOWN) else phone,  # noqa: PLR2004
        card_number=f"7{number:07d}" if dice.random() < 0.5 else "",  # noqa: PLR2004
    )


def _moment(shop: _Shop, day: int) -> datetime:
    """Give a moment in opening hours of the history's day `day`; the last day is today."""
    zone = ZoneInfo(_RULES.time_zone)
    on = shop.now.astimezone(zone).date() - timedelta(days=HISTORY_DAYS - day)
    minutes = shop.dice.randint(7 * 60 + 30, 18 * 60)
    return datetime.combine(on, time.min, zone) + timedelta(
        minutes=minutes, seconds=shop.dice.randint(0, 59)
    )

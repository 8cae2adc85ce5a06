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

from sqlalchemy import text
from sqlalchemy.orm import Session

from app import clock, errors
from app.models.merchants import SANDBOX, Merchant
from app.models.programs import Location, Program
from app.models.rewards import Reward
from app.rules.actors import SYSTEM, Actor
from app.sandbox.catalogue import REWARDS, RULES, STAFF
from app.sandbox.names import CULTURES, KNOWN
from app.services import locations, merchants, programs, redemptions, rewards, workspaces
from app.services.ledger import acts
from app.services.members import enrolment
from app.services.members.customers import Person
from app.services.staff import people as staff_people

MEMBERS = 2_000
HISTORY_DAYS = 60
PASSWORD_BYTES = 12
AWARDS = 7_500
FORGET_EVERY = 400
"""After so many acts the session lets go of what it knows, so that memory stays flat."""

SHARE_REDEEMING = 0.16
SHARE_CANCELLED = 0.06
SHARE_REVERSED = 0.011
SHARE_CARRIED_OVER = 0.06
SHARE_MISTAKEN = 0.008
SHARE_CLOSED = 0.01

OPENS, CLOSES, OPEN_SECONDS = time(7, 30), time(18), 37_800

COSTLY_POINTS = 1_100

HABITS = {"gold": 38.0, "silver": 15.0, "bronze": 2.0, "owing": 0.0}
"""How often the members whom the sandbox always has come, beside everyone else's 1.0 and more."""

VISITS_MOST = 34.0
"""Nobody comes more often than this beside a rare guest; a bare Pareto curve has such a one."""

WEEKDAYS = (0.86, 0.9, 0.93, 1.0, 1.12, 1.42, 0.5)

_SHARES = [culture.share for culture in CULTURES]

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
    weights: dict[str, float] = field(default_factory=dict)
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
                self._measure_tables()

    def _measure_tables(self) -> None:
        """Let PostgreSQL plan anew: it would go on reading whole tables, as when they were empty.

        Its own measuring waits for the end of this transaction; without this the seed took half
        as long again.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            self.session.execute(text("ANALYZE members, customers, ledger_entries, redemptions"))


def seed(session: Session, *, merchant_id: str, member_count: int = MEMBERS) -> bool:
    """Fill a merchant's empty sandbox; False when it has a program already."""
    workspace = workspaces.get_workspace(session, merchant_id=merchant_id, mode=SANDBOX)
    if programs.list_programs(session, workspace_id=workspace.id):
        return False
    now = clock.now()
    with clock.set_to(now - timedelta(days=HISTORY_DAYS + 1)):
        shop = _open(session, workspace.id, merchant_id, now)
    _plan_members(shop, member_count)
    _plan_awards(shop, AWARDS * member_count // MEMBERS)
    shop.run()
    session.flush()
    return True


def open_business(session: Session, *, name: str, email: str) -> tuple[Merchant, str]:
    """Make a merchant with its owner, and give the owner's password, which is kept nowhere."""
    merchant = merchants.create(session, name=name)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    staff_people.create(
        session,
        merchant_id=merchant.id,
        email=email,
        name="Maeve Brennan",
        role="owner",
        password=password,
        by=SYSTEM,
    )
    return merchant, password


def furnish(session: Session, *, workspace_id: str) -> tuple[list[Location], Program, list[Reward]]:
    """Give an empty workspace its shops, its program and its rewards."""
    shops = [
        locations.add(session, workspace_id=workspace_id, name=name, by=SYSTEM)
        for name in ("Quay Street", "Mill Lane")
    ]
    program = programs.create(session, workspace_id=workspace_id, rules=RULES, by=SYSTEM)
    session.flush()
    made = [
        rewards.create(
            session, workspace_id=workspace_id, program_id=program.id, terms=terms, by=SYSTEM
        )
        for terms in REWARDS
    ]
    return shops, program, made


def _open(session: Session, workspace_id: str, merchant_id: str, now: datetime) -> _Shop:
    shops, program, made = furnish(session, workspace_id=workspace_id)
    actors = [_hire(session, merchant_id, person, shops) for person in STAFF]
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
    made = staff_people.create(
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
        is_early = number < len(KNOWN) or number % 3
        day = 0 if is_early else int(shop.dice.random() * HISTORY_DAYS)
        shop.plan(_moment(shop, day), partial(_enrol, shop, next(people), number))


def _enrol(shop: _Shop, person: Person, number: int) -> None:
    dice = shop.dice
    member = enrolment.enrol(
        shop.session,
        workspace_id=shop.workspace_id,
        program_id=shop.program_id,
        person=person,
        by=shop.actors[number % len(shop.actors)],
    ).value
    if number < len(KNOWN):
        known = KNOWN[number]
        shop.weights[member.id] = HABITS[known.habit]
        if known.owed_points:
            _plan_debt(shop, member.id, known.owed_points)
        return
    # A few come every day, most now and then.
    shop.weights[member.id] = min(dice.paretovariate(1.1), VISITS_MOST)
    if dice.random() < SHARE_CARRIED_OVER:
        stamps = dice.randint(2, 9)
        reason = f"Carried over, {stamps} stamps of the paper card"
        shop.plan(_later(shop, 1), partial(_adjust, shop, member.id, stamps * 30, reason))
    if dice.random() < SHARE_CLOSED:
        shop.plan(_later(shop, 20 * 24), partial(_close, shop, member.id))


def _adjust(shop: _Shop, member_id: str, points: int, reason: str) -> None:
    try:
        acts.adjust(
            shop.session,
            workspace_id=shop.workspace_id,
            member_id=member_id,
            points=points,
            reason=reason,
            by=shop.manager,
        )
    except errors.BalanceWouldGoNegative:
        # Already spent: the shop lets the member keep them.
        return


def _close(shop: _Shop, member_id: str) -> None:
    del shop.weights[member_id]
    enrolment.close(
        shop.session, workspace_id=shop.workspace_id, member_id=member_id, by=shop.manager
    )


def _plan_awards(shop: _Shop, award_count: int) -> None:
    days = list(range(HISTORY_DAYS + 1))
    today = shop.now.date()
    weights = [WEEKDAYS[(today - timedelta(days=HISTORY_DAYS - day)).weekday()] for day in days]
    for day in shop.dice.choices(days, weights, k=award_count):
        shop.plan(_moment(shop, day), partial(_visit, shop))


def _visit(shop: _Shop) -> None:
    if not any(shop.weights.values()):
        return
    dice = shop.dice
    member_id = dice.choices(list(shop.weights), list(shop.weights.values()))[0]
    reason, points = make_purchase(dice)
    entry = acts.award(
        shop.session,
        workspace_id=shop.workspace_id,
        member_id=member_id,
        points=points,
        reason=reason,
        by=dice.choice(shop.actors),
    ).value
    if dice.random() < SHARE_REVERSED:
        part = points // 2 if points > 1 and dice.random() < 0.4 else None  # noqa: PLR2004
        shop.plan(_later(shop, 50), partial(_refund, shop, entry.id, part))
    if dice.random() < SHARE_MISTAKEN:
        reason = "Correction, milk was entered twice"
        shop.plan(_later(shop, 2), partial(_adjust, shop, member_id, -20, reason))
    if dice.random() < SHARE_REDEEMING and entry.balance_after >= shop.reward_ids[0][1]:
        _redeem(shop, member_id, entry.balance_after)


def make_purchase(dice: random.Random) -> tuple[str, int]:
    """Make up what somebody gets points for: the reason and the points."""
    if dice.random() < 0.05:  # noqa: PLR2004
        return dice.choice(_OTHER_REASONS)
    cents = int(dice.lognormvariate(6.7, 0.55)) // 10 * 10 + 100
    return f"Purchase, €{cents / 100:.2f}", max(1, cents // 10)


def _refund(shop: _Shop, entry_id: str, points: int | None) -> None:
    acts.reverse(
        shop.session,
        workspace_id=shop.workspace_id,
        entry_id=entry_id,
        points=points,
        reason=f"Refund, order {shop.dice.randint(1500, 2400)}",
        by=shop.manager,
    )


def _redeem(shop: _Shop, member_id: str, balance: int) -> None:
    reward_id, cost = shop.dice.choice([each for each in shop.reward_ids if each[1] <= balance])
    try:
        redemption = redemptions.redeem(
            shop.session,
            workspace_id=shop.workspace_id,
            member_id=member_id,
            reward_id=reward_id,
            by=shop.dice.choice(shop.actors),
        )
    except errors.Refused:
        # Gone, or for a higher tier: as at a real counter, nothing happens.
        return
    minutes = timedelta(minutes=shop.dice.randint(1, 8))
    act = _cancel if shop.dice.random() < SHARE_CANCELLED else _fulfil
    # What was redeemed within the last hours still waits to be handed over, what has to be
    # fetched or ordered for longer.
    slack = timedelta(hours=5 if cost < COSTLY_POINTS else 72)
    slack = slack if act is _fulfil else timedelta()
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


def _plan_debt(shop: _Shop, member_id: str, owed_points: int) -> None:
    """Let a member buy much, spend the points and bring the goods back, so that they owe points."""
    day = HISTORY_DAYS - shop.dice.randint(2, 9)
    bought_at = _moment(shop, day)

    def buy() -> None:
        given: dict[str, Any] = {
            "workspace_id": shop.workspace_id,
            "member_id": member_id,
            "by": shop.manager,
        }
        entry = acts.award(shop.session, points=950, reason="Purchase, €95.00", **given).value
        redemptions.redeem(shop.session, reward_id=shop.reward_ids[2][0], **given)
        left = entry.balance_after - shop.reward_ids[2][1]
        shop.plan(_later(shop, 24), partial(_refund, shop, entry.id, left + owed_points))

    shop.plan(bought_at, buy)


def _people(dice: random.Random) -> Iterator[Person]:
    number = 0
    for known in KNOWN:
        number += 1
        yield _person(dice, known.name, number, f"+353 87 123 {known.phone_end}")
    while True:
        number += 1
        yield make_person(dice, number)


def make_person(dice: random.Random, number: int) -> Person:
    """Make up the shop's person of a number."""
    culture = dice.choices(CULTURES, _SHARES)[0]
    name = culture.form.format(
        first=dice.choice(culture.first), last=dice.choice(culture.last)
    ).strip()
    pattern = culture.phone or "085 xxx xxxx"
    digits = iter(f"{number:03d}{dice.randint(0, 9999):04d}")
    phone = "".join(next(digits, "0") if each == "x" else each for each in pattern)
    return _person(dice, name, number, phone)


def _person(dice: random.Random, name: str, number: int, phone: str) -> Person:
    return Person(
        name=name,
        email="" if dice.random() < 0.05 else f"member{number}@example.com",  # noqa: PLR2004
        phone="" if dice.random() < 0.04 and number > len(KNOWN) else phone,  # noqa: PLR2004
        card_number=f"7{number:07d}" if dice.random() < 0.5 else "",  # noqa: PLR2004
    )


def _later(shop: _Shop, hours_most: int) -> datetime:
    """Give a moment in the hours to come, or at the next opening when the shop is closed then."""
    zone = ZoneInfo(RULES.time_zone)
    moment = clock.now() + timedelta(minutes=shop.dice.randint(20, hours_most * 60))
    at = moment.astimezone(zone)
    if OPENS <= at.time() <= CLOSES:
        return moment
    day = at.date() + timedelta(days=1 if at.time() > CLOSES else 0)
    return datetime.combine(day, OPENS, zone) + timedelta(minutes=shop.dice.randint(1, 90))


def _moment(shop: _Shop, day: int) -> datetime:
    """Give a moment in opening hours of the history's day `day`; the last day is today."""
    zone = ZoneInfo(RULES.time_zone)
    on = shop.now.astimezone(zone).date() - timedelta(days=HISTORY_DAYS - day)
    seconds = shop.dice.randint(0, OPEN_SECONDS)
    return datetime.combine(on, OPENS, zone) + timedelta(seconds=seconds)

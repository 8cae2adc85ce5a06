"""Random histories: a plain model, SQLite and PostgreSQL must agree entry for entry."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app import clock
from app.db.database import Database
from app.errors import RegularsError
from tests import factories
from tests.cast import Cast
from tests.support.model import Answer, Model, Refusal
from tests.support.world import World

START = datetime(2026, 7, 1, 9, tzinfo=UTC)
EXAMPLES, STEPS = 30, 30
"""About half a minute on two cores."""

indexes = st.integers(0, 5)
"""Which member, entry, reward or redemption, counted round when there are fewer."""
keyed = st.booleans()
_name = (f"example-{number}-" for number in count(1))


ACTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "enrol": st.fixed_dictionaries({"customer": st.sampled_from("abc"), "with_key": keyed}),
    "award": st.fixed_dictionaries(
        {
            "member": indexes,
            "points": st.sampled_from([0, 1, 40, 450, 600, 1500]),
            "with_key": keyed,
        }
    ),
    "award_for_a_source": st.fixed_dictionaries(
        {
            "member": indexes,
            "points": st.sampled_from([40, 600]),
            "source": st.sampled_from("pqr"),
        }
    ),
    "reverse": st.fixed_dictionaries(
        {
            "member": indexes,
            "seq": st.integers(0, 30),
            "points": st.sampled_from([None, None, 1, 40, 451]),
        }
    ),
    "adjust": st.fixed_dictionaries(
        {
            "member": indexes,
            "points": st.sampled_from([-700, -40, 0, 40, 450]),
            "allow_negative": st.booleans(),
        }
    ),
    "redeem": st.fixed_dictionaries(
        {
            "member": indexes,
            "reward": indexes,
            "seen_cost": st.sampled_from([None, None, 40]),
            "with_key": keyed,
        }
    ),
    "fulfil": st.fixed_dictionaries({"purchase": indexes}),
    "cancel": st.fixed_dictionaries({"purchase": indexes, "as_cashier": st.booleans()}),
    "close_or_reopen": st.fixed_dictionaries(
        {"member": indexes, "is_closed": st.sampled_from([True, False, False])}
    ),
    "edit_offer": st.fixed_dictionaries(
        {
            "reward": indexes,
            "terms": st.fixed_dictionaries(
                {},
                optional={
                    "cost": st.sampled_from([0, 40, 450]),
                    "stock": st.sampled_from([None, 0, 1, 2, 3]),
                    "limit": st.sampled_from([None, 1, 2, 3]),
                    "tier": st.sampled_from([None, "silver", "gold"]),
                },
            ),
        }
    ),
    "archive_or_restore": st.fixed_dictionaries(
        {"reward": indexes, "is_archived": st.sampled_from([True, False, False])}
    ),
    "ask_again_under_an_earlier_key": st.fixed_dictionaries(
        {"which": st.integers(0, 30), "is_altered": st.booleans()}
    ),
    "time_passes": st.fixed_dictionaries({"minutes": st.sampled_from([1, 6, 11])}),
}
"""The acts by the name of their method, with what each is played with."""


class Shop(RuleBasedStateMachine):
    """Plays each act on the model and on both databases, and compares what comes of it."""

    casts: ClassVar[list[Cast]]

    def __init__(self) -> None:
        super().__init__()
        name = next(_name)
        self.model = Model(START)
        self.worlds = [World(cast, name) for cast in self.casts]
        self.asked: list[tuple[str, dict[str, Any]]] = []

    @initialize()
    def open_shop(self) -> None:
        """Start with a reward of each sort, and two members who have one of them."""
        later, end = START + timedelta(minutes=8), START + timedelta(minutes=30)
        for terms in (
            {"cost": 450},
            {"cost": 40, "stock": 2, "limit": 2},
            {"cost": 0, "tier": "silver"},
            {"cost": 40, "starts": later, "ends": end},
        ):
            self.step("offer", **terms)
        for number, customer in enumerate("ab"):
            self.step("enrol", customer=customer)
            self.step("award", member=number, points=600)
            self.step("redeem", True, member=number, reward=1)

    @rule(asked=st.one_of([st.tuples(st.just(act), given) for act, given in ACTS.items()]))
    def act(self, asked: tuple[str, dict[str, Any]]) -> None:
        """Play one act. One rule draws them all: Hypothesis plays only some rules of many often."""
        act, given = asked
        getattr(self, act)(**given)

    def enrol(self, customer: str, with_key: bool) -> None:
        """Enrol a customer, maybe once more."""
        self.step("enrol", with_key, customer=customer)

    def award(self, member: int, points: int, with_key: bool) -> None:
        """Award points, too few ones included."""
        self.step("award", with_key, member=self.member(member), points=points)

    def award_for_a_source(self, member: int, points: int, source: str) -> None:
        """Award for a source that may be taken."""
        self.step("award", True, member=self.member(member), points=points, source=source)

    def reverse(self, member: int, seq: int, points: int | None) -> None:
        """Take any entry back, whole or in part."""
        number = self.member(member)
        lines = self.model.accounts[number].lines
        if lines:
            self.step("reverse", True, member=number, seq=1 + seq % len(lines), points=points)

    def adjust(self, member: int, points: int, allow_negative: bool) -> None:
        """Correct a balance up or down."""
        number = self.member(member)
        self.step("adjust", True, member=number, points=points, allow_negative=allow_negative)

    def redeem(self, member: int, reward: int, seen_cost: int | None, with_key: bool) -> None:
        """Buy a reward, maybe with an old price in mind."""
        number, offer = self.member(member), reward % len(self.model.offers)
        self.step("redeem", with_key, member=number, reward=offer, seen_cost=seen_cost)

    def fulfil(self, purchase: int) -> None:
        """Hand a reward over."""
        self.step("fulfil", purchase=purchase % len(self.model.purchases))

    def cancel(self, purchase: int, as_cashier: bool) -> None:
        """Cancel a redemption."""
        number = purchase % len(self.model.purchases)
        self.step("cancel", purchase=number, as_cashier=as_cashier)

    def close_or_reopen(self, member: int, is_closed: bool) -> None:
        """Close or reopen a member."""
        self.step("set_closed", member=self.member(member), is_closed=is_closed)

    def edit_offer(self, reward: int, terms: dict[str, Any]) -> None:
        """Change some terms of a reward."""
        self.step("edit_offer", reward=reward % len(self.model.offers), **terms)

    def archive_or_restore(self, reward: int, is_archived: bool) -> None:
        """Stop or resume offering a reward."""
        number = reward % len(self.model.offers)
        self.step("set_archived", reward=number, is_archived=is_archived)

    def ask_again_under_an_earlier_key(self, which: int, is_altered: bool) -> None:
        """Repeat a request, or send another one under its key."""
        act, given = self.asked[which % len(self.asked)]
        if is_altered and "member" in given:
            given = {**given, "member": (given["member"] + 1) % len(self.model.accounts)}
            given |= {"seq": 1} if "seq" in given else {}
            if "seq" in given and not self.model.accounts[given["member"]].lines:
                return
        self.play(act, given)

    def time_passes(self, minutes: int) -> None:
        """Let windows open and close, and acts grow too old to undo."""
        self.model.now += timedelta(minutes=minutes)

    @invariant()
    def all_agree(self) -> None:
        """Compare every entry, total, stock and state."""
        lines = [
            [
                (seq, line.kind, line.points, line.balance, line.lifetime)
                for seq, line in enumerate(account.lines, start=1)
            ]
            for account in self.model.accounts
        ]
        for world in self.worlds:
            assert world.lines() == lines
            assert world.state() == self.state_of_the_model()

    def teardown(self) -> None:
        """Verify both ledgers."""
        for world in self.worlds:
            assert factories.verify(world.cast).fault is None

    def member(self, index: int) -> int:
        """Give a member's number."""
        return index % len(self.model.accounts)

    def step(self, act: str, with_key: bool = False, **given: Any) -> None:
        """Play an act, under a new key if asked to."""
        if with_key:
            given["key"] = f"k{len(self.asked)}"
            self.asked.append((act, given))
        self.play(act, given)

    def play(self, act: str, given: dict[str, Any]) -> None:
        """Play an act on all; they must answer alike."""
        with clock.set_to(self.model.now):
            expected = _answer(self.model, act, given)
            for world in self.worlds:
                assert _answer(world, act, given) == expected

    def state_of_the_model(self) -> list[tuple[object, ...]]:
        """Give what `World.state` gives."""
        return [
            *(
                (
                    "closed" if each.is_closed else "active",
                    each.balance,
                    each.lifetime,
                    each.qualifying,
                    each.tier,
                )
                for each in self.model.accounts
            ),
            *(
                (each.cost, each.stock, "archived" if each.is_archived else "active")
                for each in self.model.offers
            ),
            *((each.status, each.spent) for each in self.model.purchases),
        ]


def _answer(shop: Model | World, act: str, given: dict[str, Any]) -> Answer:
    try:
        answer: Answer = getattr(shop, act)(**given)
    except Refusal as refusal:
        return ("refused", refusal.args[0])
    except RegularsError as refusal:
        return ("refused", refusal.code)
    return answer


def test_every_history_is_the_same_in_the_model_and_on_both_databases(
    sqlite: Database, postgres: Database
) -> None:
    class OnBoth(Shop):
        casts: ClassVar[list[Cast]] = [factories.make_cast(each) for each in (sqlite, postgres)]

    run_state_machine_as_test(
        OnBoth,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )

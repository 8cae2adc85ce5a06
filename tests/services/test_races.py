"""Fifty at once: exact counts, and a ledger that verifies (spec sections 2 to 4).

SQLite lets one writer in at a time, so that only PostgreSQL shows a missing lock there. That each
of these tests turns red without its protection is shown by `scripts/plant.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from app import clock
from app.db.database import Database
from app.models.members import Member
from app.rules.actors import Approval
from app.rules.ledger import Entry, Source
from app.rules.redeeming import RedemptionRow
from app.services import programs, redemptions
from app.services.ledger import acts, posting
from app.services.members import enrolment
from app.services.results import Result
from app.services.staff import pins, second_factors
from app.services.staff.sign_ins import SignIn
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.crowd import CROWD, crowd
from tests.support.once import find_entry, run_once

WAIT_SECONDS = 0.3
"""Until the other thread waits for our lock. Too short a wait would only miss a fault."""


ROUNDS = int(os.environ.get("RACE_ROUNDS", "1"))
"""Each race is run so often; `make prove` asks for more than one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each race again and again, if so asked."""
    if ROUNDS > 1:
        metafunc.fixturenames.append("race_round")
        metafunc.parametrize("race_round", range(ROUNDS))


@pytest.fixture(params=["postgres", "sqlite"])
def cast(request: pytest.FixtureRequest) -> Iterator[Cast]:
    """Give the shop, on PostgreSQL first; whatever happens in it, its ledger verifies."""
    shop = factories.make_cast(request.getfixturevalue(request.param))
    yield shop
    assert factories.verify(shop).fault is None


def test_the_last_piece_is_sold_once(cast: Cast) -> None:
    reward = factories.make_reward(cast, stock=1)
    rich = [_member_with(cast, 450) for _ in range(CROWD)]

    answers = crowd(lambda number: factories.redeem(cast, rich[number], reward))

    assert answers.faults == []
    assert len(answers.given) == 1
    assert answers.refusals == ["reward_out_of_stock"] * (CROWD - 1)
    assert factories.reload_reward(cast, reward).stock == 0


def test_one_balance_pays_for_what_it_covers(cast: Cast) -> None:
    reward = factories.make_reward(cast, points_cost=450)
    member = _member_with(cast, 7 * 450 + 449)

    answers = crowd(lambda _: factories.redeem(cast, member, reward))

    assert answers.faults == []
    assert len(answers.given) == 7
    assert answers.refusals == ["insufficient_points"] * (CROWD - 7)
    assert factories.reload(cast, member).balance == 449


def test_one_award_is_reversed_once(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 250)

    answers = crowd(lambda _: factories.reverse(cast, award))

    assert answers.faults == []
    assert len(answers.given) == 1
    assert answers.refusals == ["already_reversed"] * (CROWD - 1)
    assert factories.reload(cast, member).balance == 0


def test_parts_never_take_back_more_than_was_awarded(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 250)

    answers = crowd(lambda _: factories.reverse(cast, award, points=40))

    assert answers.faults == []
    assert len(answers.given) == 6
    assert answers.refusals == ["exceeds_reversible"] * (CROWD - 6)
    assert factories.reload(cast, member).balance == 10


def test_one_key_has_one_effect_and_one_answer(cast: Cast) -> None:
    member = factories.enrol(cast)

    answers = crowd(lambda _: _award(cast, member, key="k1"))

    assert answers.faults == []
    assert len({each.value.id for each in answers.given}) == 1
    assert Counter(each.replayed for each in answers.given) == {"": 1, "key": CROWD - 1}
    assert records.points_of(cast, member) == [("award", 10)]


def test_one_source_is_awarded_to_one_of_two_members(cast: Cast) -> None:
    pair = [factories.enrol(cast), factories.enrol(cast)]
    source = Source("payment", "pay_3xZ9q")

    answers = crowd(lambda number: _award(cast, pair[number % 2], source=source))

    assert answers.faults == []
    assert len({each.value.id for each in answers.given}) == 1
    assert Counter(each.replayed for each in answers.given) == {"": 1, "source": CROWD // 2 - 1}
    assert Counter(answers.refusals) == {"source_conflict": CROWD // 2}
    assert sorted(factories.reload(cast, member).balance for member in pair) == [0, 10]


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_one_customer_becomes_one_member_with_one_event(cast: Cast, is_known: bool) -> None:
    if is_known:  # in another program, so that no insert of the customer lets one in at a time
        other = replace(cast, program_id=factories.make_program(cast, name="Beans").id)
        factories.enrol(other, customer_id="c1")
    told = len(records.events_of(cast, "loyalty.account.created"))

    answers = crowd(lambda _: _enrol(cast, "c1"))

    assert answers.faults == []
    assert len({each.value.id for each in answers.given}) == 1
    assert Counter(each.replayed for each in answers.given) == {"": 1, "existing": CROWD - 1}
    assert len(records.events_of(cast, "loyalty.account.created")) == told + 1


def test_a_limit_per_member_holds(cast: Cast) -> None:
    reward = factories.make_reward(cast, points_cost=1, per_member_limit=3)
    member = _member_with(cast, 10_000)

    answers = crowd(lambda _: factories.redeem(cast, member, reward))

    assert answers.faults == []
    assert len(answers.given) == 3
    assert answers.refusals == ["reward_limit_reached"] * (CROWD - 3)


def test_one_redemption_is_cancelled_once(cast: Cast) -> None:
    reward = factories.make_reward(cast, stock=5)
    member = _member_with(cast, 450)
    redemption = factories.redeem(cast, member, reward)

    answers = crowd(lambda _: factories.cancel(cast, redemption))

    assert answers.faults == []
    assert Counter(each.replayed for each in answers.given) == {"": 1, "existing": CROWD - 1}
    assert len({each.value.cancelled_at for each in answers.given}) == 1
    assert factories.reload(cast, member).balance == 450
    assert factories.reload_reward(cast, reward).stock == 5


def test_a_redemption_is_not_handed_over_while_it_is_cancelled(cast: Cast) -> None:
    redemption = factories.redeem(cast, _member_with(cast, 450), factories.make_reward(cast))
    refusals: list[str] = []

    def hand_over() -> None:
        refusals.extend(crowd(lambda _: factories.fulfil(cast, redemption), count=1).refusals)

    latecomer = threading.Thread(target=hand_over)
    with cast.database.writing() as session:
        redemptions.cancel(
            session,
            workspace_id=cast.workspace_id,
            redemption_id=redemption.id,
            by=cast.manager,
        )
        session.flush()
        latecomer.start()
        time.sleep(WAIT_SECONDS)
    latecomer.join()

    assert refusals == ["reward_not_available"]


def test_an_account_that_is_edited_while_it_closes_is_told_as_closed(cast: Cast) -> None:
    member = factories.enrol(cast)

    def rename() -> None:
        with cast.database.writing() as session:
            enrolment.edit(
                session,
                workspace_id=cast.workspace_id,
                member_id=member.id,
                changes={"name": "Kwame M."},
                by=cast.manager,
            )

    latecomer = threading.Thread(target=rename)
    with cast.database.writing() as session:
        enrolment.close(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )
        session.flush()
        latecomer.start()
        time.sleep(WAIT_SECONDS)
    latecomer.join()

    told = records.events_of(cast, "loyalty.account.updated")
    assert [each.data["status"] for each in told] == ["closed", "closed"]


def test_a_reward_is_edited_while_it_is_redeemed(cast: Cast) -> None:
    reward = factories.make_reward(cast, points_cost=1, stock=1000)
    rich = [_member_with(cast, 100) for _ in range(10)]
    stocks = (None, 1000, 2000)

    def act(number: int) -> RedemptionRow | None:
        if number % 5 == 0:
            factories.edit_reward(
                cast, reward, points_cost=1 + number, stock=stocks[number % len(stocks)]
            )
            return None
        redemption = factories.redeem(cast, rich[number % 10], reward)
        if number % 5 == 1:
            factories.cancel(cast, redemption)
        return redemption

    answers = crowd(act)

    assert answers.faults == []
    assert set(answers.refusals) <= {"reward_not_available", "insufficient_points"}
    spent = {each.id: each.points_spent for each in answers.given if each is not None}
    for member in rich:
        for entry in records.entries_of(cast, member):
            if entry.kind == "redemption" and entry.redemption_id in spent:
                assert entry.points == -spent[entry.redemption_id]


def test_a_counter_key_is_handed_over_by_many_at_once(cast: Cast) -> None:
    several = [factories.make_reward(cast, f"Reward {number}") for number in range(5)]

    answers = crowd(lambda number: factories.edit_reward(cast, several[number % 5], counter_key=1))

    assert (answers.faults, answers.refusals) == ([], [])
    keys = [factories.reload_reward(cast, reward).counter_key for reward in several]
    assert sorted(keys, key=str) == [1, None, None, None, None]


def test_awards_to_one_member_are_all_counted_without_gaps(cast: Cast) -> None:
    member = factories.enrol(cast)

    answers = crowd(lambda number: factories.award(cast, member, number + 1))

    assert (answers.faults, answers.refusals) == ([], [])
    entries = records.entries_of(cast, member)
    assert [entry.seq for entry in entries] == list(range(1, CROWD + 1))
    assert sorted(entry.points for entry in entries) == list(range(1, CROWD + 1))
    assert factories.reload(cast, member).balance == CROWD * (CROWD + 1) // 2


def test_of_a_crowd_a_shift_gives_what_its_limit_allows(cast: Cast) -> None:
    factories.limit(cast, "cashier", None, 100)
    many = [factories.enrol(cast, f"Member {number}") for number in range(CROWD)]

    answers = crowd(lambda number: factories.award(cast, many[number], 10, by=cast.cashier))

    assert answers.faults == []
    assert len(answers.given) == 10
    assert answers.refusals == ["permission_denied"] * (CROWD - 10)


def test_one_code_of_an_app_signs_one_in(cast: Cast) -> None:
    secret = factories.set_up_app(cast, "cashier")
    code = pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30))
    with cast.database.writing() as session:
        tokens = [factories.sign_in(session, "cashier").token for _ in range(CROWD)]

    answers = crowd(lambda number: _answer(cast, tokens[number], code))

    assert answers.faults == []
    assert len([each for each in answers.given if each is not None]) == 1


def test_a_crowd_of_guesses_at_a_pin_is_stopped_after_five(cast: Cast) -> None:
    factories.take_pin(cast, "manager", "314159")

    answers = crowd(lambda number: _approve(cast, f"{number:06}"))

    assert answers.faults == []
    assert answers.given == [None] * pins.FAILURES_PER_PERSON
    assert answers.refusals == ["rate_limited"] * (CROWD - pins.FAILURES_PER_PERSON)


def test_a_tier_is_judged_by_the_thresholds_that_stay(cast: Cast) -> None:
    several = [_member_with(cast, 10) for _ in range(3)]
    low = [factories.TIERS[0], {"key": "silver", "name": "Silver", "threshold": 10}]

    def act(number: int) -> None:
        if number % 2:
            factories.award(cast, several[number % 3], 1)
        else:
            factories.edit_program(cast, tiers=low if number % 4 else factories.TIERS)

    answers = crowd(act)

    assert (answers.faults, answers.refusals) == ([], [])
    _assert_tiers_fit(cast, several)


def test_an_award_while_the_tiers_change_is_judged_by_the_new_ones(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast)
    low = [factories.TIERS[0], {"key": "silver", "name": "Silver", "threshold": 10}]
    latecomer = threading.Thread(target=lambda: factories.award(cast, member, 10))

    with cast.database.writing() as session:
        programs.edit(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            changes={"tiers": low},
            by=cast.owner,
        )
        latecomer.start()
        time.sleep(WAIT_SECONDS)
    latecomer.join()

    assert factories.reload(cast, member).tier == "silver"


def test_who_enrols_while_the_tiers_change_gets_a_tier_that_stays(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    renamed = [{"key": "basic", "name": "Basic", "threshold": 0}]
    enrolled: list[Member] = []
    latecomer = threading.Thread(target=lambda: enrolled.append(_enrol(cast, "c1").value))

    with cast.database.writing() as session:
        programs.edit(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            changes={"tiers": renamed},
            by=cast.owner,
        )
        latecomer.start()
        time.sleep(WAIT_SECONDS)
    latecomer.join()

    assert factories.reload(cast, enrolled[0]).tier == "basic"


def test_different_members_never_wait_for_each_other(postgres: Database) -> None:
    shop = factories.make_cast(postgres)
    one, other = factories.enrol(shop), factories.enrol(shop)

    with shop.database.writing() as session:
        posting.lock_member(session, workspace_id=shop.workspace_id, member_id=one.id)
        answers = crowd(lambda _: factories.award(shop, other, 10), count=1, patience_seconds=3)

    assert len(answers.given) == 1


def _assert_tiers_fit(cast: Cast, several: list[Member]) -> None:
    for member in several:
        found = factories.reload(cast, member)
        thresholds = {each["key"]: each["threshold"] for each in found.program.tiers}
        reached = [key for key, least in thresholds.items() if found.qualifying_points >= least]
        assert found.tier == max(reached, key=lambda key: thresholds[key])


def _member_with(cast: Cast, points: int) -> Member:
    member = factories.enrol(cast)
    factories.award(cast, member, points)
    return member


def _award(
    cast: Cast, member: Member, *, key: str | None = None, source: Source | None = None
) -> Result[Entry]:
    given: dict[str, Any] = {"points": 10, "reason": "Purchase", "by": cast.manager}
    given |= {"member_id": member.id, "source": source}
    if key:
        return run_once(cast, key, acts.award, find_entry, **given)
    with cast.database.writing() as session:
        return acts.award(session, workspace_id=cast.workspace_id, **given)


def _enrol(cast: Cast, customer_id: str) -> Result[Member]:
    with cast.database.writing() as session:
        return enrolment.enrol(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            customer_id=customer_id,
            by=cast.manager,
        )


def _answer(cast: Cast, token: str, code: str) -> SignIn | None:
    with cast.database.writing() as session:
        return second_factors.answer(session, token=token, code=code, hours=1)


def _approve(cast: Cast, pin: str) -> Approval | None:
    with cast.database.writing() as session:
        return pins.approve(
            session,
            merchant_id=cast.merchant_id,
            approver_id=cast.manager.id or "",
            pin=pin,
            by=cast.cashier,
        )

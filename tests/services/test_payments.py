"""Payments and refunds that other systems tell of, in every order, with every repetition."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from app import errors
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.payments import PaymentEvent, PaymentSource
from app.rules import payments as rules
from app.rules.ledger import Source
from app.services import programs, workspaces
from app.services.payments import events, sources
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.crowd import crowd
from tests.support.payments import completed, make_source, refunded


@pytest.fixture
def source(cast: Cast) -> PaymentSource:
    """Give a source of the sandbox."""
    return make_source(cast)


@pytest.fixture
def member(cast: Cast) -> Member:
    """Give the customer of the payments."""
    return factories.enrol(cast, customer_id="cust_1")


def tell(cast: Cast, source: PaymentSource, body: dict[str, Any]) -> PaymentEvent:
    message = rules.read(source.kind, headers={}, body=body)
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(
            session, merchant_id=cast.merchant_id, mode=source.mode
        )
        return events.receive(session, workspace=workspace, source=source, message=message).event


def told(cast: Cast, source: PaymentSource) -> list[PaymentEvent]:
    with cast.database.reading() as session:
        return list(
            sources.list_events(session, workspace_id=cast.workspace_id, source_id=source.id)
        )


def retry(cast: Cast, source: PaymentSource, event_id: str) -> PaymentEvent:
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        return events.retry(
            session, workspace=workspace, source=source, event_id=event_id, by=cast.owner
        )


def entries(cast: Cast, member: Member) -> list[LedgerEntry]:
    with cast.database.reading() as session:
        return list(
            session.scalars(
                select(LedgerEntry)
                .where(
                    LedgerEntry.workspace_id == cast.workspace_id,
                    LedgerEntry.member_id == member.id,
                )
                .order_by(LedgerEntry.seq)
            )
        )


def sums(cast: Cast, member: Member) -> dict[str, int]:
    """Sum a member's ledger by kind, with the totals that it ends in."""
    now = factories.reload(cast, member)
    found = {"balance": now.balance, "lifetime": now.lifetime_points}
    for entry in entries(cast, member):
        found[entry.kind] = found.get(entry.kind, 0) + entry.points
    return found


def test_a_payment_earns_by_the_programs_rule_and_the_award_keeps_it(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    event = tell(cast, source, completed(amount=1259))

    (award,) = entries(cast, member)
    assert (event.outcome, event.entry_id) == ("awarded", award.id)
    assert (award.points, award.reason, award.actor_kind) == (125, "Purchase", "rule")
    assert (award.source_type, award.source_id) == ("payment", "pay_1")
    assert award.metadata_ == {
        "paymentId": "pay_1",
        "amount": "1259",
        "currency": "EUR",
        "earnRate": "10",
        "multiplier": "1",
        "rounding": "down",
    }


def test_a_refund_goes_by_the_awards_rule_and_not_by_todays(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed(amount=1000))
    factories.edit_program(cast, earn_points_per_unit=99, earn_rounding="up")

    tell(cast, source, refunded("re_1", 500))

    assert sums(cast, member) == {"balance": 50, "lifetime": 100, "award": 100, "reversal": -50}


def test_a_tier_earns_more(cast: Cast, source: PaymentSource, member: Member) -> None:
    gold = {"key": "gold", "name": "Gold", "threshold": 2000, "multiplier_hundredths": 150}
    factories.edit_program(cast, tiers=[*factories.TIERS[:2], gold], earn_rounding="nearest")
    factories.award(cast, member, 2000)

    tell(cast, source, completed(amount=1003))

    # 10.03 × 10 × 1.5 is 150.45.
    assert entries(cast, member)[-1].points == 150
    assert (entries(cast, member)[-1].metadata_ or {})["multiplier"] == "1.5"


STORY = {
    "completed": completed(amount=999),
    "refund 1": refunded("re_1", 333),
    "refund 2": refunded("re_2", 111),
    "full refund": refunded("re_3", None),
}


@pytest.mark.parametrize("order", list(permutations(STORY)), ids="-".join)
def test_all_orders_with_repetitions_end_in_one_ledger(
    cast: Cast, source: PaymentSource, member: Member, order: tuple[str, ...]
) -> None:
    for name in order:
        for _ in range(2):
            tell(cast, source, STORY[name])
    for name in reversed(order):
        tell(cast, source, STORY[name])

    assert sums(cast, member) == {"balance": 0, "lifetime": 99, "award": 99, "reversal": -99}
    assert factories.verify(cast).fault is None


PARTS = {name: STORY[name] for name in ("completed", "refund 1", "refund 2")}


@pytest.mark.parametrize("order", list(permutations(PARTS)), ids="-".join)
def test_parts_end_in_their_sum_in_any_order(
    cast: Cast, source: PaymentSource, member: Member, order: tuple[str, ...]
) -> None:
    for name in order:
        tell(cast, source, PARTS[name])

    # 444 of 999 of 99 points, rounded once and not per part: 44, where 33 + 11 is no more.
    assert sums(cast, member) == {"balance": 55, "lifetime": 99, "award": 99, "reversal": -44}


def test_parts_that_each_round_down_sum_to_the_whole(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed(amount=1000))
    for number in range(7):
        tell(cast, source, refunded(f"re_{number}", 143))

    assert sums(cast, member)["balance"] == 0
    assert len({entry.points for entry in entries(cast, member)}) > 2


def test_a_refund_before_its_payment_waits(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    early = tell(cast, source, refunded("re_1", 250))
    assert (early.outcome, entries(cast, member)) == ("waiting", [])

    paid = tell(cast, source, completed(amount=1000))

    assert "A refund had come before it" in paid.detail
    assert sums(cast, member)["balance"] == 75
    waited = next(each for each in told(cast, source) if each.id == early.id)
    assert (waited.outcome, waited.entry_id) == ("reversed", entries(cast, member)[-1].id)


@pytest.mark.parametrize("order_of", ["paid first", "refund first"])
def test_a_refund_in_another_currency_is_kept_to_be_looked_at(
    cast: Cast, source: PaymentSource, member: Member, order_of: str
) -> None:
    stories = [completed(amount=1000), refunded("re_1", 500, currency="USD")]
    if order_of == "refund first":
        stories.reverse()

    for body in stories:
        tell(cast, source, body)

    (award,) = entries(cast, member)
    (kept,) = [each for each in told(cast, source) if each.type == "payment.refunded"]
    assert (kept.outcome, kept.entry_id) == ("refused", award.id)
    assert kept.detail == (
        "Refunded in USD, but the payment was in EUR. "
        "If points are due back, reverse the award by hand."
    )
    assert retry(cast, source, kept.id).outcome == "refused"
    # It is not counted, so the same refund may be told once more in the right currency.
    tell(cast, source, refunded("re_1", 500, event="evt_right"))
    assert sums(cast, member) == {"balance": 50, "lifetime": 100, "award": 100, "reversal": -50}


def test_a_whole_refund_needs_no_currency(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed(amount=1000))

    assert tell(cast, source, refunded("re_1", None, currency="USD")).outcome == "reversed"
    assert sums(cast, member)["balance"] == 0


def test_a_message_that_was_kept_before_it_had_all_its_fields_is_read(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    plain = rules.read("regulars", headers={}, body=refunded("re_1", 500)).plain()
    old = {name: plain[name] for name in plain if name not in {"refunded", "unclear"}}

    assert rules.message_of(old) == rules.message_of(plain)


def test_a_refund_of_spent_points_goes_below_zero(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed(amount=5000))
    factories.redeem(cast, member, factories.make_reward(cast, points_cost=450))

    tell(cast, source, refunded("re_1", None))

    assert factories.reload(cast, member).balance == -450


def test_what_staff_took_back_is_not_taken_twice(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed(amount=1000))
    factories.reverse(cast, entries(cast, member)[0], points=80)

    half = tell(cast, source, refunded("re_1", 500))
    whole = tell(cast, source, refunded("re_2", 500))

    assert (half.outcome, whole.outcome) == ("nothing", "reversed")
    assert sums(cast, member)["reversal"] == -100


def test_a_payment_under_another_event_counts_once(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    tell(cast, source, completed())
    again = tell(cast, source, completed(event="evt_again"))

    assert again.outcome == "nothing"
    assert len(entries(cast, member)) == 1


def test_a_payment_that_the_api_awarded_counts_once_and_is_refunded(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    from_api = factories.award(cast, member, 300, source=Source("payment", "pay_1"))

    event = tell(cast, source, completed(amount=1000))
    tell(cast, source, refunded("re_1", 500))

    assert (event.outcome, event.entry_id) == ("awarded", from_api.id)
    assert sums(cast, member) == {"balance": 150, "lifetime": 300, "award": 300, "reversal": -150}


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({"customerId": "nobody"}, "unmatched", "No member for nobody."),
        ({"customerId": None}, "unmatched", "The payment names no customer."),
        ({"amount": 9}, "nothing", "too small"),
        ({"currency": "USD"}, "refused", "Paid in USD; points are earned in EUR."),
        ({"amount": 10**12}, "refused", "from 1 to 10,000,000"),
    ],
)
def test_what_earns_nothing_says_why(  # noqa: PLR0917 - as pytest asks for them
    cast: Cast,
    source: PaymentSource,
    member: Member,
    changes: dict[str, Any],
    outcome: str,
    words: str,
) -> None:
    event = tell(cast, source, completed(**changes))

    assert event.outcome == outcome
    assert words in event.detail
    assert entries(cast, member) == []


def test_an_account_in_the_metadata_is_found_when_the_customer_is_not(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    body = completed(customerId="nobody", metadata={"loyaltyAccount": member.id})

    assert tell(cast, source, body).outcome == "awarded"


def test_a_closed_member_is_refused_and_tried_again_when_reopened(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    factories.close(cast, member)
    event = tell(cast, source, completed())
    assert event.outcome == "refused"
    factories.reopen(cast, member)

    again = retry(cast, source, event.id)

    assert again.outcome == "awarded"
    assert factories.reload(cast, member).balance == 100
    (line,) = records.audit_of(cast, "inbound.retry")
    assert line.actor_id == cast.owner.id
    assert line.before == {"event": event.id, "outcome": "refused"}
    assert line.after == {"event": event.id, "outcome": "awarded"}


def test_who_enrols_after_paying_gets_the_points_at_the_next_try(
    cast: Cast, source: PaymentSource
) -> None:
    event = tell(cast, source, completed())
    late = tell(cast, source, refunded("re_1", 500))
    assert (event.outcome, late.outcome) == ("unmatched", "waiting")
    member = factories.enrol(cast, customer_id="cust_1")

    for _ in range(2):
        retry(cast, source, event.id)

    assert sums(cast, member) == {"balance": 50, "lifetime": 100, "award": 100, "reversal": -50}
    assert {each.outcome for each in told(cast, source)} == {"awarded", "reversed"}


def test_two_systems_that_count_alike_keep_their_payments_apart(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    other = make_source(cast)
    stranger = factories.enrol(cast, customer_id="cust_2")

    tell(cast, source, completed(amount=10_000))
    tell(cast, other, completed(amount=1000, customerId="cust_2"))
    tell(cast, other, refunded("re_1", None))
    tell(cast, source, refunded("re_1", 5000))

    assert sums(cast, member)["balance"] == 500
    assert sums(cast, stranger) == {"balance": 0, "lifetime": 100, "award": 100, "reversal": -100}


def test_the_second_of_two_alike_is_tried_again_after_a_refusal(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    other = make_source(cast)
    stranger = factories.enrol(cast, customer_id="cust_2")
    tell(cast, source, completed(amount=1000))
    factories.close(cast, stranger)
    event = tell(cast, other, completed(amount=2000, customerId="cust_2"))
    assert event.outcome == "refused"
    factories.reopen(cast, stranger)

    assert retry(cast, other, event.id).outcome == "awarded"
    assert factories.reload(cast, stranger).balance == 200
    assert tell(cast, source, completed(event="evt_again", amount=1000)).outcome == "nothing"
    assert factories.reload(cast, member).balance == 100


def test_a_payment_that_the_api_gave_to_another_member_is_not_theirs_to_lose(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    stranger = factories.enrol(cast, customer_id="cust_2")
    factories.award(cast, stranger, 300, source=Source("payment", "pay_1"))

    event = tell(cast, source, completed(amount=1000))
    tell(cast, source, refunded("re_1", None))

    assert event.outcome == "refused"
    assert factories.reload(cast, stranger).balance == 300
    assert entries(cast, member) == []


@pytest.mark.parametrize(("mode", "livemode"), [("sandbox", True), ("live", False)])
def test_a_test_event_moves_no_real_points_and_the_other_way_round(
    cast: Cast, member: Member, mode: str, livemode: bool
) -> None:
    source = make_source(cast) if mode == "sandbox" else _live_source(cast)

    event = tell(cast, source, {**completed(), "livemode": livemode})

    assert event.outcome == "refused"
    assert "workspace" in event.detail


def _live_source(cast: Cast) -> PaymentSource:
    with cast.database.writing() as session:
        live = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="live")
        program = programs.create(
            session, workspace_id=live.id, rules=factories.make_rules(), by=cast.owner
        )
        return sources.create(
            session,
            workspace=live,
            kind="regulars",
            name="Live",
            program_id=program.id,
            by=cast.owner,
        ).source


def test_one_event_of_many_at_once_counts_once(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    answers = crowd(lambda _: tell(cast, source, completed()), count=20)

    assert answers.faults == []
    assert {event.outcome for event in answers.given} == {"awarded"}
    assert len({event.id for event in answers.given}) == 1
    assert len(entries(cast, member)) == 1


def test_one_payment_under_many_events_at_once_counts_once(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    answers = crowd(lambda n: tell(cast, source, completed(event=f"evt_{n}")), count=20)

    assert answers.faults == []
    outcomes = [event.outcome for event in answers.given]
    assert sorted(outcomes) == ["awarded", *["nothing"] * 19]
    assert len(entries(cast, member)) == 1


def test_refunds_and_their_payment_at_once_end_in_their_sum(
    cast: Cast, source: PaymentSource, member: Member
) -> None:
    stories = [completed(amount=1000), *(refunded(f"re_{n}", 30) for n in range(19))]

    answers = crowd(lambda n: tell(cast, source, stories[n]), count=20)

    assert answers.faults == []
    assert sums(cast, member)["balance"] == 43
    assert factories.verify(cast).fault is None


def test_only_managers_and_owners_set_sources_up(cast: Cast) -> None:
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
    with cast.database.writing() as session, pytest.raises(errors.PermissionDenied):
        sources.create(
            session,
            workspace=workspace,
            kind="regulars",
            name="Shop",
            program_id=cast.program_id,
            by=cast.cashier,
        )

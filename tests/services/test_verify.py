"""Verify finds whatever is changed behind the ledger's back, and names it: spec section 2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from app import clock
from app.ids import new_id
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.rewards import Reward
from app.rules.ledger import Entry, Posting
from app.rules.redeeming import RedemptionRow
from app.services.ledger import posting, verify
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.tampering import drop_triggers, run_sql


@dataclass(frozen=True)
class Shop:
    """A shop whose ledger has no guard any more."""

    cast: Cast
    earlier: Member
    member: Member
    entries: list[LedgerEntry]
    reward: Reward
    redemption: RedemptionRow


@pytest.fixture
def shop(cast: Cast) -> Shop:
    """Make a ledger of every kind, and take its triggers away."""
    with clock.set_to(clock.now() - timedelta(days=1)):
        earlier = factories.enrol(cast)
        factories.award(cast, earlier, 70)
    member = factories.enrol(cast)
    award = factories.award(cast, member, 1000, note="By hand", metadata={"order": "1"})
    factories.reverse(cast, award, points=100)
    reward = factories.make_reward(cast, points_cost=200, stock=5)
    redemption = factories.redeem(cast, member, reward)
    factories.cancel(cast, factories.redeem(cast, member, reward))
    factories.adjust(cast, member, 25)
    assert factories.verify(cast).fault is None
    drop_triggers(cast.database)
    return Shop(cast, earlier, member, list(records.entries_of(cast, member)), reward, redemption)


def test_what_was_walked_is_counted(shop: Shop) -> None:
    report = factories.verify(shop.cast)

    assert report.fault is None
    assert (report.entry_count, report.member_count, report.reward_count) == (7, 2, 1)


def test_an_empty_workspace_has_no_fault(cast: Cast) -> None:
    assert factories.verify(cast) == verify.Report()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("reason = 'Purchasf'", "text"),
        ("note = 'By hanD'", "text"),
        ("""metadata = '{"order": "2"}'""", "text"),
        ("salt = NULL, reason = 'Forged'", "text"),
        ("salt = NULL, note = NULL, reason = NULL", "text"),
        (f"text_digest = '{'0' * 64}'", "text"),
        ("points = 1001", "balance"),
        ("points = 1001, balance_after = 1001", "lifetime points"),
        ("points = 1001, balance_after = 1001, lifetime_after = 1001", "points that count"),
        ("lifetime_after = 1001", "lifetime points"),
        ("qualifying_after = 1001", "points that count"),
        ("seq = 77", "seq"),
        (f"hash = '{'0' * 64}'", "hash"),
        ("actor_id = 'stf_other'", "hash"),
        ("actor_kind = 'system'", "hash"),
        ("location_id = NULL", "hash"),
        ("recorded_at = '2020-01-01 00:00:00.000000'", "hash"),
        ("occurred_at = '2020-01-01 00:00:00.000000'", "hash"),
        ("source_type = 'payment', source_id = 'p', source_rule = 'award'", "hash"),
    ],
)
def test_a_changed_entry_is_named(shop: Shop, change: str, what: str) -> None:
    entry = shop.entries[0]
    run_sql(shop.cast.database, f"UPDATE ledger_entries SET {change} WHERE id = :id", id=entry.id)

    # With its place taken away, the next one is the first that does not fit.
    named = shop.entries[1] if what == "seq" else entry
    assert _fault(shop).startswith(f"Entry {named.id} (member {shop.member.id}, seq {named.seq}): ")
    assert f"its {what}" in _fault(shop)


def test_one_flipped_character_of_a_hash_is_named(shop: Shop) -> None:
    entry = shop.entries[3]
    flipped = entry.hash[:-1] + ("0" if entry.hash[-1] != "0" else "1")
    run_sql(
        shop.cast.database,
        "UPDATE ledger_entries SET hash = :hash WHERE id = :id",
        hash=flipped,
        id=entry.id,
    )

    assert entry.id in _fault(shop)


def test_a_deleted_entry_is_missed_by_the_one_after_it(shop: Shop) -> None:
    run_sql(shop.cast.database, "DELETE FROM ledger_entries WHERE id = :id", id=shop.entries[4].id)

    assert f"Entry {shop.entries[5].id}" in _fault(shop)


def test_a_deleted_last_entry_is_missed_by_its_member(shop: Shop) -> None:
    run_sql(shop.cast.database, "DELETE FROM ledger_entries WHERE id = :id", id=shop.entries[5].id)

    assert f"Member {shop.member.id} says 6 entries" in _fault(shop)
    assert "its ledger has 5 entries" in _fault(shop)


def test_two_swapped_entries_are_found_at_the_first(shop: Shop) -> None:
    first, second = shop.entries[2], shop.entries[5]
    run_sql(
        shop.cast.database,
        "UPDATE ledger_entries SET seq = 1000 WHERE id = :first",
        "UPDATE ledger_entries SET seq = :low WHERE id = :second",
        "UPDATE ledger_entries SET seq = :high WHERE id = :first",
        first=first.id,
        second=second.id,
        low=first.seq,
        high=second.seq,
    )

    assert f"Entry {second.id} (member {shop.member.id}, seq 3)" in _fault(shop)


@pytest.mark.parametrize(
    "change",
    [
        "balance = balance + 1",
        "lifetime_points = lifetime_points + 1",
        "qualifying_points = qualifying_points + 1",
        "entry_count = entry_count + 1",
        f"head_hash = '{'0' * 64}'",
    ],
)
def test_a_changed_total_of_a_member_is_named(shop: Shop, change: str) -> None:
    run_sql(shop.cast.database, f"UPDATE members SET {change} WHERE id = :id", id=shop.member.id)

    assert shop.member.id in _fault(shop)


def test_a_changed_stock_is_named(shop: Shop) -> None:
    run_sql(
        shop.cast.database, "UPDATE rewards SET stock_taken = 2 WHERE id = :id", id=shop.reward.id
    )

    assert f"Reward {shop.reward.id} says 2 are taken; 1 redemptions" in _fault(shop)


@pytest.mark.parametrize("change", ["status = 'cancelled'", "points_spent = 201"])
def test_a_changed_redemption_is_named(shop: Shop, change: str) -> None:
    run_sql(
        shop.cast.database,
        f"UPDATE redemptions SET {change} WHERE id = :id",
        id=shop.redemption.id,
    )

    assert f"Redemption {shop.redemption.id}" in _fault(shop)


def test_taking_back_more_than_was_awarded_is_named(shop: Shop) -> None:
    line = Posting(
        id=new_id("ptx"),
        kind="reversal",
        points=-901,
        qualifying_change=-901,
        reason="Forged",
        reverses_id=shop.entries[0].id,
    )

    forged = _append(shop, shop.member, line)

    assert f"Entry {forged.id} (member {shop.member.id}, seq 7) takes back more" in _fault(shop)


def test_taking_back_what_another_member_was_given_is_named(shop: Shop) -> None:
    other = factories.enrol(shop.cast)
    line = Posting(
        id=new_id("ptx"),
        kind="reversal",
        points=-1,
        reason="Forged",
        reverses_id=shop.entries[0].id,
    )

    assert _append(shop, other, line).id in _fault(shop)


@pytest.mark.parametrize("which", ["earlier", "later"])
def test_returning_one_members_redemption_to_another_is_named(shop: Shop, which: str) -> None:
    other = shop.earlier if which == "earlier" else factories.enrol(shop.cast)
    line = Posting(
        id=new_id("ptx"),
        kind="cancellation",
        points=200,
        reason="Forged",
        redemption_id=shop.redemption.id,
    )

    _append(shop, other, line)

    assert shop.redemption.id in _fault(shop)


def _append(shop: Shop, member: Member, line: Posting) -> Entry:
    with shop.cast.database.writing() as session:
        locked = posting.lock_member(
            session, workspace_id=shop.cast.workspace_id, member_id=member.id
        )
        return posting.post(session, locked, line, by=shop.cast.manager)[0]


def _fault(shop: Shop) -> str:
    return factories.verify(shop.cast).fault or "no fault was found"

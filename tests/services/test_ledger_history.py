"""Reading a member's ledger: lines with who and where, and the sums that end in the balance."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select

from app import clock, errors
from app.ids import id_at, new_id
from app.models.api_keys import ApiKey
from app.models.members import Member
from app.rules.actors import SYSTEM, Actor
from app.services.ledger import acts, history
from app.services.ledger.history import LedgerFilters, Row
from app.services.paging import Page, PageRequest
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.payments import make_source


def test_lines_come_newest_first_with_who_and_where(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10, by=cast.cashier)
    factories.award(cast, member, 20)

    newest, oldest = _page(cast, member).rows

    assert (newest.entry.points, oldest.entry.points) == (20, 10)
    assert (oldest.actor_name, oldest.location_name) == ("Cashier Person", "Quay Street")


def test_a_key_a_source_and_a_till_are_named(cast: Cast) -> None:
    make_secret(cast)
    with cast.database.reading() as session:
        (key,) = session.scalars(select(ApiKey))
    source, till = make_source(cast), factories.register_till(cast).device
    member = factories.enrol(cast)
    factories.award(cast, member, 10, by=replace(cast.cashier, device_id=till.id))
    factories.award(cast, member, 10, by=Actor(kind="key", id=key.id, role="key"))
    factories.award(cast, member, 10, by=Actor(kind="rule", id=source.id, role="key"))

    by_source, by_key, at_till = _page(cast, member).rows

    assert by_source.actor_name == source.name
    assert by_key.actor_name == key.name
    assert (at_till.actor_name, at_till.device_name) == ("Cashier Person", till.name)


def test_an_act_of_nobody_has_no_name(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10, by=SYSTEM)

    (row,) = _page(cast, member).rows

    assert (row.actor_name, row.location_name) == (None, None)


def test_an_award_shows_what_was_taken_back_of_it(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 100)
    factories.reverse(cast, award, points=30)
    last = factories.reverse(cast, award, points=20)

    reversal, _, row = _page(cast, member).rows

    assert (row.reversed_points, row.left_points, row.reversed_at) == (50, 50, last.recorded_at)
    assert reversal.original is not None
    assert (reversal.original.id, reversal.left_points) == (award.id, 0)


def test_what_cannot_be_reversed_has_nothing_left(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))
    factories.cancel(cast, redemption)
    factories.adjust(cast, member, -10)
    factories.adjust(cast, member, 25)

    rows = _page(cast, member).rows

    assert [row.left_points for row in rows] == [25, 0, 0, 0, 500]
    assert [row.redemption and row.redemption.id for row in rows] == [
        None,
        None,
        redemption.id,
        redemption.id,
        None,
    ]


def test_one_line_is_read_as_in_the_list(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 100)
    factories.reverse(cast, award, points=30)

    with cast.database.reading() as session:
        row = history.get_row(session, member=member, entry_id=award.id)

    assert (row.entry.id, row.left_points) == (award.id, 70)


def test_lines_are_narrowed_by_kind_and_time(cast: Cast) -> None:
    member = factories.enrol(cast)
    start = clock.now()
    for day in range(3):
        with clock.set_to(start + timedelta(days=day)):
            factories.award(cast, member, day + 1)
    factories.adjust(cast, member, 9)

    def points(**narrow: Any) -> list[int]:
        return [
            row.entry.points for row in _page(cast, member, filters=LedgerFilters(**narrow)).rows
        ]

    assert points(kind="adjustment") == [9]
    assert points(kind="award") == [3, 2, 1]
    # The start counts and the end does not.
    assert points(since=start, until=start + timedelta(days=1)) == [1]
    assert points(since=start + timedelta(days=1), kind="award") == [3, 2]


def test_pages_hold_every_line_once_while_lines_arrive(cast: Cast) -> None:
    member = factories.enrol(cast)
    for points in range(1, 8):
        factories.award(cast, member, points)

    seen: list[int] = []
    before_seq: int | None = None
    while True:
        page = _page(cast, member, before_seq=before_seq, limit=3)
        seen += [row.entry.seq for row in page.rows]
        if page.cursor is None:
            break
        before_seq = int(page.cursor)
        factories.award(cast, member, 100)

    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_the_sums_by_kind_end_in_the_balance(cast: Cast) -> None:
    member = factories.enrol(cast)
    award = factories.award(cast, member, 500)
    factories.award(cast, member, 500)
    factories.reverse(cast, award, points=100)
    factories.cancel(cast, factories.redeem(cast, member, factories.make_reward(cast)))
    factories.adjust(cast, member, -7)

    with cast.database.reading() as session:
        sums = history.sum_by_kind(session, member=member)

    assert [(each.kind, each.count, each.points) for each in sums] == [
        ("award", 2, 1000),
        ("reversal", 1, -100),
        ("redemption", 1, -450),
        ("cancellation", 1, 450),
        ("adjustment", 1, -7),
    ]
    assert sum(each.points for each in sums) == factories.reload(cast, member).balance


def test_another_members_lines_are_not_shown(cast: Cast) -> None:
    member, other = factories.enrol(cast), factories.enrol(cast)
    factories.award(cast, other, 10)

    assert _page(cast, member).rows == []


def _page(cast: Cast, member: Member, **given: Any) -> Page[Row]:
    with cast.database.reading() as session:
        return history.list_rows(session, member=member, **given)


def test_the_api_lists_one_members_entries_by_their_order_in_the_ledger(cast: Cast) -> None:
    member = factories.enrol(cast)
    # As when two act at once: the later entry has the smaller id.
    ids = ["ptx_" + sign * 26 for sign in "9357"]
    for number, entry_id in enumerate(ids):
        with mock.patch.object(acts, "new_id", lambda _prefix, made=entry_id: made):
            factories.award(cast, member, number + 1)

    def listed(**asked: Any) -> list[str]:
        with cast.database.reading() as session:
            found = history.list_entries(
                session,
                workspace_id=cast.workspace_id,
                member_id=member.id,
                page=PageRequest(**asked),
            )
        return [entry.id for entry in found.rows]

    assert listed() == ids[::-1]
    assert listed(limit=2, cursor=ids[3]) == [ids[2], ids[1]]
    assert listed(limit=2, cursor=ids[0], is_newer=True) == [ids[2], ids[1]]
    with pytest.raises(errors.NotFound):
        listed(cursor="ptx_" + "0" * 26)


def test_ids_of_one_millisecond_are_in_the_order_of_making() -> None:
    with clock.set_to(clock.now()):
        made = [new_id("ptx") for _ in range(10_000)]

    assert made == sorted(made)
    assert len({*made}) == len(made)


def test_an_id_of_a_moment_that_is_past_leaves_the_others_in_order() -> None:
    now = clock.now()
    for _ in range(100):
        first = id_at("ptx", now)
        id_at("ptx", now - timedelta(milliseconds=1))
        assert first < id_at("ptx", now)

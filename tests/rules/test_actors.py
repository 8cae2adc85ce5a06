"""What each role may do, and for how long an act can be undone: spec section 7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.rules.actors import PERMISSIONS, SYSTEM, Actor, Permission, may_undo

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
CASHIER = Actor(kind="staff", id="stf_1", role="cashier")


@pytest.mark.parametrize(
    ("ago", "may"),
    [
        (timedelta(0), True),
        (timedelta(minutes=10), True),
        (timedelta(minutes=10, microseconds=1), False),
        (timedelta(days=1), False),
    ],
)
def test_a_cashier_undoes_own_acts_for_ten_minutes(ago: timedelta, may: bool) -> None:
    assert may_undo(CASHIER, done_by="stf_1", done_at=NOW - ago, now=NOW) is may


@pytest.mark.parametrize("done_by", ["stf_2", None])
def test_a_cashier_undoes_nobody_elses_act(done_by: str | None) -> None:
    assert not may_undo(CASHIER, done_by=done_by, done_at=NOW, now=NOW)


def test_a_cashier_without_an_id_owns_no_act() -> None:
    nobody = Actor(kind="key", role="cashier")

    assert not may_undo(nobody, done_by=None, done_at=NOW, now=NOW)


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_undoes_any_act_at_any_time(role: str) -> None:
    actor = Actor(kind="staff", id="stf_9", role=role)

    assert may_undo(actor, done_by="stf_1", done_at=NOW - timedelta(days=900), now=NOW)


def test_a_viewer_undoes_nothing_not_even_an_own_act() -> None:
    viewer = Actor(kind="staff", id="stf_1", role="viewer")

    assert not may_undo(viewer, done_by="stf_1", done_at=NOW, now=NOW)


def test_each_role_may_all_that_the_one_below_may() -> None:
    ladder = [PERMISSIONS[role] for role in ("viewer", "cashier", "manager", "owner")]

    assert all(lower <= higher for lower, higher in pairwise(ladder))
    assert PERMISSIONS["viewer"] == {Permission.READ}


@pytest.mark.parametrize(
    ("permission", "lowest"),
    [
        (Permission.AWARD, "cashier"),
        (Permission.REDEEM, "cashier"),
        (Permission.ENROL, "cashier"),
        (Permission.ADJUST, "manager"),
        (Permission.CANCEL_FULFILLED, "manager"),
        (Permission.EDIT_REWARDS, "manager"),
        (Permission.EDIT_PROGRAMS, "manager"),
        (Permission.MANAGE_WEBHOOKS, "manager"),
        (Permission.MANAGE_KEYS, "owner"),
        (Permission.MANAGE_STAFF, "owner"),
    ],
)
def test_the_lowest_role_of_a_permission(permission: Permission, lowest: str) -> None:
    order = ["viewer", "cashier", "manager", "owner"]
    may = [role for role in order if Actor(kind="staff", id="s", role=role).may(permission)]

    assert may == order[order.index(lowest) :]


def test_regulars_itself_may_everything() -> None:
    assert all(SYSTEM.may(permission) for permission in Permission)

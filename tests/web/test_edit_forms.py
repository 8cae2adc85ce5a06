"""Forms that change what is there: only what was changed in them, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app import clock
from app.models.members import Member
from app.models.merchants import Merchant
from app.models.programs import Program
from app.services import programs
from app.services.members import cards
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor


def test_a_piece_that_is_sold_while_the_form_is_open_stays_sold(
    cast: Cast, manager: Visitor
) -> None:
    member, reward = _rich(cast), factories.make_reward(cast, stock=1)
    path = f"/rewards/{reward.id}/edit"
    form = manager.get(path).fields(path)
    factories.redeem(cast, member, reward)

    saved = manager.post(path, {**form, "description": "With oat milk"})

    assert saved.status == 303
    changed = factories.reload_reward(cast, reward)
    assert (changed.stock, changed.description) == (0, "With oat milk")


def test_a_stock_that_is_sent_twice_is_filled_once(cast: Cast, manager: Visitor) -> None:
    member, reward = _rich(cast), factories.make_reward(cast, stock=1)
    path = f"/rewards/{reward.id}/edit"
    form = {**manager.get(path).fields(path), "stock": "5"}
    manager.post(path, form)
    factories.redeem(cast, member, reward)

    again = manager.post(path, form)

    assert again.status == 303
    assert factories.reload_reward(cast, reward).stock == 4


def test_the_form_of_a_reward_keeps_moments_that_it_shows_as_days(
    cast: Cast, manager: Visitor
) -> None:
    starts, ends = datetime(2026, 4, 1, 9, tzinfo=UTC), datetime(2099, 4, 30, 20, tzinfo=UTC)
    reward = factories.make_reward(cast, starts_at=starts, ends_at=ends)
    path = f"/rewards/{reward.id}/edit"
    shown = manager.get(path).fields(path)
    assert (shown["starts_at"], shown["ends_at"]) == ("2026-04-01", "2099-04-30")

    manager.send(path, points_cost="500")
    kept = factories.reload_reward(cast, reward)
    manager.send(path, ends_at="2099-05-31")
    moved = factories.reload_reward(cast, reward)

    assert (kept.points_cost, kept.starts_at, kept.ends_at) == (500, starts, ends)
    # The last day ends at midnight in Dublin.
    assert (moved.starts_at, moved.ends_at) == (starts, datetime(2099, 5, 31, 23, tzinfo=UTC))


def test_two_managers_change_two_things_of_one_reward(cast: Cast, manager: Visitor) -> None:
    reward = factories.make_reward(cast)
    path = f"/rewards/{reward.id}/edit"
    one, other = (manager.get(path).fields(path) for _ in range(2))

    manager.post(path, {**one, "points_cost": "500"})
    manager.post(path, {**other, "name": "Flat white"})

    changed = factories.reload_reward(cast, reward)
    assert (changed.points_cost, changed.name) == (500, "Flat white")


def test_a_form_without_what_it_showed_saves_all_of_it(cast: Cast, manager: Visitor) -> None:
    reward = factories.make_reward(cast, "Tea")
    path = f"/rewards/{reward.id}/edit"

    for shown in ("", "[]", "no JSON"):
        form = {**manager.get(path).fields(path), "shown": shown, "name": f"Tea {shown}"}
        assert manager.post(path, form).status == 303
        assert factories.reload_reward(cast, reward).name == f"Tea {shown}".strip()


def test_the_form_of_a_person_keeps_what_somebody_else_changed(
    cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast, "Ngozi Okafor", phone="087 123 4471")
    path = f"/members/{member.id}/edit"
    form = manager.get(path).fields(path)
    with cast.database.writing() as session:
        cards.give_number(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )
    number = factories.reload(cast, member).customer.card_number

    manager.post(path, {**form, "name": "Ngozi Adeyemi"})

    customer = factories.reload(cast, member).customer
    assert (customer.name, customer.card_number) == ("Ngozi Adeyemi", number)
    assert number


def test_the_form_of_a_program_changes_a_tier_and_nothing_else(
    cast: Cast, manager: Visitor
) -> None:
    path = f"/programs/{cast.program_id}/edit"
    form = manager.get(path).fields(path)
    factories.edit_program(cast, earn_points_per_unit=12)

    manager.post(path, {**form, "tiers-1-threshold": "800"})

    with cast.database.reading() as session:
        program = programs.get_program(
            session, workspace_id=cast.workspace_id, program_id=cast.program_id
        )
    assert program.earn_points_per_unit == 12
    assert [tier["threshold"] for tier in program.tiers][1] == 800


def test_a_resent_purchase_counts_once_though_the_first_lifts_the_member(
    cast: Cast, cashier: Visitor
) -> None:
    first, second = factories.TIERS[:2]
    tiers = [first, {**second, "threshold": 50, "multiplier_hundredths": 150}]
    factories.edit_program(cast, tiers=tiers)
    member = factories.enrol(cast)
    path = f"/counter/members/{member.id}/award"
    form = {**cashier.get(f"/counter?member={member.id}").fields(path), "spent": "10.00"}

    answers = [cashier.post(path, form) for _ in range(2)]

    assert [each.status for each in answers] == [303, 303]
    assert factories.reload(cast, member).balance == 100


def test_a_phone_that_somebody_has_is_told_before_it_is_saved(cast: Cast, manager: Visitor) -> None:
    other = factories.enrol(cast, "Ngozi Okafor", phone="+353 87 123 4471")
    member = factories.enrol(cast, "Hana", phone="+353 87 999 0000", email="hana@example.com")
    path = f"/members/{member.id}/edit"
    form = manager.get(path).fields(path)

    same = manager.post(path, {**form, "name": "Hana K."})
    warned = manager.send(path, phone="087 123 4471")
    kept = factories.reload(cast, member)
    saved = manager.post(path, warned.fields(path))

    assert same.status == 303
    assert warned.status == 422
    assert "May be a member already." in warned.text
    assert f"/members/{other.id}" in warned.links()
    assert kept.customer.phone == "+353 87 999 0000"
    assert saved.status == 303
    assert factories.reload(cast, member).customer.phone == "087 123 4471"


def test_a_resent_enrolment_warns_of_nobody(cast: Cast, cashier: Visitor) -> None:
    form = {**cashier.get("/members/new").fields(), "name": "Zoe", "email": "zoe@example.com"}

    first, again = (cashier.post("/members/new", form) for _ in range(2))

    assert (first.status, again.status) == (303, 303)
    assert first.location == again.location


@pytest.mark.parametrize(
    ("currency", "spent", "points"),
    [("JPY", "1,250", 12_500), ("JPY", "¥1250", 12_500), ("KWD", "12.500", 125)],
)
def test_an_amount_has_the_decimals_of_the_shops_currency(
    cast: Cast, manager: Visitor, currency: str, spent: str, points: int
) -> None:
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(currency=currency))
    member = factories.enrol(cast)
    path = f"/counter/members/{member.id}/award"
    page = manager.get(f"/counter?member={member.id}")

    answer = manager.post(path, {**page.fields(path), "spent": spent})

    assert answer.status == 303
    assert factories.reload(cast, member).balance == points


@pytest.mark.parametrize("spent", ["1,234", "12,345"])
def test_a_comma_that_may_part_or_begin_decimals_is_asked_about(
    cast: Cast, manager: Visitor, spent: str
) -> None:
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(currency="KWD"))
    member = factories.enrol(cast)
    path = f"/counter/members/{member.id}/award"
    page = manager.get(f"/counter?member={member.id}")

    answer = manager.post(path, {**page.fields(path), "spent": spent})

    assert answer.status == 422
    assert "Enter an amount, for example 5.000." in answer.text


def test_a_last_day_is_shown_as_it_was_typed_where_the_clock_skips_midnight(
    cast: Cast, manager: Visitor
) -> None:
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(time_zone="Africa/Cairo"))
    reward = factories.make_reward(cast)
    path = f"/rewards/{reward.id}/edit"

    manager.send(path, ends_at="2026-04-23")

    assert manager.get(path).fields(path)["ends_at"] == "2026-04-23"


def test_a_program_whose_zone_is_known_no_longer_can_be_renamed(
    cast: Cast, manager: Visitor
) -> None:
    with cast.database.writing() as session:
        session.execute(update(Program).values(time_zone="localtime"))
    path = f"/programs/{cast.program_id}/edit"
    form = manager.get(path).fields(path)

    assert manager.send(path, name="Regulars of the quay").status == 303
    # Opened by a version whose forms did not tell what they had shown.
    without = {name: each for name, each in form.items() if name != "shown"}
    assert manager.post(path, {**without, "name": "Regulars"}).status == 303


def test_a_wrong_amount_of_yen_is_told_with_yen(cast: Cast, manager: Visitor) -> None:
    with cast.database.writing() as session:
        session.execute(update(Merchant).values(currency="JPY"))
    reward = factories.make_reward(cast)
    path = f"/rewards/{reward.id}/edit"

    answer = manager.send(path, type="store_credit", amount="5.50")

    assert answer.status == 422
    assert "Enter an amount, for example 5." in answer.text


@pytest.mark.parametrize("typed", ["nan", "inf", "9e999999", "-1", "1e400"])
def test_what_is_no_number_of_a_program_is_told(cast: Cast, manager: Visitor, typed: str) -> None:
    path = f"/programs/{cast.program_id}/edit"

    for field in ("point_value_thousandths", "tiers-0-multiplier_hundredths"):
        answer = manager.send(path, **{field: typed})
        assert answer.status == 422, field
        assert answer.fields(path)[field] == typed


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59", "x"])
def test_a_day_at_the_end_of_the_calendar_filters_or_does_not(
    cast: Cast, manager: Visitor, day: str
) -> None:
    member = factories.enrol(cast)

    for path in ("/audit", f"/members/{member.id}", "/audit/export"):
        for bound in ("since", "until"):
            assert manager.get(f"{path}?{bound}={day}").status == 200


def test_a_reward_whose_tier_is_gone_is_not_offered_again(cast: Cast, manager: Visitor) -> None:
    reward = factories.make_reward(cast, "Tasting", min_tier="gold")
    factories.archive(cast, reward)
    factories.edit_program(cast, tiers=factories.TIERS[:2])

    manager.press("/rewards", f"/rewards/{reward.id}/restore")

    assert factories.reload_reward(cast, reward).is_archived
    assert "Choose another tier" in manager.get("/rewards").text


def _rich(cast: Cast) -> Member:
    member = factories.enrol(cast)
    with clock.set_to(clock.now() - timedelta(minutes=1)):
        factories.award(cast, member, 5_000)
    return member


def test_when_a_reward_can_be_had_is_said_where_it_is_listed(cast: Cast, manager: Visitor) -> None:
    for name, days in (
        ("Over", {"ends_at": "2020-01-01"}),
        ("Later", {"starts_at": "2099-01-01"}),
        ("Gone", {"stock": "0"}),
        ("Now", {}),
    ):
        manager.send("/rewards/new", name=name, points_cost="10", **days)
        told = manager.get("/rewards").text
        assert {
            "Over": "“Over” cannot be redeemed: its last day is over.",
            "Later": "“Later” can be redeemed from Thursday 1 January 2099.",
            "Gone": "“Gone” cannot be redeemed: none is left.",
            "Now": "“Now” can be redeemed now.",
        }[name] in told

    listed = manager.get("/rewards").text
    for words in ("Ended 1 Jan", "From 1 Jan", "None left", "On"):
        assert words in listed


def test_a_key_that_is_taken_says_by_what(cast: Cast, manager: Visitor) -> None:
    coffee = factories.make_reward(cast, "Filter coffee", counter_key=1)

    offered = [str(each.text) for each in manager.get("/rewards/new").elements("option")]
    own = [str(each.text) for each in manager.get(f"/rewards/{coffee.id}/edit").elements("option")]

    assert "1, in place of Filter coffee" in offered
    assert "2" in offered
    assert "1" in own

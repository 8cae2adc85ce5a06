"""Programs, their tiers, and the merchant's shops: spec sections 1, 2 and 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app import errors
from app.rules.tiers import Tier
from app.services import locations, merchants, programs, recent_members
from app.services.programs import Moves
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import run_once

HIGHER: list[Tier] = [
    {"key": "bronze", "name": "Bronze", "threshold": 0},
    {"key": "silver", "name": "Silver", "threshold": 1000},
]


def test_members_move_with_the_tiers_and_each_move_is_told(cast: Cast) -> None:
    staying, falling = factories.enrol(cast), factories.enrol(cast)
    factories.award(cast, falling, 600)
    before = len(records.events_of(cast, "loyalty.tier.changed"))

    factories.edit_program(cast, tiers=HIGHER)

    assert factories.reload(cast, falling).tier == "bronze"
    assert factories.reload(cast, staying).tier == "bronze"
    moved = records.events_of(cast, "loyalty.tier.changed")[before:]
    assert [(each.member_id, each.data["previousTier"], each.data["tier"]) for each in moved] == [
        (falling.id, "silver", "bronze")
    ]


def test_a_change_of_the_name_moves_nobody(cast: Cast) -> None:
    factories.award(cast, factories.enrol(cast), 600)
    before = len(records.events_of(cast))

    assert factories.edit_program(cast, name="Quay Regulars").name == "Quay Regulars"

    assert len(records.events_of(cast)) == before
    assert len(records.audit_of(cast, "programs.edit")) == 1


def test_without_tiers_nobody_has_one(cast: Cast) -> None:
    member = factories.enrol(cast)

    factories.edit_program(cast, tiers=[])

    assert factories.reload(cast, member).tier is None
    assert factories.enrol(cast).tier is None


@pytest.mark.parametrize(
    ("tiers", "moves"),
    [
        (HIGHER, {("silver", "bronze"): 1}),
        ([], {("silver", None): 1, ("bronze", None): 1}),
        (factories.TIERS, {}),
    ],
)
def test_moves_are_counted_beforehand(
    cast: Cast, tiers: list[Tier], moves: dict[tuple[str | None, str | None], int]
) -> None:
    factories.enrol(cast)
    factories.award(cast, factories.enrol(cast), 600)

    with cast.database.reading() as session:
        program = programs.get_program(
            session, workspace_id=cast.workspace_id, program_id=cast.program_id
        )
        assert programs.count_moves(session, program=program, tiers=tiers).counts == moves
        assert programs.count_by_tier(session, workspace_id=cast.workspace_id) == {
            cast.program_id: {"bronze": 1, "silver": 1}
        }


def test_moves_among_many_are_those_of_who_was_here_last(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for points in (600, 600, 1):
        factories.award(cast, factories.enrol(cast), points)

    assert _count_moves(cast) == Moves({("silver", "bronze"): 2}, 3, is_all=True)
    monkeypatch.setattr(recent_members, "LOOKED_AT_MAX", 2)
    assert _count_moves(cast) == Moves({("silver", "bronze"): 1}, 2, is_all=False)


def test_a_preview_walks_only_so_far_past_other_programs_members(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.award(cast, factories.enrol(cast), 600)
    with cast.database.writing() as session:
        other = programs.create(
            session,
            workspace_id=cast.workspace_id,
            rules=factories.make_rules(name="Quay"),
            by=cast.owner,
        )
    for _ in range(2):
        factories.enrol(replace(cast, program_id=other.id))

    assert _count_moves(cast).is_all
    monkeypatch.setattr(recent_members, "WALKED_MAX", 2)
    assert _count_moves(cast) == Moves({}, 0, is_all=False)


def _count_moves(cast: Cast) -> Moves:
    with cast.database.reading() as session:
        program = programs.get_program(
            session, workspace_id=cast.workspace_id, program_id=cast.program_id
        )
        return programs.count_moves(session, program=program, tiers=HIGHER)


def test_a_tier_that_a_reward_is_kept_for_cannot_be_taken_away(cast: Cast) -> None:
    factories.make_reward(cast, "Cupping", min_tier="gold")

    with pytest.raises(errors.InvalidParameter, match="“Cupping” is kept for") as refusal:
        factories.edit_program(cast, tiers=HIGHER)

    assert refusal.value.param == "tiers"


@pytest.mark.parametrize(
    ("param", "rules"),
    [
        ("name", {"name": "x" * 201}),
        ("currency_name", {"currency_name": "x" * 41}),
        ("time_zone", {"time_zone": "Europe/Atlantis"}),
        ("time_zone", {"time_zone": "localtime"}),
        ("earn_points_per_unit", {"earn_points_per_unit": -1}),
        ("point_value_thousandths", {"point_value_thousandths": 2**70}),
        ("tiers", {"tiers": HIGHER[1:]}),
        ("tiers", {"tiers": [*HIGHER, HIGHER[1]]}),
        ("tiers", {"tiers": [HIGHER[0], {"key": "s", "name": "S", "threshold": 2**70}]}),
        (
            "tiers",
            {"tiers": [{"key": "", "name": f"T{each}", "threshold": each} for each in range(11)]},
        ),
    ],
)
def test_rules_out_of_bounds_are_refused_by_name(
    cast: Cast, param: str, rules: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidParameter) as refusal:
        factories.edit_program(cast, **rules)

    assert refusal.value.param == param


def test_a_tier_without_a_key_gets_one_from_its_name(cast: Cast) -> None:
    program = factories.edit_program(
        cast, tiers=[{"key": "", "name": "Early Bird!", "threshold": 0}]
    )

    assert program.tiers[0]["key"] == "early_bird"


def test_the_same_key_makes_one_program(cast: Cast) -> None:
    made = [
        run_once(
            cast,
            "k1",
            programs.create,
            lambda session, workspace_id, id_: programs.get_program(
                session, workspace_id=workspace_id, program_id=id_
            ),
            rules=factories.make_rules(name="Beans"),
            by=cast.owner,
        )
        for _ in range(2)
    ]

    assert [each.replayed for each in made] == ["", "key"]
    with cast.database.reading() as session:
        listed = programs.list_programs(session, workspace_id=cast.workspace_id)
    assert {each.id for each in listed} == {cast.program_id, made[0].value.id}


def test_a_program_of_another_workspace_is_not_found(cast: Cast) -> None:
    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        programs.edit(
            session,
            workspace_id=cast.live_workspace_id,
            program_id=cast.program_id,
            changes={"name": "Theirs"},
            by=cast.owner,
        )
    with pytest.raises(errors.NotFound), cast.database.reading() as session:
        programs.get_program(
            session, workspace_id=cast.live_workspace_id, program_id=cast.program_id
        )


def test_a_cashier_changes_no_program(cast: Cast) -> None:
    with pytest.raises(errors.PermissionDenied), cast.database.writing() as session:
        locations.add(session, workspace_id=cast.workspace_id, name="Pier", by=cast.cashier)


def test_shops_are_listed_by_name(cast: Cast) -> None:
    with cast.database.writing() as session:
        locations.add(session, workspace_id=cast.workspace_id, name="Pier", by=cast.owner)
    with cast.database.reading() as session:
        shops = locations.list_all(session, workspace_id=cast.workspace_id)

    assert [shop.name for shop in shops] == ["Pier", "Quay Street"]


def test_a_merchant_has_a_sandbox_and_a_live_workspace(cast: Cast) -> None:
    with cast.database.reading() as session:
        found = merchants.list_workspaces(session)
        (merchant,) = merchants.list_merchants(session)

    assert merchant.id == cast.merchant_id
    assert {each.mode: each.id for each in found} == {
        "sandbox": cast.workspace_id,
        "live": cast.live_workspace_id,
    }


@pytest.mark.parametrize("given", [{"name": " "}, {"name": "X", "time_zone": "Nowhere"}])
def test_a_merchant_out_of_bounds_is_refused(cast: Cast, given: dict[str, str]) -> None:
    with (
        pytest.raises((errors.MissingParameter, errors.InvalidParameter)),
        cast.database.writing() as session,
    ):
        merchants.create(session, **given)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("Ασήμι", "Χρυσός"), ["asimi", "chrysos"]),
        (("☆", "☆☆"), ["tier", "tier_2"]),
        (("Großer Süßwassergenießer Straßenfestgruß",), ["grosser_susswassergeniesser_strassenf"]),
        (("Gold!", "Gold?"), ["gold", "gold_2"]),
    ],
)
def test_any_names_of_tiers_have_keys_that_can_be_kept(
    cast: Cast, names: Sequence[str], keys: Sequence[str]
) -> None:
    tiers = [{"key": "", "name": each, "threshold": n * 100} for n, each in enumerate(names)]

    program = factories.edit_program(cast, tiers=tiers)

    assert [tier["key"] for tier in program.tiers] == keys
    assert factories.enrol(cast).tier == keys[0]


def test_two_tiers_of_one_name_are_refused(cast: Cast) -> None:
    tiers = [{"key": "", "name": name, "threshold": n} for n, name in enumerate(("Gold", "gold"))]

    with pytest.raises(errors.InvalidParameter, match="Two tiers are the same"):
        factories.edit_program(cast, tiers=tiers)


def test_changed_metadata_stands_in_the_audit_log(cast: Cast) -> None:
    factories.edit_program(cast, metadata={"till": "1"})

    (entry,) = records.audit_of(cast, "programs.edit")
    told = [each and each["metadata"] for each in (entry.before, entry.after)]
    assert told == [{}, {"till": "1"}]

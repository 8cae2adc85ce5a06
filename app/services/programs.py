"""Programs: how points are called, what they are worth, which tiers there are."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, null, select
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id
from app.models.members import Member
from app.models.programs import Program
from app.models.rewards import Reward
from app.rules import inputs, searching
from app.rules.actors import Actor, Permission
from app.rules.earning import ROUNDINGS
from app.rules.tiers import Tier, multiplier_of, tier_key
from app.services import outbox, paging, recent_members, snapshots, totals
from app.services.audit import trail
from app.services.paging import PageRequest, RequestedPage

TIERS_MAX = 10
TIER_KEY_CHARACTERS = 40
EARN_POINTS_MAX = 10_000
POINT_VALUE_MAX_THOUSANDTHS = 100_000_000
THRESHOLD_MAX = 1_000_000_000
MULTIPLIER_MAX_HUNDREDTHS = 10_000


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A program as staff define it.

    Attributes:
        point_value_thousandths: worth of one point, in thousandths of a minor unit.
        earn_points_per_unit: points for one unit of currency spent.
        earn_rounding: one of `rules.earning.ROUNDINGS`.
        tiers: by rising threshold, the first from 0; empty for none.
    """

    name: str
    currency_name: str
    time_zone: str
    point_value_thousandths: int
    earn_points_per_unit: int
    tiers: Sequence[Tier]
    earn_rounding: str = "down"


def create(
    session: Session,
    *,
    workspace_id: str,
    rules: Rules,
    by: Actor,
    metadata: Mapping[str, Any] | None = None,
) -> Program:
    """Make a program.

    Raises:
        InvalidParameter, MissingParameter: a rule is out of bounds.
        PermissionDenied: the role may not.
    """
    _check_may_edit(by)
    rules = _checked(rules)
    inputs.checked_time_zone(rules.time_zone)
    program_id = new_id("prog")
    program = Program(
        workspace_id=workspace_id,
        id=program_id,
        metadata_=inputs.checked_metadata(metadata),
        created_at=clock.now(),
    )
    _fill(program, rules)
    session.add(program)
    trail.record(
        session,
        workspace_id=workspace_id,
        act="programs.create",
        by=by,
        subject_id=program.id,
        after=_state_of(program),
    )
    return program


def edit(
    session: Session,
    *,
    workspace_id: str,
    program_id: str,
    changes: Mapping[str, Any],
    by: Actor,
) -> Program:
    """Change some of a program's rules; members move to the tier that new thresholds give them.

    Args:
        changes: any of the attributes of `Rules`, and `metadata`; what is not named stays.

    Raises:
        InvalidParameter: a rule is out of bounds, or takes away a tier that an offered reward is
            kept for.
        NotFound, PermissionDenied: as they say.
    """
    _check_may_edit(by)
    program = _lock(session, workspace_id, program_id)
    if not changes:
        return program
    before = _state_of(program)
    tiers_before = list(program.tiers)
    new_rules = {name: value for name, value in changes.items() if name != "metadata"}
    if "time_zone" in changes:
        # One that is there may be of a list that is shorter now.
        inputs.checked_time_zone(changes["time_zone"])
    _fill(program, _checked(replace(_rules_of(program), **new_rules)))
    if "metadata" in changes:
        program.metadata_ = inputs.checked_metadata(changes["metadata"])
    session.flush()
    if list(program.tiers) != tiers_before:
        _check_tiers_in_use(session, program)
        _move_members(session, program)
    trail.record(
        session,
        workspace_id=workspace_id,
        act="programs.edit",
        by=by,
        subject_id=program.id,
        before=before,
        after=_state_of(program),
    )
    return program


def _lock(session: Session, workspace_id: str, program_id: str) -> Program:
    program = session.scalar(
        select(Program)
        .where(Program.workspace_id == workspace_id, Program.id == program_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if program is None:
        raise errors.NotFound("There is no such program here.")
    return program


def get_program(session: Session, *, workspace_id: str, program_id: str) -> Program:
    """Give one program.

    Raises:
        NotFound: no such program in this workspace.
    """
    program = session.scalar(
        select(Program).where(Program.workspace_id == workspace_id, Program.id == program_id)
    )
    if program is None:
        raise errors.NotFound("There is no such program here.")
    return program


def list_programs(session: Session, *, workspace_id: str) -> Sequence[Program]:
    """List the workspace's programs, the first one made first."""
    return session.scalars(
        select(Program).where(Program.workspace_id == workspace_id).order_by(Program.id)
    ).all()


def list_page(session: Session, *, workspace_id: str, page: PageRequest) -> RequestedPage[Program]:
    """List programs as the API does, the newest first."""
    statement = select(Program).where(Program.workspace_id == workspace_id)
    return paging.read_page_by_id(session, statement, Program.id, page, prefix="prog")


def tier_names(known: Iterable[Program]) -> dict[str, str]:
    """Give the names of programs' tiers by their keys."""
    return {tier["key"]: tier["name"] for program in known for tier in program.tiers}


def count_by_tier(session: Session, *, workspace_id: str) -> dict[str, dict[str | None, int]]:
    """Give each program's active members by tier key, None for those in no tier.

    A program without members is left out.
    """
    counts: defaultdict[str, dict[str | None, int]] = defaultdict(dict)
    for (program_id, tier), count in totals.read_tiers(session, workspace_id=workspace_id).items():
        counts[program_id][tier] = count
    return dict(counts)


def checked_tiers(tiers: Sequence[Tier]) -> list[Tier]:
    """Give the tiers by rising threshold, each with a key.

    Raises:
        InvalidParameter: no program can have these; `param` is `tiers`.
    """
    checked: list[Tier] = []
    taken = {tier["key"] for tier in tiers}
    for tier in tiers:
        name = inputs.checked_text(tier["name"], param="tiers", most=40, required=True)
        _check_range(tier["threshold"], "tiers", THRESHOLD_MAX)
        key = tier["key"] or _new_key(name, taken)
        taken.add(key)
        multiplier = multiplier_of(tier)
        if not 0 <= multiplier <= MULTIPLIER_MAX_HUNDREDTHS:
            raise errors.InvalidParameter("tiers", "A tier earns 0 to 100 times the points.")
        checked.append(
            {
                "key": key,
                "name": name,
                "threshold": tier["threshold"],
                "multiplier_hundredths": multiplier,
            }
        )
    checked.sort(key=lambda tier: tier["threshold"])
    if len(checked) > TIERS_MAX:
        raise errors.InvalidParameter("tiers", f"A program has {TIERS_MAX} tiers at most.")
    for said in (
        [tier["key"] for tier in checked],
        [tier["name"].casefold() for tier in checked],
        [tier["threshold"] for tier in checked],
    ):
        if len({*said}) < len(checked):
            raise errors.InvalidParameter("tiers", "Two tiers are the same. Change one of them.")
    if checked and checked[0]["threshold"] != 0:
        raise errors.InvalidParameter("tiers", "The first tier starts at 0, so everyone has one.")
    return checked


@dataclass(frozen=True)
class Moves:
    """Who would move between tiers.

    Attributes:
        counts: how many active members would move, by the tiers from and to; None is no tier.
        looked_at_count: how many were looked at.
        is_all: whether these were all, or only the most recent ones (`recent_members`).
    """

    counts: Mapping[tuple[str | None, str | None], int]
    looked_at_count: int = 0
    is_all: bool = True


def count_moves(session: Session, *, program: Program, tiers: Sequence[Tier]) -> Moves:
    """Count who would move from which tier to which, if `tiers` were the program's."""
    if _thresholds(tiers) == _thresholds(program.tiers):
        return Moves({})
    seen, is_all = recent_members.read_active(
        session, program, Member.tier, Member.qualifying_points
    )
    pairs = Counter((tier, tier_key(points, tiers)) for tier, points in seen)
    moved = {(was, will): count for (was, will), count in pairs.items() if was != will}
    return Moves(moved, len(seen), is_all)


def _thresholds(tiers: Sequence[Tier]) -> dict[str, int]:
    return {tier["key"]: tier["threshold"] for tier in tiers}


def _check_may_edit(by: Actor) -> None:
    if not by.may(Permission.EDIT_PROGRAMS):
        raise errors.PermissionDenied("A manager has to change the program. Ask one.")


def _checked(rules: Rules) -> Rules:
    name = inputs.checked_text(rules.name, param="name", most=200, required=True)
    currency = inputs.checked_text(
        rules.currency_name, param="currency_name", most=40, required=True
    )
    _check_range(rules.earn_points_per_unit, "earn_points_per_unit", EARN_POINTS_MAX)
    if rules.earn_rounding not in ROUNDINGS:
        raise errors.InvalidParameter("earn_rounding", f"Choose one of {', '.join(ROUNDINGS)}.")
    _check_range(
        rules.point_value_thousandths, "point_value_thousandths", POINT_VALUE_MAX_THOUSANDTHS
    )
    return Rules(
        **{
            **vars(rules),
            "name": name,
            "currency_name": currency,
            "tiers": checked_tiers(rules.tiers),
        }
    )


def _new_key(name: str, taken: Collection[str]) -> str:
    """Make a tier's key of its name: plain letters, and a number if the key is taken."""
    # Room for a number within the characters of a key.
    plain = re.sub(r"[^a-z0-9]+", "_", searching.fold(name))[: TIER_KEY_CHARACTERS - 3].strip("_")
    plain = plain or "tier"
    numbered = (plain if number == 1 else f"{plain}_{number}" for number in itertools.count(1))
    return next(key for key in numbered if key not in taken)


def _check_range(number: int, param: str, most: int) -> None:
    if not 0 <= number <= most:
        raise errors.InvalidParameter(param, f"Enter a number from 0 to {most:,}.")


def _fill(program: Program, rules: Rules) -> None:
    for name, value in vars(rules).items():
        setattr(program, name, list(value) if name == "tiers" else value)


def _rules_of(program: Program) -> Rules:
    return Rules(**{name: getattr(program, name) for name in Rules.__dataclass_fields__})


def _plain(rules: Rules) -> dict[str, Any]:
    return {**vars(rules), "tiers": list(rules.tiers)}


def _state_of(program: Program) -> dict[str, Any]:
    return {**_plain(_rules_of(program)), "metadata": program.metadata_}


def _check_tiers_in_use(session: Session, program: Program) -> None:
    stranded = session.scalar(
        select(Reward.name)
        .where(
            Reward.workspace_id == program.workspace_id,
            Reward.program_id == program.id,
            Reward.status == "active",
            Reward.min_tier.is_not(None),
            Reward.min_tier.not_in([tier["key"] for tier in program.tiers]),
        )
        .limit(1)
    )
    if stranded is not None:
        raise errors.InvalidParameter(
            "tiers", f"“{stranded}” is kept for a tier that is gone here. Change that reward first."
        )


def _move_members(session: Session, program: Program) -> None:
    """Put each member into the tier of the new thresholds, and tell of each who moved."""
    target = _tier_of_member(program.tiers)
    moved = session.scalars(
        select(Member)
        .where(
            Member.workspace_id == program.workspace_id,
            Member.program_id == program.id,
            Member.tier.is_distinct_from(target),
        )
        .order_by(Member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for member in moved:
        before = member.tier
        member.tier = tier_key(member.qualifying_points, program.tiers)
        totals.count_move(session, member, previous_tier=before)
        outbox.emit(
            session,
            "loyalty.tier.changed",
            workspace_id=program.workspace_id,
            member=member,
            data={**snapshots.account(member), "previousTier": before},
        )


def _tier_of_member(tiers: Sequence[Tier]) -> ColumnElement[str | None]:
    if not tiers:
        # PostgreSQL wants to know the type of a NULL.
        return cast(null(), String)
    falling = sorted(tiers, key=lambda tier: tier["threshold"], reverse=True)
    return case(
        *((Member.qualifying_points >= tier["threshold"], tier["key"]) for tier in falling),
        else_=null(),
    )

"""Rewards: define, edit, archive, and what a member can have (spec sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.db.statements import Row
from app.ids import new_id
from app.models.members import Member
from app.models.programs import Program
from app.models.redemptions import Redemption
from app.models.rewards import REWARD_TYPES, Reward
from app.rules import inputs, redeeming
from app.rules.actors import Actor, Permission
from app.rules.ledger import LockedMember
from app.rules.tiers import Tier
from app.services import outbox, paging, recent_members, snapshots, totals
from app.services.audit import trail
from app.services.paging import PageRequest, RequestedPage

PERCENT_MAX = 100
VALUE_MAX = 100_000_000
"""A million in most currencies, in minor units."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a reward is, as staff define it.

    Attributes:
        value: minor units for an amount or credit, percent for a percentage, else None.
        stock: how many are left to take from now on; None means no limit.
    """

    name: str
    type: str
    points_cost: int
    description: str = ""
    value: int | None = None
    stock: int | None = None
    per_member_limit: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    min_tier: str | None = None
    counter_key: int | None = None


@dataclass(frozen=True)
class Offer:
    """A reward as one member sees it; `refusal` says why it can't be had, or None."""

    reward: Reward
    refusal: errors.Refused | None

    @property
    def is_short_of_points(self) -> bool:
        """Whether nothing but points is missing."""
        return isinstance(self.refusal, errors.InsufficientPoints)


@dataclass(frozen=True)
class CatalogueRow:
    """A reward with the redemptions so far that were not cancelled."""

    reward: Reward
    redeemed_count: int


@dataclass(frozen=True)
class Reach:
    """How many active members could have a reward of some cost and tier today.

    Attributes:
        able_count: members who reach the cost, of `eligible_count` in the tier or above.
        buckets: counts of the eligible by balance, in twelfths of twice the cost; the last one
            holds all above.
        is_all: whether all were counted, or only the most recent ones (`recent_members`).
    """

    able_count: int
    eligible_count: int
    buckets: Sequence[int]
    is_all: bool


REACH_BUCKETS = 12


def create(
    session: Session,
    *,
    workspace_id: str,
    program_id: str,
    terms: Terms,
    by: Actor,
    metadata: Mapping[str, Any] | None = None,
) -> Reward:
    """Define a reward.

    Raises:
        InvalidParameter, MissingParameter: a term is out of bounds.
        NotFound: no such program here.
    """
    _check_may_edit(by)
    terms = _checked(terms)
    metadata = inputs.checked_metadata(metadata)
    reward_id = new_id("rwd")
    program = _lock_program(session, workspace_id, program_id)
    _check_tier(terms, program)
    _free_counter_key(session, program, terms.counter_key, except_id=reward_id)
    reward = Reward(
        workspace_id=workspace_id,
        id=reward_id,
        program_id=program.id,
        status="active",
        stock_supplied=terms.stock,
        stock_taken=0,
        metadata_=metadata,
        created_at=clock.now(),
    )
    _fill(reward, terms)
    session.add(reward)
    _tell(session, "loyalty.reward.created", "rewards.create", reward, by, before=None)
    return reward


def edit(
    session: Session,
    *,
    workspace_id: str,
    reward_id: str,
    changes: Mapping[str, Any],
    by: Actor,
) -> Reward:
    """Change some of a reward's terms; what is not named stays.

    What was redeemed before keeps the points it cost then.

    Args:
        changes: any of the attributes of `Terms`, and `metadata`.

    Raises:
        InvalidParameter, MissingParameter: a term is out of bounds.
        NotFound, PermissionDenied: as they say.
    """
    _check_may_edit(by)
    seen = get_reward(session, workspace_id=workspace_id, reward_id=reward_id)
    if not changes:
        return seen
    # Program before reward, as whoever redeems takes them: the other order could deadlock.
    program = _lock_program(session, workspace_id, seen.program_id)
    reward = lock_reward(session, workspace_id=workspace_id, reward_id=reward_id)
    new_terms = {name: value for name, value in changes.items() if name != "metadata"}
    terms = _checked(replace(_terms_now(reward), **new_terms))
    _check_tier(terms, program)
    if reward.is_archived:
        # It would take the key from a reward that is offered.
        terms = replace(terms, counter_key=None)
    before = snapshots.reward(reward)
    _free_counter_key(session, program, terms.counter_key, except_id=reward.id)
    _set_stock(session, reward, terms.stock)
    _fill(reward, terms)
    if "metadata" in changes:
        reward.metadata_ = inputs.checked_metadata(changes["metadata"])
    _tell(session, "loyalty.reward.updated", "rewards.edit", reward, by, before=before)
    return reward


def _terms_now(reward: Reward) -> Terms:
    return Terms(**{name: getattr(reward, name) for name in Terms.__dataclass_fields__})


def archive(session: Session, *, workspace_id: str, reward_id: str, by: Actor) -> Reward:
    """Stop offering a reward. Its counter key becomes free."""
    return _set_status(session, workspace_id, reward_id, "archived", by)


def restore(
    session: Session,
    *,
    workspace_id: str,
    reward_id: str,
    by: Actor,
    counter_key: int | None = None,
) -> Reward:
    """Offer an archived reward again.

    Args:
        counter_key: the key that it had, 1 to 9; it gets it back if no other has it now.

    Raises:
        InvalidParameter: its tier is gone.
    """
    return _set_status(session, workspace_id, reward_id, "active", by, counter_key=counter_key)


def get_reward(session: Session, *, workspace_id: str, reward_id: str) -> Reward:
    """Give one reward.

    Raises:
        NotFound: no such reward in this workspace.
    """
    return _one(
        session.scalar(
            select(Reward).where(Reward.workspace_id == workspace_id, Reward.id == reward_id)
        )
    )


def lock_reward(session: Session, *, workspace_id: str, reward_id: str) -> Reward:
    """Lock a reward's row until the transaction ends and give it as it is now.

    Raises:
        NotFound: no such reward in this workspace.
    """
    return _one(
        session.scalar(
            select(Reward)
            .where(Reward.workspace_id == workspace_id, Reward.id == reward_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_rewards(
    session: Session,
    *,
    workspace_id: str,
    page: PageRequest,
    program_id: str | None = None,
    status: str | None = None,
) -> RequestedPage[Reward]:
    """List rewards as the API does, the newest first."""
    statement = select(Reward).where(Reward.workspace_id == workspace_id)
    if program_id is not None:
        statement = statement.where(Reward.program_id == program_id)
    if status is not None:
        statement = statement.where(Reward.status == status)
    return paging.read_page_by_id(session, statement, Reward.id, page, prefix="rwd")


def list_catalogue(
    session: Session, *, workspace_id: str, program_id: str | None = None
) -> Sequence[CatalogueRow]:
    """List all rewards in counter order: keys 1 to 9, then the rest by cost; archived last."""
    taken = totals.read_rewards(session, workspace_id=workspace_id)
    statement = (
        select(Reward)
        .where(Reward.workspace_id == workspace_id)
        .order_by(
            Reward.status,
            func.coalesce(Reward.counter_key, 10),
            Reward.points_cost,
            Reward.id,
        )
    )
    if program_id is not None:
        statement = statement.where(Reward.program_id == program_id)
    return [CatalogueRow(reward, taken.get(reward.id, 0)) for reward in session.scalars(statement)]


def has_rewards(session: Session, *, workspace_id: str) -> bool:
    """Say whether there is a reward, be it archived."""
    known = select(Reward.id).where(Reward.workspace_id == workspace_id).limit(1)
    return session.scalar(known) is not None


def list_offers(session: Session, *, member: Member, tiers: Sequence[Tier]) -> Sequence[Offer]:
    """List the program's active rewards as this member sees them, in counter order."""
    taken_count = (
        select(func.count())
        .where(
            Redemption.workspace_id == member.workspace_id,
            Redemption.member_id == member.id,
            Redemption.reward_id == Reward.id,
            Redemption.status != "cancelled",
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Reward, taken_count)
        .where(
            Reward.workspace_id == member.workspace_id,
            Reward.program_id == member.program_id,
            Reward.status == "active",
        )
        .order_by(func.coalesce(Reward.counter_key, 10), Reward.points_cost, Reward.id)
    ).all()
    now = clock.now()
    return [
        Offer(
            reward,
            redeeming.refusal(
                standing_of(member, taken),
                terms_of(reward),
                tiers=tiers,
                now=now,
            ),
        )
        for reward, taken in rows
    ]


def standing_of(member: Member | LockedMember, taken_count: int) -> redeeming.MemberStanding:
    """Give what counts about a member when a reward is judged."""
    return redeeming.MemberStanding(
        program_id=member.program_id,
        is_closed=member.is_closed,
        balance=member.balance,
        tier=member.tier,
        taken_count=taken_count,
    )


TERMS = (
    *("program_id", "name", "status", "points_cost", "stock_supplied", "stock_taken"),
    *("per_member_limit", "starts_at", "ends_at", "min_tier"),
)
"""The columns that `terms_of` reads."""


def terms_of(reward: Reward | Row) -> redeeming.Terms:
    """Return what counts about a reward when a member asks for it; a row of its table will do."""
    supplied = reward.stock_supplied
    return redeeming.Terms(
        program_id=reward.program_id,
        name=reward.name,
        is_archived=reward.status == "archived",
        points_cost=reward.points_cost,
        stock=None if supplied is None else supplied - reward.stock_taken,
        per_member_limit=reward.per_member_limit,
        starts_at=reward.starts_at,
        ends_at=reward.ends_at,
        min_tier=reward.min_tier,
    )


def measure_reach(
    session: Session, *, program: Program, points_cost: int, min_tier: str | None
) -> Reach:
    """Count who could afford a cost today, and how the balances lie around it."""
    seen, is_all = recent_members.read_active(session, program, Member.balance, Member.tier)
    tiers = None if min_tier is None else _tiers_from(program, min_tier)
    eligible = [balance for balance, tier in seen if tiers is None or tier in tiers]
    width = max(1, points_cost * 2 // REACH_BUCKETS)
    buckets = [0] * REACH_BUCKETS
    for balance in eligible:
        buckets[min(max(balance, 0) // width, REACH_BUCKETS - 1)] += 1
    return Reach(
        able_count=sum(balance >= points_cost for balance in eligible),
        eligible_count=len(eligible),
        buckets=buckets,
        is_all=is_all,
    )


def _tiers_from(program: Program, min_tier: str) -> list[str]:
    threshold = {tier["key"]: tier["threshold"] for tier in program.tiers}.get(min_tier, 0)
    return [tier["key"] for tier in program.tiers if tier["threshold"] >= threshold]


def _one(reward: Reward | None) -> Reward:
    if reward is None:
        raise errors.NotFound("There is no such reward here.")
    return reward


def _check_may_edit(by: Actor) -> None:
    if not by.may(Permission.EDIT_REWARDS):
        raise errors.PermissionDenied("A manager has to change rewards. Ask one.")


def _lock_program(session: Session, workspace_id: str, program_id: str) -> Program:
    # The lock lets one catalogue change at a time hand out counter keys.
    program = session.scalar(
        select(Program)
        .where(Program.workspace_id == workspace_id, Program.id == program_id)
        .with_for_update()
    )
    if program is None:
        raise errors.NotFound("There is no such program here.", param="programId")
    return program


def _checked(terms: Terms) -> Terms:
    name = inputs.checked_text(terms.name, param="name", most=80, required=True)
    description = inputs.checked_text(terms.description, param="description", most=500)
    if terms.type not in REWARD_TYPES:
        raise errors.InvalidParameter("type", f"type is one of {', '.join(REWARD_TYPES)}.")
    _check_whole(terms.points_cost, "points_cost", least=0, most=inputs.POINTS_COST_MAX)
    _check_whole(terms.stock, "stock", least=0, most=inputs.STOCK_MAX)
    _check_whole(terms.per_member_limit, "per_member_limit", least=1, most=1_000_000)
    _check_whole(terms.counter_key, "counter_key", least=1, most=9)
    value = _checked_value(terms)
    if terms.starts_at and terms.ends_at and terms.ends_at <= terms.starts_at:
        raise errors.InvalidParameter(
            "ends_at", "The end comes before the start. Move one of them."
        )
    return replace(terms, name=name, description=description, value=value)


def _check_tier(terms: Terms, program: Program) -> None:
    if terms.min_tier is not None and terms.min_tier not in {tier["key"] for tier in program.tiers}:
        raise errors.InvalidParameter(
            "min_tier", "The program has no such tier. Choose another one for this reward."
        )


def _checked_value(terms: Terms) -> int | None:
    if terms.type in {"free_product", "partner"}:
        return None
    if terms.type == "discount_percent":
        _check_whole(terms.value, "value", least=1, most=PERCENT_MAX, required=True)
    elif terms.value is None:
        raise errors.InvalidParameter("value", "Enter what it is worth.")
    else:
        _check_whole(terms.value, "value", least=1, most=VALUE_MAX, required=True)
    return terms.value


def _check_whole(
    number: int | None, param: str, *, least: int, most: int, required: bool = False
) -> None:
    if number is None and not required:
        return
    if number is None or not least <= number <= most:
        raise errors.InvalidParameter(param, f"Enter a whole number from {least:,} to {most:,}.")


def _fill(reward: Reward, terms: Terms) -> None:
    for name, value in vars(terms).items():
        if name != "stock":
            setattr(reward, name, value)


def _set_stock(session: Session, reward: Reward, stock: int | None) -> None:
    """Set what is left. The reward's row is locked, so no redemption is under way."""
    if stock == reward.stock:
        return
    if stock is None:
        reward.stock_supplied, reward.stock_taken = None, 0
        return
    if reward.stock_supplied is None:
        taken = totals.read_rewards(session, workspace_id=reward.workspace_id)
        reward.stock_taken = taken.get(reward.id, 0)
    reward.stock_supplied = reward.stock_taken + stock


def _free_counter_key(
    session: Session, program: Program, counter_key: int | None, *, except_id: str
) -> None:
    if counter_key is None:
        return
    session.execute(
        update(Reward)
        .where(
            Reward.workspace_id == program.workspace_id,
            Reward.program_id == program.id,
            Reward.counter_key == counter_key,
            Reward.id != except_id,
        )
        .values(counter_key=None)
    )


def _set_status(
    session: Session,
    workspace_id: str,
    reward_id: str,
    status: str,
    by: Actor,
    *,
    counter_key: int | None = None,
) -> Reward:
    _check_may_edit(by)
    seen = get_reward(session, workspace_id=workspace_id, reward_id=reward_id)
    program = _lock_program(session, workspace_id, seen.program_id)
    reward = lock_reward(session, workspace_id=workspace_id, reward_id=reward_id)
    if reward.status == status:
        return reward
    if status == "active":
        # The program may have lost the tier while the reward was out of use.
        _check_tier(_terms_now(reward), program)
    before = snapshots.reward(reward)
    reward.status = status
    reward.counter_key = None
    if counter_key is not None:
        has_key = select(Reward.id).where(
            Reward.workspace_id == workspace_id,
            Reward.program_id == program.id,
            Reward.counter_key == counter_key,
        )
        if session.scalar(has_key) is None:
            reward.counter_key = counter_key
    act = "rewards.archive" if status == "archived" else "rewards.restore"
    _tell(session, "loyalty.reward.updated", act, reward, by, before=before)
    return reward


def _tell(
    session: Session,
    event_type: str,
    act: str,
    reward: Reward,
    by: Actor,
    *,
    before: dict[str, Any] | None,
) -> None:
    after = snapshots.reward(reward)
    outbox.emit(session, event_type, workspace_id=reward.workspace_id, data=after)
    trail.record(
        session,
        workspace_id=reward.workspace_id,
        act=act,
        by=by,
        subject_id=reward.id,
        before=before,
        after=after,
    )

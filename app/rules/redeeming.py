"""Whether a member can have a reward now, and if not, why (spec section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import errors
from app.rules import tiers as tier_rules
from app.rules.actors import Actor, Permission, may_undo


@dataclass(frozen=True, kw_only=True)
class MemberStanding:
    """What counts about the member.

    Attributes:
        taken_count: redemptions of this reward by this member that were not cancelled.
    """

    program_id: str
    is_closed: bool
    balance: int
    tier: str | None
    taken_count: int


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What counts about the reward; `stock` None means no limit."""

    program_id: str
    name: str
    is_archived: bool
    points_cost: int
    stock: int | None
    per_member_limit: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    min_tier: str | None


@dataclass(frozen=True, slots=True)
class RedemptionRow:
    """A redemption: the columns of `models.redemptions.Redemption`."""

    workspace_id: str
    id: str
    member_id: str
    reward_id: str
    status: str
    points_spent: int
    code: str
    metadata_: Mapping[str, Any]
    created_at: datetime
    fulfilled_at: datetime | None
    cancelled_at: datetime | None
    created_by: str | None

    @property
    def code_shown(self) -> str:
        """The code as people read it: `7KQ-4F2`."""
        return f"{self.code[:3]}-{self.code[3:]}"


def check_may_cancel(redemption: RedemptionRow, *, by: Actor, now: datetime) -> None:
    """Refuse to cancel what was handed over, or what another person redeemed.

    Raises:
        AlreadyFulfilled: it was handed over, and the actor is no manager.
        PermissionDenied: not the actor's own act, or too long ago for the role.
    """
    if redemption.status == "fulfilled" and not by.may(Permission.CANCEL_FULFILLED):
        raise errors.AlreadyFulfilled(
            "This was already handed over, so a manager has to cancel it."
        )
    if not may_undo(by, done_by=redemption.created_by, done_at=redemption.created_at, now=now):
        raise errors.PermissionDenied(
            "A manager has to do this. You can undo your own acts for 10 minutes."
        )


def check_cost(terms: Terms, expected_points: int | None) -> None:
    """Refuse a reward whose cost is not the one that the person saw.

    Raises:
        RewardNotAvailable: it changed.
    """
    if expected_points is not None and expected_points != terms.points_cost:
        raise errors.RewardNotAvailable(
            f"“{terms.name}” now costs {terms.points_cost:,} points, not {expected_points:,}. "
            "Nothing was taken. Ask again if the member still wants it."
        )


def refusal(
    standing: MemberStanding, terms: Terms, *, tiers: Sequence[tier_rules.Tier], now: datetime
) -> errors.Refused | None:
    """Give the reason why the member can't have the reward, or None.

    What no purchase can mend comes first, so that nobody saves up for what is gone.
    """
    if standing.is_closed:
        return errors.MemberClosed()
    return (
        _not_offered(standing, terms, tiers, now)
        or _none_for_this_member(standing, terms)
        or _too_few_points(standing, terms)
    )


def _not_offered(
    standing: MemberStanding, terms: Terms, tiers: Sequence[tier_rules.Tier], now: datetime
) -> errors.Refused | None:
    if terms.program_id != standing.program_id:
        return errors.RewardNotAvailable(
            f"“{terms.name}” belongs to another program.", short="another program"
        )
    if terms.is_archived:
        return errors.RewardInactive(terms.name)
    if terms.starts_at is not None and now < terms.starts_at:
        return errors.RewardNotAvailable(
            f"“{terms.name}” has not started yet.", short="not started"
        )
    if terms.ends_at is not None and now >= terms.ends_at:
        return errors.RewardNotAvailable(
            f"“{terms.name}” has ended. Choose another reward.", short="ended"
        )
    if not tier_rules.reaches(standing.tier, terms.min_tier, tiers):
        tier = tier_rules.name_of(terms.min_tier, tiers) or terms.min_tier
        return errors.RewardNotAvailable(
            f"“{terms.name}” is for {tier} members and above.", short=f"{tier} and above"
        )
    return None


def _none_for_this_member(standing: MemberStanding, terms: Terms) -> errors.Refused | None:
    if terms.stock is not None and terms.stock <= 0:
        return errors.RewardOutOfStock(terms.name)
    limit = terms.per_member_limit
    if limit is not None and standing.taken_count >= limit:
        return errors.RewardLimitReached(terms.name, limit_count=limit)
    return None


def _too_few_points(standing: MemberStanding, terms: Terms) -> errors.Refused | None:
    if standing.balance < 0:
        return errors.AccountNegative(balance=standing.balance)
    if standing.balance < terms.points_cost:
        return errors.InsufficientPoints(balance=standing.balance, cost_points=terms.points_cost)
    return None

"""Whether a member can have a reward now, and if not, why (spec section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import errors
from app.rules import tiers as tier_rules


@dataclass(frozen=True, kw_only=True)
class Standing:
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


def refusal(
    standing: Standing, terms: Terms, *, tiers: Sequence[tier_rules.Tier], now: datetime
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
    standing: Standing, terms: Terms, tiers: Sequence[tier_rules.Tier], now: datetime
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


def _none_for_this_member(standing: Standing, terms: Terms) -> errors.Refused | None:
    if terms.stock is not None and terms.stock <= 0:
        return errors.RewardOutOfStock(terms.name)
    limit = terms.per_member_limit
    if limit is not None and standing.taken_count >= limit:
        return errors.RewardLimitReached(terms.name, limit_count=limit)
    return None


def _too_few_points(standing: Standing, terms: Terms) -> errors.Refused | None:
    if standing.balance < 0:
        return errors.AccountNegative(balance=standing.balance)
    if standing.balance < terms.points_cost:
        return errors.InsufficientPoints(balance=standing.balance, cost_points=terms.points_cost)
    return None

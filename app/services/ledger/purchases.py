"""A purchase earns by the program's rule: at the counter, and when another system tells of it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app import errors
from app.models.members import Member
from app.rules import earning, money, tiers
from app.rules.actors import Actor, Approval
from app.rules.ledger import Entry, Source
from app.services.ledger import acts
from app.services.results import Result


def points_for(member: Member, *, amount_minor: int, currency: str) -> int:
    """Give what a purchase earns this member now."""
    program = member.program
    return earning.earned_points(
        amount_minor,
        digits=money.digits(currency),
        points_per_unit=program.earn_points_per_unit,
        rounding=program.earn_rounding,
        multiplier_hundredths=tiers.multiplier_hundredths(member.tier, program.tiers),
    )


def award(
    session: Session,
    *,
    member: Member,
    amount_minor: int,
    currency: str,
    by: Actor,
    reason: str = "Purchase",
    metadata: Mapping[str, str] | None = None,
    source: Source | None = None,
    approval: Approval | None = None,
) -> Result[Entry]:
    """Award what a purchase earns; the rule that decided stands in the award's metadata.

    Args:
        amount_minor: what was paid, in minor units of `currency`.

    Raises:
        TooSmallToEarn: the amount earns not one point.
        RegularsError: any that `acts.award` raises.
    """
    program = member.program
    multiplier = tiers.multiplier_hundredths(member.tier, program.tiers)
    points = points_for(member, amount_minor=amount_minor, currency=currency)
    if points == 0:
        raise errors.TooSmallToEarn(earns_nothing=program.earn_points_per_unit * multiplier == 0)
    return acts.award(
        session,
        workspace_id=member.workspace_id,
        member_id=member.id,
        points=points,
        reason=reason,
        metadata={
            **(metadata or {}),
            "amount": str(amount_minor),
            "currency": currency,
            "earnRate": str(program.earn_points_per_unit),
            "multiplier": f"{multiplier / earning.WHOLE_MULTIPLIER:g}",
            "rounding": program.earn_rounding,
        },
        source=source,
        approval=approval,
        by=by,
    )

"""A purchase earns by the program's rule: at the counter, and when another system tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from app import errors
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.rules import earning, money, tiers
from app.rules.actors import Actor, Approval
from app.services import idempotency, ledger
from app.services.idempotency import Once, Outcome
from app.services.ledger import Source


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
    once: Once | None = None,
) -> Outcome[LedgerEntry]:
    """Award what a purchase earns; the rule that decided stands in the award's metadata.

    Args:
        amount_minor: what was paid, in minor units of `currency`.

    Raises:
        TooSmallToEarn: the amount earns not one point.
        RegularsError: any that `ledger.award` raises.
    """
    if once is not None:
        # What was asked for: what it earns may be more when the same is sent once more.
        asked = {"member": member.id, "amount": amount_minor, "currency": currency}
        once = replace(once, asked=idempotency.fingerprint("purchase", asked | {"reason": reason}))
    program = member.program
    multiplier = tiers.multiplier_hundredths(member.tier, program.tiers)
    points = points_for(member, amount_minor=amount_minor, currency=currency)
    if points == 0:
        # It may have earned some when it was sent first.
        first = _first_of(session, member, once)
        if first is None:
            raise errors.TooSmallToEarn(
                earns_nothing=program.earn_points_per_unit * multiplier == 0
            )
        return first
    return ledger.award(
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
        once=once,
    )


def _first_of(session: Session, member: Member, once: Once | None) -> Outcome[LedgerEntry] | None:
    """Give what was awarded under a key before, or None."""
    workspace_id = member.workspace_id
    if once is None or not idempotency.is_used(session, workspace_id=workspace_id, once=once):
        return None
    first = idempotency.first_result(
        session, [], workspace_id=workspace_id, once=once, asked=once.asked
    )
    entry = ledger.get_entry(session, workspace_id=workspace_id, entry_id=str(first))
    return Outcome(entry, "key")

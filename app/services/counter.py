"""What the counter asks: who is this, what can they have, and what just happened here.

It reads only. What the counter does goes through the same services as everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.rewards import Reward
from app.rules import earning, money, searching, tiers
from app.services import ledger_history, member_search, members, rewards
from app.services.ledger_history import Row
from app.services.rewards import Offer

KEYS = range(1, 10)
HITS_MAX = 8
"""As many as fit beside the box without scrolling; who is not among them types one letter more."""

LAST_LINES = 3
JUST_NOW_LINES = 4


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a scan or a search at the counter found.

    Attributes:
        member_id: the one that is meant, or None.
        hits: who matches, exact and recently here first.
        close: who comes near when nobody matches.
        has_more: whether more match than `hits`.
    """

    member_id: str | None
    hits: Sequence[Member]
    close: Sequence[Member]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of the keypad: always the same reward, or free."""

    number: int
    offer: Offer | None


@dataclass(frozen=True, kw_only=True)
class Hint:
    """The cheapest way to the next reward.

    Attributes:
        missing_points: how far it is.
        amount_minor: a purchase that earns as much, or None when purchases earn nothing.
    """

    reward: Reward
    missing_points: int
    amount_minor: int | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A member as the counter shows them."""

    member: Member
    keys: Sequence[Key]
    lines: Sequence[Row]
    hint: Hint | None


def look_up(session: Session, *, workspace_id: str, text: str, is_scanned: bool = False) -> Found:
    """Find the member that is meant: the only exact hit, or the only one that matches.

    Args:
        is_scanned: a scanner read the text, so only an exact hit is meant.
    """
    exact = member_search.find_exact(session, workspace_id=workspace_id, text=text)
    found = member_search.find_members(
        session, workspace_id=workspace_id, text=text, limit=HITS_MAX
    )
    hits = found.rows
    opens = (
        len(hits) == 1
        and not is_scanned
        and searching.is_enough_for(hits[0].customer.phone, text=text)
    )
    close = (
        []
        if hits
        else member_search.find_close_members(session, workspace_id=workspace_id, text=text)
    )
    return Found(
        member_id=exact or (hits[0].id if opens else None),
        hits=hits,
        close=close,
        has_more=found.count is None or found.count > len(hits),
    )


def get_standing(session: Session, *, workspace_id: str, member_id: str, currency: str) -> Standing:
    """Read a member as the counter shows them.

    Raises:
        NotFound: no such member in this workspace.
    """
    member = members.get_member(session, workspace_id=workspace_id, member_id=member_id)
    offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    on_keys = {offer.reward.counter_key: offer for offer in offers if offer.reward.counter_key}
    return Standing(
        member=member,
        keys=[Key(number=number, offer=on_keys.get(number)) for number in KEYS],
        lines=ledger_history.list_rows(session, member=member, limit=LAST_LINES).rows,
        hint=_hint(member, offers, currency),
    )


def list_just_now(
    session: Session, *, workspace_id: str, location_id: str | None
) -> Sequence[LedgerEntry]:
    """List the latest entries with their members: of this shop, or of all when none is chosen."""
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.workspace_id == workspace_id)
        .options(joinedload(LedgerEntry.member).joinedload(Member.customer))
        .order_by(LedgerEntry.recorded_at.desc(), LedgerEntry.id.desc())
        .limit(JUST_NOW_LINES)
    )
    if location_id is not None:
        statement = statement.where(LedgerEntry.location_id == location_id)
    return session.scalars(statement).all()


def _hint(member: Member, offers: Sequence[Offer], currency: str) -> Hint | None:
    """Give the cheapest reward that only points are missing for."""
    missing = [
        (offer.reward.points_cost - member.balance, offer.reward)
        for offer in offers
        if offer.is_short_of_points
    ]
    if not missing:
        return None
    points, reward = min(missing, key=lambda pair: (pair[0], pair[1].id))
    amount = earning.amount_for(
        points,
        digits=money.digits(currency),
        points_per_unit=member.program.earn_points_per_unit,
        multiplier_hundredths=tiers.multiplier_hundredths(member.tier, member.program.tiers),
    )
    return Hint(reward=reward, missing_points=points, amount_minor=amount)

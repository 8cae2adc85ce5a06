"""Members' cards: a number that a scanner reads, and a link that a phone opens."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id, new_token
from app.models.cards import CardLink
from app.models.members import Customer, Member
from app.models.merchants import Merchant, Workspace
from app.rules import cards
from app.rules.actors import Actor, Permission
from app.services import rewards
from app.services.audit import trail
from app.services.members import customers, enrolment
from app.services.rewards import Offer

NUMBER_TRIES = 5


@dataclass(frozen=True)
class Opened:
    """What a link opens: the card, the balance and the next reward; nothing else of a person.

    Attributes:
        next_offer: the cheapest reward that points are missing for, or None.
        able: the dearest reward that can be had now, or None.
    """

    merchant: Merchant
    member: Member
    next_offer: Offer | None
    able: Offer | None


def give_number(session: Session, *, workspace_id: str, member_id: str, by: Actor) -> Member:
    """Give a member who has no card number a new one. Who has one keeps it."""
    _check_may(by)
    member = enrolment.get_member(session, workspace_id=workspace_id, member_id=member_id)
    customer = customers.lock(session, workspace_id=workspace_id, customer_id=member.customer_id)
    if customer.card_number:
        return member
    customers.rewrite(session, customer, {"card_number": _free_number(session, workspace_id)})
    _record(session, "cards.give_number", member, by)
    return member


def make_link(session: Session, *, workspace: Workspace, member_id: str, by: Actor) -> CardLink:
    """Make the link of a member's card; an older one opens nothing any more."""
    _check_may(by)
    member = enrolment.get_member(session, workspace_id=workspace.id, member_id=member_id)
    _revoke(session, workspace, member_id)
    link = CardLink(
        id=new_id("crd"),
        merchant_id=workspace.merchant_id,
        mode=workspace.mode,
        member_id=member_id,
        token=new_token(),
        created_at=clock.now(),
    )
    session.add(link)
    _record(session, "cards.make_link", member, by)
    return link


def revoke_link(session: Session, *, workspace: Workspace, member_id: str, by: Actor) -> None:
    """Let the link of a member's card open nothing any more."""
    _check_may(by)
    member = enrolment.get_member(session, workspace_id=workspace.id, member_id=member_id)
    _revoke(session, workspace, member_id)
    _record(session, "cards.revoke_link", member, by)


def find_link(session: Session, *, workspace: Workspace, member_id: str) -> CardLink | None:
    """Give the link of a member's card that is good, or None."""
    return session.scalar(
        select(CardLink)
        .where(
            CardLink.merchant_id == workspace.merchant_id,
            CardLink.mode == workspace.mode,
            CardLink.member_id == member_id,
            CardLink.revoked_at.is_(None),
        )
        .order_by(CardLink.id.desc())
        .limit(1)
    )


def open_link(session: Session, *, token: str) -> Opened:
    """Give what a link opens.

    Raises:
        NotFound: there is no such link, or it was revoked.
    """
    row = session.execute(
        select(CardLink, Workspace, Merchant)
        .join(
            Workspace,
            (Workspace.merchant_id == CardLink.merchant_id) & (Workspace.mode == CardLink.mode),
        )
        .join(Merchant, Merchant.id == CardLink.merchant_id)
        .where(CardLink.token == token, CardLink.revoked_at.is_(None))
    ).first()
    if row is None:
        raise errors.NotFound("This card is not shown here any more. Ask in the shop.")
    link, workspace, merchant = row
    member = enrolment.get_member(session, workspace_id=workspace.id, member_id=link.member_id)
    offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    missing = [offer for offer in offers if offer.is_short_of_points]
    able = [offer for offer in offers if offer.refusal is None]
    return Opened(
        merchant=merchant,
        member=member,
        next_offer=min(missing, key=lambda offer: offer.reward.points_cost, default=None),
        able=max(able, key=lambda offer: offer.reward.points_cost, default=None),
    )


def _free_number(session: Session, workspace_id: str) -> str:
    for _ in range(NUMBER_TRIES):
        number = cards.new_number()
        taken = select(Customer.id).where(
            Customer.workspace_id == workspace_id, Customer.card_key == number
        )
        if session.scalar(taken.limit(1)) is None:
            return number
    raise AssertionError("five random numbers of twelve digits were all taken")


def _revoke(session: Session, workspace: Workspace, member_id: str) -> None:
    session.execute(
        update(CardLink)
        .where(
            CardLink.merchant_id == workspace.merchant_id,
            CardLink.mode == workspace.mode,
            CardLink.member_id == member_id,
            CardLink.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
    )


def _check_may(by: Actor) -> None:
    if not by.may(Permission.ENROL):
        raise errors.PermissionDenied("Your role may look, but not change cards. Ask a cashier.")


def _record(session: Session, act: str, member: Member, by: Actor) -> None:
    trail.record(
        session,
        workspace_id=member.workspace_id,
        act=act,
        by=by,
        subject_id=member.id,
        member_id=member.id,
    )

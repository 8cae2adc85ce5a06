"""What becomes of a payment that another system tells of (spec section 6).

Each event counts once for ever by the source's own id, each payment earns once, and each refund
counts once. What is taken back is always brought up to the total that is in proportion to all
refunds so far, so that parts and repetitions in any order end in one ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app import clock, errors
from app.db import statements
from app.ids import new_id
from app.models.members import Member
from app.models.merchants import Merchant, Workspace
from app.models.payments import Payment, PaymentEvent, PaymentRefund, PaymentSource
from app.rules import earning
from app.rules.actors import Actor
from app.rules.ledger import Entry, Source
from app.rules.payments import COMPLETED, Message, Unjudged, message_of, split_refund
from app.services.audit import trail
from app.services.ledger import acts, posting, purchases
from app.services.webhooks import endpoints

SOURCE_TYPES = {"regulars": "payment", "stripe": "stripe.payment", "shopify": "shopify.order"}
"""Under which type a payment is the `source` of its award, unique for ever in the workspace."""

BY_HAND = "If points are due back, reverse the award by hand."
"""What to do about a refund that cannot be judged."""

RULE_ROLE = "key"
"""An earning rule may do what an API key may."""


@dataclass(frozen=True)
class Judgement:
    """What became of an event: one of the outcomes, in words, and the entry that it made."""

    outcome: str
    detail: str
    entry_id: str | None = None


@dataclass(frozen=True)
class Received:
    """An event as it is kept, and whether it had been told before."""

    event: PaymentEvent
    is_repeated: bool


def receive(
    session: Session, *, workspace: Workspace, source: PaymentSource, message: Message
) -> Received:
    """Take what a source tells, once."""
    event_id = new_id("ine")
    is_new = _insert(
        session,
        PaymentEvent,
        {
            "workspace_id": workspace.id,
            "id": event_id,
            "source_id": source.id,
            "external_id": message.event_id,
            "type": message.type,
            "payment_id": message.payment_id or None,
            "message": message.plain(),
            "outcome": "nothing",
            "detail": "",
            "received_at": clock.now(),
        },
    )
    event = _get_event(session, workspace.id, PaymentEvent.external_id == message.event_id, source)
    if is_new:
        _settle(session, workspace, source, event, message)
    return Received(event, is_repeated=not is_new)


def retry(
    session: Session, *, workspace: Workspace, source: PaymentSource, event_id: str, by: Actor
) -> PaymentEvent:
    """Try an event again that had found no member, or that was refused.

    Raises:
        NotFound: no such event of this source.
        PermissionDenied: the role may not.
    """
    endpoints.check_may_manage(by)
    event = _get_event(session, workspace.id, PaymentEvent.id == event_id, source)
    if event.outcome in {"unmatched", "refused"}:
        before = {"event": event.id, "outcome": event.outcome}
        _settle(session, workspace, source, event, message_of(event.message))
        trail.record(
            session,
            workspace_id=workspace.id,
            act="inbound.retry",
            by=by,
            subject_id=source.id,
            before=before,
            after={"event": event.id, "outcome": event.outcome},
        )
    return event


def _settle(
    session: Session,
    workspace: Workspace,
    source: PaymentSource,
    event: PaymentEvent,
    message: Message,
) -> None:
    _note(event, _judge(session, workspace, source, message))
    session.flush()


def _note(event: PaymentEvent, result: Judgement) -> None:
    event.outcome, event.detail = result.outcome, result.detail[:300]
    event.entry_id = result.entry_id


def _judge(
    session: Session, workspace: Workspace, source: PaymentSource, message: Message
) -> Judgement:
    if not message.what:
        return Judgement("nothing", "Nothing to do for this kind of event.")
    if message.is_live is not None and message.is_live != workspace.is_live:
        ours, theirs = ("live", "a test") if workspace.is_live else ("test", "a live")
        return Judgement("refused", f"This is {theirs} event, and this is the {ours} workspace.")
    currency = session.scalars(
        select(Merchant.currency).where(Merchant.id == workspace.merchant_id)
    ).one()
    if message.what == COMPLETED and message.currency != currency:
        words = f"Paid in {message.currency}; points are earned in {currency}."
        return Judgement("refused", f"{words} If points are due, award them by hand.")
    payment = _lock_payment(session, workspace.id, source.id, message.payment_id)
    if message.what == COMPLETED:
        return _complete(session, source, payment, message, currency)
    return _refund(session, source, payment, message, currency)


def _complete(
    session: Session,
    source: PaymentSource,
    payment: Payment,
    message: Message,
    currency: str,
) -> Judgement:
    if payment.award_id is not None:
        return Judgement("nothing", "This payment had been counted already.", payment.award_id)
    payment.amount_minor = message.amount_minor
    payment.other_amount_minor = message.other_amount_minor
    payment.other_currency = message.other_currency
    member = _find_member(session, payment.workspace_id, source.program_id, message)
    if member is None:
        named = ", ".join([*message.customer_ids, message.account_id]).strip(", ")
        return Judgement(
            "unmatched", f"No member for {named}." if named else "The payment names no customer."
        )
    try:
        award = _award(session, source, member, message, currency)
    except errors.TooSmallToEarn as refusal:
        return Judgement("nothing", refusal.message)
    except errors.RegularsError as refusal:
        return Judgement("refused", refusal.message)
    if award.member_id != member.id:
        return Judgement("refused", "This payment was awarded to another member already.", award.id)
    payment.award_id = award.id
    session.flush()
    words = f"{award.points:,} points for the purchase."
    if _settle_waiting(session, source, payment, currency):
        words += " A refund had come before it and was counted."
    return Judgement("awarded", words, award.id)


def _award(
    session: Session, source: PaymentSource, member: Member, message: Message, currency: str
) -> Entry:
    """Award the payment, or give the award that the API had made of it."""
    type_ = SOURCE_TYPES[source.kind]
    given: dict[str, Any] = {
        "member": member,
        "amount_minor": message.amount_minor or 0,
        "currency": currency,
        "metadata": {"paymentId": message.payment_id},
        "by": _actor(source),
    }
    award = _award_once(session, Source(type_, message.payment_id), given)
    if award.actor_kind == "rule" and award.actor_id != source.id:
        # Two systems may count their payments alike: this is another one under the same number.
        award = _award_once(session, Source(type_, message.payment_id, rule=source.id), given)
    return award


def _award_once(session: Session, source: Source, given: dict[str, Any]) -> Entry:
    """Award a payment, or return the award that was made of it before, of however many points."""
    try:
        return purchases.award(session, source=source, **given).value
    except errors.SourceConflict as conflict:
        workspace_id = given["member"].workspace_id
        return acts.read_entry(session, workspace_id=workspace_id, entry_id=conflict.first_id)


def _refund(
    session: Session,
    source: PaymentSource,
    payment: Payment,
    message: Message,
    currency: str,
) -> Judgement:
    if message.unclear:
        return Judgement("refused", f"{message.unclear} {BY_HAND}", payment.award_id)
    if payment.award_id is None:
        return Judgement(
            "waiting", "Its payment has earned no points yet. This is counted if it does."
        )
    try:
        own, other = split_refund(
            message,
            currency=currency,
            other_currency=payment.other_currency,
            other_amount_minor=payment.other_amount_minor,
        )
    except Unjudged as fault:
        return Judgement("refused", f"{fault} {BY_HAND}", payment.award_id)
    if message.total_refunded_minor is not None:
        payment.refunded_minor = max(payment.refunded_minor, own)
    elif _is_new_refund(session, payment, message, own):
        payment.refunded_minor += own
        payment.other_refunded_minor += other
        payment.is_refunded_whole |= message.is_whole
    session.flush()
    return _take_back(session, source, payment)


def _take_back(session: Session, source: PaymentSource, payment: Payment) -> Judgement:
    """Bring what was taken back of an award up to what its refunds ask for, and no further."""
    given: dict[str, Any] = {"workspace_id": payment.workspace_id}
    award = acts.get_entry(session, entry_id=str(payment.award_id), **given)
    # With the member locked nobody takes back more of it meanwhile.
    posting.lock_member(session, member_id=award.member_id, **given)
    shares = _shares(payment)
    if not shares:
        return Judgement("nothing", "Nothing was refunded.")
    asked = earning.points_to_take_back(award.points, shares)
    missing = asked - acts.reversed_points(session, entry_id=award.id, **given)
    if missing <= 0:
        return Judgement("nothing", "That much had been taken back already.", award.id)
    entry = acts.reverse(
        session,
        entry_id=award.id,
        points=missing,
        reason="Refund",
        metadata={"paymentId": payment.payment_id},
        by=_actor(source),
        **given,
    )
    return Judgement("reversed", f"{missing:,} points taken back.", entry.id)


def _shares(payment: Payment) -> list[tuple[int, int]]:
    """Give what was refunded of what was paid, in each currency in which anything was."""
    if payment.is_refunded_whole:
        return [(1, 1)]
    shares = []
    if payment.refunded_minor:
        shares.append((payment.refunded_minor, payment.amount_minor or 0))
    if payment.other_refunded_minor and payment.other_amount_minor is not None:
        shares.append((payment.other_refunded_minor, payment.other_amount_minor))
    return shares


def _settle_waiting(
    session: Session, source: PaymentSource, payment: Payment, currency: str
) -> bool:
    """Judge the refunds that had come before their payment; return whether one took points back.

    The lock on the payment keeps others from settling the same ones.
    """
    waiting = session.scalars(
        select(PaymentEvent)
        .where(
            PaymentEvent.workspace_id == payment.workspace_id,
            PaymentEvent.source_id == payment.source_id,
            PaymentEvent.payment_id == payment.payment_id,
            PaymentEvent.outcome == "waiting",
        )
        .order_by(PaymentEvent.id)
    ).all()
    for event in waiting:
        _note(event, _refund(session, source, payment, message_of(event.message), currency))
    return any(event.outcome == "reversed" for event in waiting)


def _find_member(
    session: Session, workspace_id: str, program_id: str, message: Message
) -> Member | None:
    """Find whose payment it is: by the customer in the source's program, else by the account."""
    base = (
        select(Member)
        .where(Member.workspace_id == workspace_id)
        .options(joinedload(Member.program))
    )
    for customer_id in message.customer_ids:
        found = session.scalar(
            base.where(Member.program_id == program_id, Member.customer_id == customer_id)
        )
        if found is not None:
            return found
    if not message.account_id:
        return None
    return session.scalar(base.where(Member.id == message.account_id))


def _lock_payment(session: Session, workspace_id: str, source_id: str, payment_id: str) -> Payment:
    key = {"workspace_id": workspace_id, "source_id": source_id, "payment_id": payment_id}
    _insert(
        session,
        Payment,
        {
            **key,
            "refunded_minor": 0,
            "other_currency": "",
            "other_refunded_minor": 0,
            "is_refunded_whole": False,
            "created_at": clock.now(),
        },
    )
    return session.scalars(
        select(Payment)
        .where(
            Payment.workspace_id == workspace_id,
            Payment.source_id == source_id,
            Payment.payment_id == payment_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _is_new_refund(session: Session, payment: Payment, message: Message, own_minor: int) -> bool:
    return _insert(
        session,
        PaymentRefund,
        {
            "workspace_id": payment.workspace_id,
            "source_id": payment.source_id,
            "payment_id": payment.payment_id,
            "refund_id": message.refund_id,
            "amount_minor": None if message.is_whole else own_minor,
            "created_at": clock.now(),
        },
    )


def _get_event(
    session: Session, workspace_id: str, condition: Any, source: PaymentSource
) -> PaymentEvent:
    found = session.scalar(
        select(PaymentEvent)
        .where(
            PaymentEvent.workspace_id == workspace_id,
            PaymentEvent.source_id == source.id,
            condition,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise errors.NotFound("There is no such event here.")
    return found


def _insert(session: Session, model: type[Any], values: Mapping[str, Any]) -> bool:
    """Insert a row unless it is there; whoever inserts it at the same time is waited for."""
    insert = statements.insert_for(session.get_bind().dialect.name)
    statement = insert(model).values(**values).on_conflict_do_nothing()
    return session.execute(statement.returning(model.workspace_id)).first() is not None


def _actor(source: PaymentSource) -> Actor:
    return Actor(kind="rule", id=source.id, role=RULE_ROLE)

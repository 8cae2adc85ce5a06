"""Redemptions: redeem, fulfil, cancel (spec section 3).

Stock, debit, redemption and event are one transaction. Locks are taken in one order everywhere:
the member's row, then the reward's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app import clock, errors, ids
from app.ids import new_code, new_id
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules import inputs, redeeming, searching
from app.rules.actors import Actor, Permission, may_undo
from app.services import audit, idempotency, ledger, outbox, paging, rewards, snapshots, totals
from app.services.idempotency import Once, Outcome
from app.services.paging import PAGE_ROWS, Between, Page, Window, cut

_CODE_TRIES = 8
"""A free code is found at the first try until a workspace has hundreds of millions of them."""


def redeem(
    session: Session,
    *,
    workspace_id: str,
    member_id: str,
    reward_id: str,
    by: Actor,
    expected_points: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    once: Once | None = None,
) -> Outcome[Redemption]:
    """Buy a reward with points.

    Args:
        expected_points: the cost that the person saw; if it changed meanwhile, nothing is bought.

    Raises:
        Refused: any of spec section 5's reasons; nothing was taken.
        NotFound: no such member or reward here.
        PermissionDenied: the role may not, or the actor is the member.
    """
    if not by.may(Permission.REDEEM):
        raise errors.PermissionDenied("Your role may look, but not redeem. Ask a cashier.")
    metadata = inputs.checked_metadata(metadata)
    redemption_id = new_id("rdm")
    asked = idempotency.fingerprint(
        "redeem", {"member": member_id, "reward": reward_id, "metadata": metadata}
    )
    first = idempotency.claim(
        session, workspace_id=workspace_id, once=once, asked=asked, result_id=redemption_id
    )
    if first is not None:
        return Outcome(_get(session, workspace_id, first), "key")
    member = ledger.lock_member(session, workspace_id=workspace_id, member_id=member_id)
    ledger.check_not_oneself(session, member, by=by)
    reward = _hold_reward(session, workspace_id, reward_id)
    _check(session, member, reward, expected_points)
    redemption = Redemption(
        workspace_id=workspace_id,
        id=redemption_id,
        member_id=member.id,
        reward_id=reward.id,
        status="confirmed",
        points_spent=reward.points_cost,
        code=_free_code(session, workspace_id),
        metadata_=metadata,
        created_at=clock.now(),
        created_by=by.id,
    )
    if reward.stock_supplied is not None:
        reward.stock_taken += 1
    session.add(redemption)
    totals.count_taken(session, workspace_id=workspace_id, reward_id=reward_id, change=1)
    # The entry points at the redemption, so that row goes first.
    session.flush()
    line = ledger.Line(
        kind="redemption",
        points=-reward.points_cost,
        reason=reward.name,
        redemption_id=redemption.id,
    )
    entry = ledger.append(session, member, line, by=by)
    _tell(session, "loyalty.reward.redeemed", "redemptions.redeem", redemption, member, entry, by)
    return Outcome(_get(session, workspace_id, redemption.id))


def fulfil(
    session: Session, *, workspace_id: str, redemption_id: str, by: Actor
) -> Outcome[Redemption]:
    """Mark a redemption as handed over. Doing it twice changes nothing.

    Returns:
        The redemption; `replayed` when somebody had handed it over before.

    Raises:
        RewardNotAvailable: it was cancelled.
    """
    if not by.may(Permission.FULFIL):
        raise errors.PermissionDenied("Your role may look, but not hand over rewards.")
    member, redemption = _lock(session, workspace_id, redemption_id)
    if redemption.status == "cancelled":
        raise errors.RewardNotAvailable(
            "This redemption was cancelled, so it can't be handed over."
        )
    if redemption.status == "fulfilled":
        return Outcome(redemption, "key")
    redemption.status = "fulfilled"
    redemption.fulfilled_at = clock.now()
    _tell(
        session,
        "loyalty.redemption.fulfilled",
        "redemptions.fulfil",
        redemption,
        member,
        None,
        by,
    )
    return Outcome(redemption)


def cancel(
    session: Session,
    *,
    workspace_id: str,
    redemption_id: str,
    by: Actor,
    reason: str = "Redemption cancelled",
) -> Outcome[Redemption]:
    """Give the points and the piece back. Cancelling twice moves nothing.

    Raises:
        AlreadyFulfilled: it was handed over, and the actor is no manager.
        PermissionDenied: not the actor's own act, or too long ago for the role.
    """
    reason = inputs.checked_text(
        reason, param="reason", most=inputs.REASON_CHARACTERS_MAX, required=True
    )
    member, redemption = _lock(session, workspace_id, redemption_id)
    if redemption.status == "cancelled":
        return Outcome(redemption, "cancelled")
    _check_may_cancel(by, redemption)
    reward = rewards.lock_reward(session, workspace_id=workspace_id, reward_id=redemption.reward_id)
    if reward.stock_supplied is not None:
        reward.stock_taken -= 1
    totals.count_taken(session, workspace_id=workspace_id, reward_id=reward.id, change=-1)
    redemption.status = "cancelled"
    redemption.cancelled_at = clock.now()
    line = ledger.Line(
        kind="cancellation",
        points=redemption.points_spent,
        reason=reason,
        redemption_id=redemption.id,
    )
    entry = ledger.append(session, member, line, by=by)
    _tell(
        session,
        "loyalty.redemption.cancelled",
        "redemptions.cancel",
        redemption,
        member,
        entry,
        by,
    )
    return Outcome(redemption)


def get_redemption(session: Session, *, workspace_id: str, redemption_id: str) -> Redemption:
    """Give a redemption with its reward, member and customer.

    Raises:
        NotFound: no such redemption in this workspace.
    """
    return _get(session, workspace_id, redemption_id)


def get_entry(session: Session, *, redemption: Redemption) -> LedgerEntry:
    """Give the ledger entry that paid for a redemption."""
    return session.scalars(
        select(LedgerEntry).where(
            LedgerEntry.workspace_id == redemption.workspace_id,
            LedgerEntry.redemption_id == redemption.id,
            LedgerEntry.kind == "redemption",
        )
    ).one()


def find_by_code(session: Session, *, workspace_id: str, text: str) -> Redemption | None:
    """Give the redemption whose code a text is, with or without its dash, or None."""
    code = searching.parse(text).code
    if not code:
        return None
    return session.scalar(
        select(Redemption).where(Redemption.workspace_id == workspace_id, Redemption.code == code)
    )


def list_redemptions(
    session: Session,
    *,
    workspace_id: str,
    status: str = "",
    text: str = "",
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page[Redemption]:
    """List redemptions, newest first.

    Args:
        text: a code, with or without its dash, or an id.
        after: the id of the last row of the page before.
    """
    statement = (
        select(Redemption)
        .where(Redemption.workspace_id == workspace_id)
        .options(
            joinedload(Redemption.reward),
            joinedload(Redemption.member).joinedload(Member.customer),
        )
        .order_by(Redemption.id.desc())
        .limit(limit + 1)
    )
    if status:
        statement = statement.where(Redemption.status == status)
    if sought := searching.parse(text).text:
        # One of the two: of an OR SQLite makes a walk along all redemptions.
        is_id = ids.is_id(sought, "rdm")
        statement = statement.where(
            Redemption.id == sought
            if is_id
            else Redemption.code == searching.redemption_code(sought)
        )
    if after:
        statement = statement.where(Redemption.id < after)
    rows = session.scalars(statement).all()
    return cut(rows, limit=limit, cursors=[row.id for row in rows])


def list_window(
    session: Session,
    *,
    workspace_id: str,
    between: Between,
    member_id: str | None = None,
    reward_id: str | None = None,
    status: str | None = None,
) -> Window[Redemption]:
    """List redemptions as the API does, the newest first."""
    statement = select(Redemption).where(Redemption.workspace_id == workspace_id)
    column: Any = Redemption.id
    if reward_id is not None:
        of_reward = (Redemption.workspace_id == workspace_id, Redemption.reward_id == reward_id)
        statement = statement.where(*of_reward)
        column = paging.place_among(session, Redemption.id, *of_reward)
    if member_id is not None:
        statement = statement.where(Redemption.member_id == member_id)
        column = paging.aside(Redemption.id)
    if status is not None:
        is_alone = column is Redemption.id
        known_status = Redemption.status if is_alone else paging.aside(Redemption.status)
        statement = statement.where(known_status == status)
    return paging.window_by_id(session, statement, column, between, prefix="rdm")


def _get(session: Session, workspace_id: str, redemption_id: str) -> Redemption:
    redemption = session.scalar(
        select(Redemption)
        .where(Redemption.workspace_id == workspace_id, Redemption.id == redemption_id)
        .options(
            joinedload(Redemption.reward),
            joinedload(Redemption.member).joinedload(Member.customer),
        )
    )
    if redemption is None:
        raise errors.NotFound("There is no such redemption here.")
    return redemption


def _lock(session: Session, workspace_id: str, redemption_id: str) -> tuple[Member, Redemption]:
    """Lock the redemption's member, under whose lock the redemption changes, and read both."""
    member_id = _get(session, workspace_id, redemption_id).member_id
    member = ledger.lock_member(
        session, workspace_id=workspace_id, member_id=member_id, open_only=False
    )
    redemption = _get(session, workspace_id, redemption_id)
    session.refresh(redemption, attribute_names=["status", "fulfilled_at", "cancelled_at"])
    return member, redemption


def _hold_reward(session: Session, workspace_id: str, reward_id: str) -> Reward:
    """Hold a reward's terms until the commit: alone if its stock is counted, shared otherwise.

    Shared, many members redeem one unlimited reward side by side while nobody can change it.
    """
    seen = rewards.get_reward(session, workspace_id=workspace_id, reward_id=reward_id)
    if seen.stock_supplied is None:
        held = session.scalars(
            select(Reward)
            .where(Reward.workspace_id == workspace_id, Reward.id == reward_id)
            .with_for_update(read=True)
            .execution_options(populate_existing=True)
        ).one()
        if held.stock_supplied is None:
            return held
        # It became limited between the two reads. Taking the stronger lock on top of the shared
        # one could deadlock, so the person tries again.
        raise errors.RewardNotAvailable(f"“{held.name}” was just changed. Try again.")
    return rewards.lock_reward(session, workspace_id=workspace_id, reward_id=reward_id)


def _check(session: Session, member: Member, reward: Reward, expected_points: int | None) -> None:
    taken_count = 0
    if reward.per_member_limit is not None:
        taken_count = _taken_count(session, member, reward)
    refusal = redeeming.refusal(
        rewards.standing_of(member, taken_count),
        rewards.terms_of(reward),
        tiers=member.program.tiers,
        now=clock.now(),
    )
    if refusal is not None:
        raise refusal
    if expected_points is not None and expected_points != reward.points_cost:
        raise errors.RewardNotAvailable(
            f"“{reward.name}” now costs {reward.points_cost:,} points, not {expected_points:,}. "
            "Nothing was taken. Ask again if the member still wants it."
        )


def _taken_count(session: Session, member: Member, reward: Reward) -> int:
    return (
        session.scalar(
            select(func.count()).where(
                Redemption.workspace_id == member.workspace_id,
                Redemption.member_id == member.id,
                Redemption.reward_id == reward.id,
                Redemption.status != "cancelled",
            )
        )
        or 0
    )


def _free_code(session: Session, workspace_id: str) -> str:
    for _ in range(_CODE_TRIES):
        code = new_code()
        taken = session.scalar(
            select(Redemption.id).where(
                Redemption.workspace_id == workspace_id, Redemption.code == code
            )
        )
        if taken is None:
            return code
    raise errors.RewardNotAvailable("No free redemption code was found. Try again.")


def _check_may_cancel(by: Actor, redemption: Redemption) -> None:
    if redemption.status == "fulfilled" and not by.may(Permission.CANCEL_FULFILLED):
        raise errors.AlreadyFulfilled(
            "This was already handed over, so a manager has to cancel it."
        )
    now = clock.now()
    if not may_undo(by, done_by=redemption.created_by, done_at=redemption.created_at, now=now):
        raise errors.PermissionDenied(
            "A manager has to do this. You can undo your own acts for 10 minutes."
        )


def _tell(  # noqa: PLR0917 - one act, told once
    session: Session,
    event_type: str,
    act: str,
    redemption: Redemption,
    member: Member,
    entry: LedgerEntry | None,
    by: Actor,
) -> None:
    outbox.emit(
        session,
        event_type,
        workspace_id=redemption.workspace_id,
        member=member,
        entry_id=entry.id if entry else None,
        data=snapshots.redemption(redemption),
    )
    audit.record(
        session,
        workspace_id=redemption.workspace_id,
        act=act,
        by=by,
        subject_id=redemption.id,
        member_id=redemption.member_id,
        before={"balance": entry.balance_after - entry.points} if entry else None,
        after={"balance": member.balance, "status": redemption.status},
    )

"""Redemptions: redeem, fulfil, cancel. `posting` is the way they take through the ledger.

Stock, debit, redemption and event are one transaction. Locks are taken in one order everywhere:
the member's row, then the reward's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload

from app import clock, errors, ids
from app.db import statements
from app.db.base import table_of
from app.db.statements import Batch, Reply, Statement
from app.ids import new_code, new_id
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules import inputs, ledger, redeeming, searching
from app.rules.actors import Actor, Permission
from app.rules.ledger import Entry, LockedMember, Posting
from app.rules.redeeming import RedemptionRow
from app.services import outbox, paging, rewards, snapshots, totals
from app.services.audit import trail
from app.services.ledger import posting
from app.services.ledger.posting import MemberLock
from app.services.paging import PAGE_ROWS, Page, PageRequest, RequestedPage, make_page
from app.services.results import Replayed, Result

_CODE_TRIES = 8
"""A free code is found at the first try until a workspace has hundreds of millions of them."""

_WORKSPACE_ID = bindparam("workspace_id", type_=String)
_OF_ID = bindparam("of_id", type_=String)

_IS_REDEMPTION = (Redemption.workspace_id == _WORKSPACE_ID, Redemption.id == _OF_ID)

_READ = Statement(
    lambda _: select(*posting.columns_of(RedemptionRow, Redemption)).where(*_IS_REDEMPTION)
)


def _holding(reward_id: Any) -> tuple[Statement, Statement]:
    """Return the statements that hold a reward's terms: shared if its stock is not counted.

    Shared, many members redeem one unlimited reward side by side while nobody can change it.
    Whoever limits a stock locks the program first, so no reward changes between the two.
    """
    chosen = select(*(getattr(Reward, name) for name in rewards.TERMS)).where(
        Reward.workspace_id == _WORKSPACE_ID, Reward.id == reward_id
    )
    unlimited = chosen.where(Reward.stock_supplied.is_(None)).with_for_update(read=True)
    limited = chosen.where(Reward.stock_supplied.is_not(None)).with_for_update()
    return Statement(lambda _: unlimited), Statement(lambda _: limited)


_HOLD_REWARD = _holding(bindparam("reward_id", type_=String))
_HOLD_REDEEMED = _holding(select(Redemption.reward_id).where(*_IS_REDEMPTION).scalar_subquery())

_COUNT_TAKEN = Statement(
    lambda _: select(func.count().label("taken_count")).where(
        Redemption.workspace_id == _WORKSPACE_ID,
        Redemption.member_id == bindparam("member_id", type_=String),
        Redemption.reward_id == bindparam("reward_id", type_=String),
        Redemption.status != "cancelled",
    )
)

_CODE_IS_TAKEN = Statement(
    lambda _: select(Redemption.id).where(
        Redemption.workspace_id == _WORKSPACE_ID, Redemption.code == bindparam("code", type_=String)
    )
)

_INSERT = Statement.inserting(table_of(Redemption))

_SET_STATUS = Statement(
    lambda _: update(table_of(Redemption)).where(*_IS_REDEMPTION),
    columns=("status", "fulfilled_at", "cancelled_at"),
)

_TAKE_STOCK = Statement(
    lambda _: (
        update(table_of(Reward))
        .where(Reward.workspace_id == _WORKSPACE_ID, Reward.id == _OF_ID)
        .values(stock_taken=Reward.stock_taken + bindparam("change"))
    ),
    columns=(),
)


class _RewardHold:
    """Holds a reward's terms with the statements of an act, until the transaction ends."""

    def __init__(self, batch: Batch, statements_: tuple[Statement, Statement], **ids_: str) -> None:
        self._replies = [batch.add(each(**ids_)) for each in statements_]

    def find(self) -> statements.Row | None:
        """Return the reward's row, or None if it is gone or was just changed."""
        return next((reply.first for reply in self._replies if reply.rows), None)


def redeem(
    session: Session,
    *,
    workspace_id: str,
    member_id: str,
    reward_id: str,
    by: Actor,
    expected_points: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> RedemptionRow:
    """Buy a reward with points.

    Args:
        expected_points: the cost that the person saw; if it changed meanwhile, nothing is bought.

    Raises:
        Refused: the member can't have it now; nothing was taken.
        NotFound: no such member or reward here.
        PermissionDenied: the role may not, or the actor is the member.
    """
    if not by.may(Permission.REDEEM):
        raise errors.PermissionDenied("Your role may look, but not redeem. Ask a cashier.")
    metadata = inputs.checked_metadata(metadata)
    code = new_code()
    batch = Batch(session)
    lock = MemberLock.of_member(batch, workspace_id=workspace_id, member_id=member_id, by=by)
    hold = _RewardHold(batch, _HOLD_REWARD, workspace_id=workspace_id, reward_id=reward_id)
    taken = batch.add(
        _COUNT_TAKEN(workspace_id=workspace_id, member_id=member_id, reward_id=reward_id)
    )
    has_code = batch.add(_CODE_IS_TAKEN(workspace_id=workspace_id, code=code))
    batch.send()
    member = lock.member(open_only=True)
    ledger.check_not_own(member)
    terms = _terms(session, workspace_id, reward_id, hold)
    standing = rewards.standing_of(member, taken.rows[0].taken_count)
    refusal = redeeming.refusal(standing, terms, tiers=member.tiers, now=clock.now())
    if refusal is not None:
        raise refusal
    redeeming.check_cost(terms, expected_points)
    redemption = RedemptionRow(
        workspace_id=workspace_id,
        id=new_id("rdm"),
        member_id=member.id,
        reward_id=reward_id,
        status="confirmed",
        points_spent=terms.points_cost,
        code=_free_code(session, workspace_id) if has_code.rows else code,
        metadata_=metadata,
        created_at=clock.now(),
        fulfilled_at=None,
        cancelled_at=None,
        created_by=by.id,
    )
    # The entry points at the redemption, so that row goes first.
    values = {each.name: getattr(redemption, each.name) for each in fields(redemption)}
    statements.defer(session, _INSERT(metadata=values.pop("metadata_"), **values))
    _take(session, redemption, 1, is_limited=terms.stock is not None)
    entry, after = _post(session, member, redemption, "redemption", reason=terms.name, by=by)
    _tell(session, "loyalty.reward.redeemed", "redemptions.redeem", redemption, after, entry, by)
    return redemption


def fulfil(
    session: Session, *, workspace_id: str, redemption_id: str, by: Actor
) -> Result[RedemptionRow]:
    """Mark a redemption as handed over.

    Returns:
        The redemption, as `Replayed.EXISTING` if it had been handed over before.

    Raises:
        RewardNotAvailable: it was cancelled.
    """
    if not by.may(Permission.FULFIL):
        raise errors.PermissionDenied("Your role may look, but not hand over rewards.")
    batch = Batch(session)
    lock, found = _lock(batch, workspace_id, redemption_id)
    batch.send()
    redemption = _row(found)
    if redemption.status == "cancelled":
        raise errors.RewardNotAvailable(
            "This redemption was cancelled, so it can't be handed over."
        )
    if redemption.status == "fulfilled":
        return Result(redemption, Replayed.EXISTING)
    redemption = replace(redemption, status="fulfilled", fulfilled_at=clock.now())
    _write_status(session, redemption)
    _tell(
        session,
        "loyalty.redemption.fulfilled",
        "redemptions.fulfil",
        redemption,
        lock.member(),
        None,
        by,
    )
    return Result(redemption)


def cancel(
    session: Session,
    *,
    workspace_id: str,
    redemption_id: str,
    by: Actor,
    reason: str = "Redemption cancelled",
) -> Result[RedemptionRow]:
    """Cancel a redemption: return the points and the stock.

    Returns:
        The redemption, as `Replayed.EXISTING` if it had been cancelled before.

    Raises:
        AlreadyFulfilled: it was handed over, and the actor is no manager.
        PermissionDenied: not the actor's own act, or too long ago for the role.
    """
    reason = inputs.checked_text(
        reason, param="reason", most=inputs.REASON_CHARACTERS_MAX, required=True
    )
    batch = Batch(session)
    lock, found = _lock(batch, workspace_id, redemption_id)
    hold = _RewardHold(batch, _HOLD_REDEEMED, workspace_id=workspace_id, of_id=redemption_id)
    batch.send()
    redemption = _row(found)
    if redemption.status == "cancelled":
        return Result(redemption, Replayed.EXISTING)
    redeeming.check_may_cancel(redemption, by=by, now=clock.now())
    terms = _terms(session, workspace_id, redemption.reward_id, hold)
    redemption = replace(redemption, status="cancelled", cancelled_at=clock.now())
    _write_status(session, redemption)
    _take(session, redemption, -1, is_limited=terms.stock is not None)
    entry, after = _post(session, lock.member(), redemption, "cancellation", reason=reason, by=by)
    _tell(
        session,
        "loyalty.redemption.cancelled",
        "redemptions.cancel",
        redemption,
        after,
        entry,
        by,
    )
    return Result(redemption)


def get_redemption(session: Session, *, workspace_id: str, redemption_id: str) -> Redemption:
    """Give a redemption with its reward, member and customer.

    Raises:
        NotFound: no such redemption in this workspace.
    """
    return _get(session, workspace_id, redemption_id)


def read_redemption(session: Session, *, workspace_id: str, redemption_id: str) -> RedemptionRow:
    """Return a redemption as an act returns it.

    Raises:
        NotFound: no such redemption in this workspace.
    """
    batch = Batch(session)
    found = batch.add(_READ(workspace_id=workspace_id, of_id=redemption_id))
    batch.send()
    return _row(found)


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
    return make_page(rows, limit=limit, cursors=[row.id for row in rows])


def list_page(
    session: Session,
    *,
    workspace_id: str,
    page: PageRequest,
    member_id: str | None = None,
    reward_id: str | None = None,
    status: str | None = None,
) -> RequestedPage[Redemption]:
    """List redemptions as the API does, the newest first."""
    statement = select(Redemption).where(Redemption.workspace_id == workspace_id)
    column: Any = Redemption.id
    if reward_id is not None:
        of_reward = (Redemption.workspace_id == workspace_id, Redemption.reward_id == reward_id)
        statement = statement.where(*of_reward)
        column = paging.order_column(session, Redemption.id, *of_reward)
    if member_id is not None:
        statement = statement.where(Redemption.member_id == member_id)
        column = paging.without_index(Redemption.id)
    if status is not None:
        is_alone = column is Redemption.id
        known_status = Redemption.status if is_alone else paging.without_index(Redemption.status)
        statement = statement.where(known_status == status)
    return paging.read_page_by_id(session, statement, column, page, prefix="rdm")


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


def _lock(batch: Batch, workspace_id: str, redemption_id: str) -> tuple[MemberLock, Reply]:
    """Lock the redemption's member, under whose lock the redemption changes, and read it."""
    lock = MemberLock.of_redemption(batch, workspace_id=workspace_id, redemption_id=redemption_id)
    return lock, batch.add(_READ(workspace_id=workspace_id, of_id=redemption_id))


def _row(found: Reply) -> RedemptionRow:
    if not found.rows:
        raise errors.NotFound("There is no such redemption here.")
    return RedemptionRow(*found.rows[0])


def _terms(
    session: Session, workspace_id: str, reward_id: str, hold: _RewardHold
) -> redeeming.Terms:
    row = hold.find()
    if row is None:
        reward = rewards.get_reward(session, workspace_id=workspace_id, reward_id=reward_id)
        # Its stock became unlimited between the two statements.
        raise errors.RewardNotAvailable(f"“{reward.name}” was just changed. Try again.")
    return rewards.terms_of(row)


def _write_status(session: Session, redemption: RedemptionRow) -> None:
    statements.defer(
        session,
        _SET_STATUS(
            workspace_id=redemption.workspace_id,
            of_id=redemption.id,
            status=redemption.status,
            fulfilled_at=redemption.fulfilled_at,
            cancelled_at=redemption.cancelled_at,
        ),
    )


def _take(session: Session, redemption: RedemptionRow, change: int, *, is_limited: bool) -> None:
    """Take a piece of the reward, or put it back."""
    given = {"workspace_id": redemption.workspace_id}
    if is_limited:
        statements.defer(session, _TAKE_STOCK(of_id=redemption.reward_id, change=change, **given))
    totals.count_taken(session, reward_id=redemption.reward_id, change=change, **given)


def _post(
    session: Session,
    member: LockedMember,
    redemption: RedemptionRow,
    kind: str,
    *,
    reason: str,
    by: Actor,
) -> tuple[Entry, LockedMember]:
    sign = -1 if kind == "redemption" else 1
    return posting.post(
        session,
        member,
        Posting(
            id=new_id("ptx"),
            kind=kind,
            points=sign * redemption.points_spent,
            reason=reason,
            redemption_id=redemption.id,
        ),
        by=by,
    )


def _free_code(session: Session, workspace_id: str) -> str:
    for _ in range(_CODE_TRIES):
        code = new_code()
        call = _CODE_IS_TAKEN(workspace_id=workspace_id, code=code)
        if not statements.execute(session, call)[0]:
            return code
    raise errors.RewardNotAvailable("No free redemption code was found. Try again.")


def _tell(  # noqa: PLR0917 - one act, told once
    session: Session,
    event_type: str,
    act: str,
    redemption: RedemptionRow,
    member: LockedMember,
    entry: Entry | None,
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
    trail.record(
        session,
        workspace_id=redemption.workspace_id,
        act=act,
        by=by,
        subject_id=redemption.id,
        member_id=redemption.member_id,
        before={"balance": entry.balance_after - entry.points} if entry else None,
        after={"balance": member.balance, "status": redemption.status},
    )

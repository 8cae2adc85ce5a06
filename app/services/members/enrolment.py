"""Members: enrol, edit, close, reopen. Searching is in `members.search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app import clock, errors
from app.db import statements
from app.ids import new_id
from app.models.members import Customer, Member
from app.models.programs import Program
from app.rules import hashing, inputs, searching
from app.rules.actors import Actor, Permission
from app.rules.tiers import tier_key
from app.services import outbox, paging, snapshots, totals
from app.services.audit import trail
from app.services.ledger import posting
from app.services.members import customers
from app.services.members.customers import Person
from app.services.members.search import ranges as search_ranges
from app.services.members.search.ranges import Range
from app.services.paging import PageRequest, RequestedPage
from app.services.results import Replayed, Result

NEAR_DUPLICATES_MAX = 5

ALIKE_MAX = 100
"""So many customers of one email, phone or card are looked at; a made-up number may have more."""


def enrol(
    session: Session,
    *,
    workspace_id: str,
    program_id: str,
    by: Actor,
    customer_id: str | None = None,
    person: Person | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Result[Member]:
    """Make a customer a member of a program (spec section 3).

    Args:
        customer_id: an existing customer's id, or the caller's own for a new one; or None.
        person: the new customer's record; an existing customer's record is left alone.

    Returns:
        The new member; the existing one, as `Replayed.EXISTING`, if the customer is a member.

    Raises:
        NotFound: no such program here.
        InvalidParameter: a part of the record is out of bounds.
    """
    _check_may(by, Permission.ENROL, "Your role may look, but not enrol members. Ask a cashier.")
    if customer_id:
        customer_id = inputs.checked_caller_id(customer_id, param="customerId")
    person = customers.checked_person(person or Person())
    metadata = inputs.checked_metadata(metadata)
    member_id = new_id("loy")
    program = _get_program(session, workspace_id, program_id)
    customer_id = customers.find_or_make(
        session, workspace_id=workspace_id, customer_id=customer_id, person=person
    )
    inserted = _insert_member(session, program, member_id, customer_id, metadata)
    if not inserted:
        existing = _member_of(session, program, customer_id)
        return Result(existing, Replayed.EXISTING)
    member = get_member(session, workspace_id=workspace_id, member_id=member_id)
    totals.count_member(session, workspace_id=workspace_id, seen_at=member.last_seen_at)
    _count_in_tier(session, member, 1)
    outbox.emit(
        session,
        "loyalty.account.created",
        workspace_id=workspace_id,
        member=member,
        data=snapshots.account(member),
    )
    trail.record(
        session,
        workspace_id=workspace_id,
        act="members.enrol",
        by=by,
        subject_id=member.id,
        member_id=member.id,
    )
    return Result(member)


def get_member(session: Session, *, workspace_id: str, member_id: str) -> Member:
    """Give a member with its customer and program.

    Raises:
        NotFound: no such member in this workspace.
    """
    member = session.scalar(
        select(Member)
        .where(Member.workspace_id == workspace_id, Member.id == member_id)
        .options(joinedload(Member.customer), joinedload(Member.program))
    )
    if member is None:
        raise errors.NotFound("There is no such member here.")
    return member


def list_members(
    session: Session,
    *,
    workspace_id: str,
    page: PageRequest,
    program_id: str | None = None,
    customer_id: str | None = None,
) -> RequestedPage[Member]:
    """List members, the newest first. Staff search with `members.search`."""
    statement = (
        select(Member)
        .where(Member.workspace_id == workspace_id)
        .options(joinedload(Member.customer), joinedload(Member.program))
    )
    column: Any = Member.id
    if program_id is not None:
        in_program = (Member.workspace_id == workspace_id, Member.program_id == program_id)
        statement = statement.where(*in_program)
        column = paging.order_column(session, Member.id, *in_program)
    if customer_id is not None:
        statement = statement.where(Member.customer_id == customer_id)
        column = paging.without_index(Member.id)
    return paging.read_page_by_id(session, statement, column, page, prefix="loy")


def edit(
    session: Session,
    *,
    workspace_id: str,
    member_id: str,
    changes: Mapping[str, Any],
    by: Actor,
) -> Member:
    """Change parts of a person's record; what is not named stays.

    Args:
        changes: any of `Person`'s attributes.

    Raises:
        NotFound, PermissionDenied, InvalidParameter: as they say.
    """
    _check_may(by, Permission.EDIT_MEMBERS, "A manager has to change a member's details.")
    member = get_member(session, workspace_id=workspace_id, member_id=member_id)
    customer = customers.lock(session, workspace_id=workspace_id, customer_id=member.customer_id)
    changed = customers.rewrite(session, customer, changes)
    if changed:
        trail.record(
            session,
            workspace_id=workspace_id,
            act="members.edit",
            by=by,
            subject_id=customer.id,
            member_id=member.id,
            # The names of the fields only: the audit log outlives a person's record.
            after={"changed": changed},
        )
    return member


def close(session: Session, *, workspace_id: str, member_id: str, by: Actor) -> Member:
    """Close a member: nothing can be awarded or redeemed until it is reopened."""
    return _set_status(session, workspace_id, member_id, "closed", by)


def reopen(session: Session, *, workspace_id: str, member_id: str, by: Actor) -> Member:
    """Reopen a closed member."""
    return _set_status(session, workspace_id, member_id, "active", by)


def list_near_duplicates(
    session: Session, *, workspace_id: str, person: Person
) -> Sequence[Member]:
    """List members whose email, phone or card is the same, at most `NEAR_DUPLICATES_MAX`."""
    whole = {
        Customer.email_key: searching.email_key(person.email),
        Customer.card_key: searching.card_key(person.card_number),
    }
    ranges = [Range(column, key, is_whole=True) for column, key in whole.items() if key]
    if digits := searching.national_part(person.phone):
        ranges.append(search_ranges.phone_end(digits))
    if not ranges:
        return []
    keys = [each.keys(workspace_id).limit(ALIKE_MAX) for each in ranges]
    alike = {each for ids in search_ranges.read_in_turn(session, keys) for each in ids}
    # Sorted here: for an order by ids, SQLite might read all members in it.
    found = session.scalars(
        select(Member)
        .where(Member.workspace_id == workspace_id, Member.customer_id.in_(alike))
        .options(joinedload(Member.customer), joinedload(Member.program))
    )
    return sorted(found, key=attrgetter("id"), reverse=True)[:NEAR_DUPLICATES_MAX]


def _check_may(by: Actor, permission: Permission, refusal: str) -> None:
    if not by.may(permission):
        raise errors.PermissionDenied(refusal)


def _get_program(session: Session, workspace_id: str, program_id: str) -> Program:
    # Held against changes until the commit, so that the first tier is one that stays.
    program = session.scalar(
        select(Program)
        .where(Program.workspace_id == workspace_id, Program.id == program_id)
        .with_for_update(read=True)
    )
    if program is None:
        raise errors.NotFound("There is no such program here.", param="programId")
    return program


def _insert_member(
    session: Session,
    program: Program,
    member_id: str,
    customer_id: str,
    metadata: Mapping[str, Any],
) -> bool:
    """Insert the member unless the customer is one already; say whether it was inserted.

    The unique constraint decides between two who enrol one customer at once.
    """
    now = clock.now()
    insert = statements.insert_for(session.get_bind().dialect.name)
    statement = (
        insert(Member)
        .values(
            workspace_id=program.workspace_id,
            id=member_id,
            program_id=program.id,
            customer_id=customer_id,
            status="active",
            balance=0,
            lifetime_points=0,
            qualifying_points=0,
            tier=tier_key(0, program.tiers),
            entry_count=0,
            head_hash=hashing.GENESIS,
            last_seen_at=now,
            last_visit_at=None,
            metadata_=dict(metadata),
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Member.id)
    )
    return session.execute(statement).scalar() is not None


def _member_of(session: Session, program: Program, customer_id: str) -> Member:
    statement = (
        select(Member)
        .where(
            Member.workspace_id == program.workspace_id,
            Member.program_id == program.id,
            Member.customer_id == customer_id,
        )
        .options(joinedload(Member.customer), joinedload(Member.program))
    )
    return session.scalars(statement).one()


def _set_status(
    session: Session, workspace_id: str, member_id: str, status: str, by: Actor
) -> Member:
    _check_may(by, Permission.EDIT_MEMBERS, "A manager has to close or reopen a member.")
    posting.lock_member(session, workspace_id=workspace_id, member_id=member_id)
    member = get_member(session, workspace_id=workspace_id, member_id=member_id)
    if member.status == status:
        return member
    before = member.status
    member.status = status
    _count_in_tier(session, member, -1 if member.is_closed else 1)
    _tell_updated(session, member)
    trail.record(
        session,
        workspace_id=workspace_id,
        act="members.close" if status == "closed" else "members.reopen",
        by=by,
        subject_id=member.id,
        member_id=member.id,
        before={"status": before},
        after={"status": status},
    )
    return member


def _count_in_tier(session: Session, member: Member, change: int) -> None:
    totals.count_in_tier(
        session,
        workspace_id=member.workspace_id,
        program_id=member.program_id,
        tier=member.tier,
        change=change,
    )


def _tell_updated(session: Session, member: Member) -> None:
    outbox.emit(
        session,
        "loyalty.account.updated",
        workspace_id=member.workspace_id,
        member=member,
        data=snapshots.account(member),
    )

"""Customers: a person's record, whatever programs they are in (spec sections 1 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app import clock, errors
from app.db import statements
from app.ids import new_id
from app.models.members import Customer, Member
from app.rules import inputs, searching
from app.rules.actors import Actor, Permission
from app.services import outbox, paging, snapshots
from app.services.audit import trail
from app.services.members.search import words
from app.services.paging import PageRequest, RequestedPage

CARD_CHARACTERS_MAX = 64


@dataclass(frozen=True, kw_only=True)
class Person:
    """What a customer's record says of a person."""

    name: str = ""
    email: str = ""
    phone: str = ""
    card_number: str = ""

    @classmethod
    def of(cls, customer: Customer) -> Person:
        """Give what a record says now."""
        return cls(**{name: getattr(customer, name) for name in cls.__dataclass_fields__})


def create(
    session: Session,
    *,
    workspace_id: str,
    person: Person,
    by: Actor,
    customer_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Customer:
    """Write down a person.

    Raises:
        IdTaken: there is a customer with this id.
        InvalidParameter: a part of the record is out of bounds.
        PermissionDenied: the role may not.
    """
    if not by.may(Permission.ENROL):
        raise errors.PermissionDenied("Your role may look, but not add customers.")
    if customer_id is not None:
        customer_id = inputs.checked_caller_id(customer_id, param="id")
    person, metadata = checked_person(person), inputs.checked_metadata(metadata)
    given_id = customer_id or new_id("cust")
    if not _insert(session, workspace_id, given_id, person, metadata):
        raise errors.IdTaken(
            "There is a customer with this id already. Use that one, or choose another id.",
            param="id",
        )
    trail.record(
        session, workspace_id=workspace_id, act="customers.create", by=by, subject_id=given_id
    )
    return get_customer(session, workspace_id=workspace_id, customer_id=given_id)


def edit(
    session: Session,
    *,
    workspace_id: str,
    customer_id: str,
    changes: Mapping[str, Any],
    by: Actor,
) -> Customer:
    """Change parts of a person's record; what is not named stays.

    Args:
        changes: any of `Person`'s attributes and `metadata`.

    Raises:
        NotFound, PermissionDenied, InvalidParameter: as they say.
    """
    if not by.may(Permission.EDIT_MEMBERS):
        raise errors.PermissionDenied("A manager has to change a customer's details.")
    customer = lock(session, workspace_id=workspace_id, customer_id=customer_id)
    changed = rewrite(session, customer, changes)
    if changed:
        trail.record(
            session,
            workspace_id=workspace_id,
            act="customers.edit",
            by=by,
            subject_id=customer.id,
            # The names of the fields only: the audit log outlives a person's record.
            after={"changed": changed},
        )
    return customer


def get_customer(session: Session, *, workspace_id: str, customer_id: str) -> Customer:
    """Give one customer.

    Raises:
        NotFound: no such customer in this workspace.
    """
    return _one(
        session.scalar(
            select(Customer).where(
                Customer.workspace_id == workspace_id, Customer.id == customer_id
            )
        )
    )


def list_customers(
    session: Session, *, workspace_id: str, page: PageRequest, email: str | None = None
) -> RequestedPage[Customer]:
    """List customers, the newest first.

    Raises:
        NotFound: a cursor names no customer here, as it must: a caller's ids have no order of time.
    """
    statement = select(Customer).where(Customer.workspace_id == workspace_id)
    columns: list[Any] = [Customer.created_at, Customer.id]
    if email is not None:
        statement = statement.where(Customer.email_key == searching.email_key(email))
        columns = [paging.without_index(each) for each in columns]
    edge = None
    if page.cursor is not None:
        edge = session.execute(
            select(Customer.created_at, Customer.id).where(
                Customer.workspace_id == workspace_id, Customer.id == page.cursor
            )
        ).first()
        if edge is None:
            raise errors.NotFound("There is no such customer here.", param=page.param)
    return paging.read_page(
        session, statement, columns, edge=tuple(edge) if edge else None, page=page
    )


def checked_person(person: Person) -> Person:
    """Give the record with outer spaces cut off.

    Raises:
        InvalidParameter: a part is too long, or the email or phone is none.
    """
    return Person(
        name=inputs.checked_text(person.name, param="name", most=200),
        email=inputs.checked_email(person.email) if person.email.strip() else "",
        phone=_checked_phone(person.phone),
        card_number=_checked_card(person.card_number),
    )


def _checked_card(card_number: str) -> str:
    card_number = inputs.checked_text(card_number, param="card_number", most=CARD_CHARACTERS_MAX)
    # Folding writes some signs with several letters.
    if len(searching.card_key(card_number)) > CARD_CHARACTERS_MAX:
        raise errors.InvalidParameter("card_number", "This is not a card number. Retype it.")
    return card_number


def _checked_phone(phone: str) -> str:
    phone = inputs.checked_text(phone, param="phone", most=40)
    digits = searching.phone_digits(phone)
    if phone and not 4 <= len(digits) <= 15:  # noqa: PLR2004 - ITU-T E.164 allows 15 digits
        raise errors.InvalidParameter(
            "phone", "This is not a phone number. Example: +353 87 123 4471"
        )
    return phone


def find_or_make(
    session: Session, *, workspace_id: str, customer_id: str | None, person: Person
) -> str:
    """Give the id of a customer who is there, or of a new one with this record."""
    customer_id = customer_id or new_id("cust")
    _insert(session, workspace_id, customer_id, person, {})
    return customer_id


def rewrite(session: Session, customer: Customer, changes: Mapping[str, Any]) -> list[str]:
    """Change a record that is locked, and the words by which it is found; tell of its accounts.

    Args:
        changes: any of `Person`'s attributes and `metadata`; what is not named stays.

    Returns:
        The names of what is another now.

    Raises:
        InvalidParameter: a part is out of bounds.
    """
    known = Person.of(customer)
    asked = {name: value for name, value in changes.items() if name != "metadata"}
    person = checked_person(replace(known, **asked))
    changed = [name for name in asked if getattr(person, name) != getattr(known, name)]
    fill(customer, person)
    if (known.name, known.email) != (person.name, person.email):
        words.replace(session, customer, name=known.name, email=known.email)
    if "metadata" in changes:
        customer.metadata_ = inputs.checked_metadata(changes["metadata"])
        changed.append("metadata")
    if changed:
        _tell_changed(session, customer)
    return changed


def fill(customer: Customer, person: Person) -> None:
    """Set a record and the keys by which it is found."""
    customer.name = person.name
    customer.email = person.email
    customer.phone = person.phone
    customer.card_number = person.card_number
    customer.email_key = searching.email_key(person.email)
    customer.phone_digits = searching.phone_digits(person.phone)
    customer.phone_reversed = searching.phone_reversed(person.phone)
    customer.card_key = searching.card_key(person.card_number)
    customer.search_text = searching.search_text(name=person.name, email=person.email)


def _insert(
    session: Session,
    workspace_id: str,
    customer_id: str,
    person: Person,
    metadata: Mapping[str, Any],
) -> bool:
    """Insert a customer unless the id is taken; say whether it was inserted."""
    customer = Customer(workspace_id=workspace_id, id=customer_id, created_at=clock.now())
    fill(customer, person)
    names = [column.key for column in Customer.__mapper__.column_attrs if column.key != "metadata_"]
    values = {name: getattr(customer, name) for name in names}
    insert = statements.insert_for(session.get_bind().dialect.name)
    statement = insert(Customer).values(**values, metadata_=dict(metadata))
    statement = statement.on_conflict_do_nothing().returning(Customer.id)
    is_new = session.execute(statement).scalar() is not None
    if is_new:
        words.add(session, customer)
    return is_new


def lock(session: Session, *, workspace_id: str, customer_id: str) -> Customer:
    """Lock a customer's row until the transaction ends and give it as it is now.

    Their accounts are locked before it, in the order of their ids: what is told of them must be
    what they are. Nobody locks anything else after it.

    Raises:
        NotFound: no such customer in this workspace.
    """
    session.scalars(
        select(Member)
        .where(Member.workspace_id == workspace_id, Member.customer_id == customer_id)
        .order_by(Member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return _one(
        session.scalar(
            select(Customer)
            .where(Customer.workspace_id == workspace_id, Customer.id == customer_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _one(customer: Customer | None) -> Customer:
    if customer is None:
        raise errors.NotFound("There is no such customer here.")
    return customer


def _tell_changed(session: Session, customer: Customer) -> None:
    """Tell of each account of the customer."""
    accounts = session.scalars(
        select(Member)
        .where(Member.workspace_id == customer.workspace_id, Member.customer_id == customer.id)
        .options(joinedload(Member.customer))
        .order_by(Member.id)
    )
    for member in accounts:
        outbox.emit(
            session,
            "loyalty.account.updated",
            workspace_id=customer.workspace_id,
            member=member,
            data=snapshots.account(member),
        )

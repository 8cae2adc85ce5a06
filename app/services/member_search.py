"""Finding members: by anything a person at the till might type (names, numbers, ids, codes)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    case,
    cast,
    false,
    literal,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.redemptions import Redemption
from app.rules import searching
from app.services import paging, totals
from app.services.paging import PAGE_ROWS, Page, cut

COUNT_MAX = 10_000
"""Counting stops here: "more than 10,000" says enough, and costs the same at any size."""


CLOSE_MAX = 3
"""More than three near names are a guess and no help."""

CANDIDATES_MAX = 500
"""So many are judged by edit distance, in about a millisecond."""

_CURSOR = re.compile(r'\[[0-3],"[0-9T:.+-]{25,32}","loy_[0-9a-z]+"\]', re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What narrows a list of members; empty means all."""

    program_id: str = ""
    tier: str = ""
    status: str = ""
    below_zero: bool = False


def find_members(
    session: Session,
    *,
    workspace_id: str,
    text: str = "",
    filters: Filters | None = None,
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page[Member]:
    """List members that match what was typed: the best first, then who was here last.

    Args:
        text: what was typed; empty lists all.
        after: the cursor of the page before.
    """
    query = searching.parse(text)
    statement = _ranked(workspace_id, query, filters or Filters())
    if after:
        statement = statement.where(_beyond(after, _rank(query) if query.text else None))
    rows = session.execute(statement.limit(limit + 1)).all()
    return cut(
        [row[0] for row in rows],
        limit=limit,
        cursors=[_cursor(row[0], row[1]) for row in rows],
    )


def count_members(
    session: Session, *, workspace_id: str, text: str = "", filters: Filters | None = None
) -> int:
    """Count what `find_members` would list in all, at most `COUNT_MAX` + 1."""
    query, filters = searching.parse(text), filters or Filters()
    if not query.text and filters == Filters():
        known = totals.read_workspace(session, workspace_id=workspace_id)["member_count"]
        return min(known, COUNT_MAX + 1)
    statement = select(Member.id).where(Member.workspace_id == workspace_id)
    if query.text:
        statement = statement.join(Member.customer).where(Customer.workspace_id == workspace_id)
    statement = _narrow(statement, workspace_id, query, filters)
    return paging.count_up_to(session, statement, COUNT_MAX)


def find_close_members(
    session: Session, *, workspace_id: str, text: str, filters: Filters | None = None
) -> list[Member]:
    """List the members who come nearest to what was typed, for when nobody matches it.

    Who shares a piece of a word is fetched, most pieces first, and judged by edit distance.
    """
    query = searching.parse(text)
    pieces = [
        Customer.search_text.contains(piece, autoescape=True)
        for piece in searching.fragments(query)
    ]
    if not pieces:
        return []
    shared = sum((cast(piece, Integer) for piece in pieces), start=literal(0))
    statement = (
        select(Member)
        .join(Member.customer)
        .options(contains_eager(Member.customer), joinedload(Member.program))
        .where(Member.workspace_id == workspace_id, Customer.workspace_id == workspace_id)
        .where(or_(*pieces))
        .order_by(shared.desc(), Member.last_seen_at.desc(), Member.id.desc())
        .limit(CANDIDATES_MAX)
    )
    narrowed = _narrow(statement, workspace_id, searching.parse(""), filters or Filters())
    scored = [
        (searching.closeness(query, member.customer.search_text), member)
        for member in session.scalars(narrowed)
    ]
    near = [pair for pair in scored if pair[0]]
    return [member for _, member in sorted(near, key=itemgetter(0), reverse=True)[:CLOSE_MAX]]


def find_by_id(session: Session, *, workspace_id: str, text: str) -> str | None:
    """Give the id of the one member that an id or code names exactly, or None."""
    query = searching.parse(text)
    if not query.entity_id and not query.code:
        return None
    return _only(session, workspace_id, _named_by_id(workspace_id, query))


def find_exact(session: Session, *, workspace_id: str, text: str) -> str | None:
    """Give the id of the one member whom a card, email, id or code names exactly, or None.

    Reads indexes alone: what is scanned at a till is found at any size without a look at the rest.
    """
    query = searching.parse(text)
    owner = select(Customer.id).where(
        Customer.workspace_id == workspace_id,
        or_(
            Customer.card_key == (searching.card_key(query.text) or None),
            Customer.email_key == (searching.email_key(query.text) or None),
        ),
    )
    named = _named_by_id(workspace_id, query)
    return _only(session, workspace_id, [*named, Member.customer_id.in_(owner)])


def _only(
    session: Session, workspace_id: str, clauses: Sequence[ColumnElement[bool]]
) -> str | None:
    """Give the only member that any of the clauses names, or None."""
    # Joined by OR, the clauses would make PostgreSQL read all members.
    found = session.scalars(
        union(
            *(
                select(Member.id).where(Member.workspace_id == workspace_id, clause)
                for clause in clauses
            )
        ).limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def _ranked(workspace_id: str, query: searching.Query, filters: Filters) -> Any:
    rank = _rank(query)
    last_seen = (Member.last_seen_at.desc(), Member.id.desc())
    statement = (
        select(Member, rank.label("rank"))
        .join(Member.customer)
        .options(contains_eager(Member.customer), joinedload(Member.program))
        .where(Member.workspace_id == workspace_id, Customer.workspace_id == workspace_id)
        # Without a search all have one rank, and ordering by it would keep the index out.
        .order_by(*([rank, *last_seen] if query.text else last_seen))
    )
    return _narrow(statement, workspace_id, query, filters)


def _narrow(
    statement: Any,
    workspace_id: str,
    query: searching.Query,
    filters: Filters,
) -> Any:
    if query.text:
        named = _named_by_id(workspace_id, query)
        statement = statement.where(or_(*named, _matches_words(query), _matches_phone(query)))
    if filters.program_id:
        statement = statement.where(Member.program_id == filters.program_id)
    if filters.tier:
        statement = statement.where(Member.tier == filters.tier)
    if filters.status:
        statement = statement.where(Member.status == filters.status)
    if filters.below_zero:
        statement = statement.where(Member.balance < 0)
    return statement


def _named_by_id(workspace_id: str, query: searching.Query) -> list[ColumnElement[bool]]:
    """Say which members an id or redemption code names; the customer's id may be any text."""
    clauses: list[ColumnElement[bool]] = [Member.customer_id == query.text]
    if query.entity_id:
        clauses.append(Member.id == query.entity_id)
    if query.entity_id.startswith("ptx_"):
        entry_owner = select(LedgerEntry.member_id).where(
            LedgerEntry.workspace_id == workspace_id, LedgerEntry.id == query.entity_id
        )
        clauses.append(Member.id.in_(entry_owner))
    if query.entity_id.startswith("rdm_") or query.code:
        redeemer = select(Redemption.member_id).where(
            Redemption.workspace_id == workspace_id,
            or_(
                Redemption.id == query.entity_id,
                Redemption.code == query.code if query.code else false(),
            ),
        )
        clauses.append(Member.id.in_(redeemer))
    return clauses


def _matches_words(query: searching.Query) -> ColumnElement[bool]:
    if not query.words:
        return false()
    return and_(*(_has_word(word) for word in query.words))


def _has_word(word: str) -> ColumnElement[bool]:
    # One letter is an initial, so it must begin a word; more may stand anywhere in one.
    sought = f" {word}" if len(word) == 1 else word
    return Customer.search_text.contains(sought, autoescape=True)


def _matches_phone(query: searching.Query) -> ColumnElement[bool]:
    if len(query.phone) < searching.LAST_DIGITS:
        return false()
    found = Customer.phone_digits.contains(query.phone, autoescape=True)
    # One of the two spellings may have the country's prefix and the other not.
    if end := searching.national_part(query.phone):
        found |= Customer.phone_digits.endswith(end, autoescape=True)
    return found


def _rank(query: searching.Query) -> ColumnElement[int]:
    """Rank a match: 0 exact, 1 the end of a phone number, 2 whole word beginnings, 3 the rest."""
    if not query.text:
        return literal(0)
    exact = or_(
        Customer.email_key == searching.email_key(query.text),
        Customer.card_key == (searching.card_key(query.text) or None),
        Member.customer_id == query.text,
        Member.id == query.text,
    )
    whens: list[tuple[ColumnElement[bool], int]] = [(exact, 0)]
    if query.phone:
        whens.append((Customer.phone_digits.endswith(query.phone, autoescape=True), 1))
    if query.words:
        begins = and_(
            *(Customer.search_text.contains(f" {word}", autoescape=True) for word in query.words)
        )
        whens.append((begins, 2))
    return case(*whens, else_=3)


def _cursor(member: Member, rank: int) -> str:
    return json.dumps([rank, member.last_seen_at.isoformat(), member.id], separators=(",", ":"))


def _parsed(cursor: str) -> tuple[int, datetime, str] | None:
    """Take a cursor apart, or give None: it comes back from the browser, so it may be anything."""
    if not _CURSOR.fullmatch(cursor):
        return None
    rank, seen, member_id = json.loads(cursor)
    try:
        return rank, datetime.fromisoformat(seen).astimezone(UTC), member_id
    except (ValueError, OverflowError):
        return None


def _beyond(cursor: str, rank: ColumnElement[int] | None) -> ColumnElement[bool]:
    """Say which rows come after the cursor; a cursor that is none of ours begins again.

    Args:
        rank: None when all have the same.
    """
    parsed = _parsed(cursor)
    if parsed is None:
        return Member.id == Member.id
    after_rank, seen_at, member_id = parsed
    # As one comparison of two columns, which an index answers at any depth.
    older = tuple_(Member.last_seen_at, Member.id) < (seen_at, member_id)
    if rank is None:
        return older
    return or_(rank > after_rank, and_(rank == after_rank, older))

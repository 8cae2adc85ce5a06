"""Find members by anything that a person at the till might type: names, numbers, ids, codes.

A typed word begins a word or a number of the member's record, or is inside a word of the name. If
nobody matches, the members who come near are offered. Up to `KNOWN_MAX` matches are ranked by how
well they match and by the newest visit. Of more matches the first are listed in order of the name,
as an index has them, so that no search reads them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Select,
    String,
    any_,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.redemptions import Redemption
from app.rules import searching
from app.rules.searching import Query
from app.services import paging, totals
from app.services.members.search import near_words
from app.services.members.search.ranges import Search
from app.services.paging import PAGE_ROWS, Page, make_page

COUNT_MAX = 1_000
"""The members that a filter leaves are counted up to here, at the same cost in any shop."""

KNOWN_MAX = 100
"""Up to so many customers who match are all read, in a few milliseconds."""

CLOSE_MAX = 3
"""The most near members that are offered: more would be a guess and no help."""

_CURSOR = re.compile(r'\["[0-9T:.+-]{25,32}","loy_[0-9a-z]+"\]', re.ASCII)


@dataclass(frozen=True, kw_only=True)
class MemberFilters:
    """What narrows a list of members; empty means all."""

    program_id: str = ""
    tier: str = ""
    status: str = ""
    below_zero: bool = False


@dataclass(frozen=True)
class MemberPage(Page[Member]):
    """The matches of a search, or a page of a list.

    Attributes:
        count: how many match, or None when they were not counted.
        is_cut: whether more than `KNOWN_MAX` match, of which these are the first.
        named_ids: the matches whom a card, email, id or code names exactly.
    """

    count: int | None = None
    is_cut: bool = False
    named_ids: Collection[str] = ()


def find_members(
    session: Session,
    *,
    workspace_id: str,
    text: str = "",
    filters: MemberFilters | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> MemberPage:
    """List the members that match a typed text, or a page of all members if it is empty.

    Args:
        after: the cursor of the page before; a search has one page only.
        limit: the most rows, or None for all of a search and `PAGE_ROWS` of a list.
    """
    query, filters = searching.parse(text), filters or MemberFilters()
    if query.text:
        return _search(session, workspace_id, query, filters, limit)
    return _list(session, workspace_id, filters, after, limit or PAGE_ROWS)


def count_members(
    session: Session, *, workspace_id: str, filters: MemberFilters | None = None
) -> int:
    """Count all members, or those that a filter leaves: of these at most `COUNT_MAX` + 1."""
    filters = filters or MemberFilters()
    if filters == MemberFilters():
        return totals.read_workspace(session, workspace_id=workspace_id)["member_count"]
    few = _few(session, workspace_id, filters)
    statement = _left_by(workspace_id, filters) if few is None else few
    return paging.count_up_to(session, statement, COUNT_MAX)


def find_close_members(
    session: Session, *, workspace_id: str, text: str, filters: MemberFilters | None = None
) -> list[Member]:
    """List the members who come nearest to a typed text that nobody matches."""
    query = searching.parse(text)
    ids = near_words.find_customers(session, workspace_id, query)
    members = _load(session, workspace_id, Member.customer_id, ids, filters or MemberFilters())
    near = {each.id: searching.closeness(query, each.customer) for each in members}
    members.sort(key=lambda each: near[each.id], reverse=True)
    return [each for each in members if near[each.id]][:CLOSE_MAX]


def find_by_id(session: Session, *, workspace_id: str, text: str) -> str | None:
    """Return the id of the one member whom an id or code names exactly, or None."""
    query = searching.parse(text)
    if not query.entity_id and not query.code:
        return None
    return _only(session, _named_by_id(workspace_id, query))


def find_exact(session: Session, *, workspace_id: str, text: str) -> str | None:
    """Return the id of the one member whom a card, email, id or code names exactly, or None."""
    return _only(session, _named(workspace_id, searching.parse(text)))


def _only(session: Session, named: Sequence[Select[Any]]) -> str | None:
    found = session.execute(union(*named).limit(2)).all()
    return found[0].id if len(found) == 1 else None


def _named(workspace_id: str, query: Query) -> list[Select[Any]]:
    """Return statements that read the members whom an id, a code, a card or an email names.

    One for each: joined by OR, either database reads all members or customers.
    """
    keys = {
        Customer.card_key: searching.card_key(query.text),
        Customer.email_key: searching.email_key(query.text),
    }
    owners = (
        select(Customer.id).where(Customer.workspace_id == workspace_id, column == key)
        for column, key in keys.items()
        if key
    )
    members = _left_by(workspace_id, MemberFilters())
    return [
        *_named_by_id(workspace_id, query),
        *(members.where(Member.customer_id.in_(owner)) for owner in owners),
    ]


def _named_by_id(workspace_id: str, query: Query) -> list[Select[Any]]:
    """Return statements that read the members whom an id or code names."""
    members = _left_by(workspace_id, MemberFilters())
    # A caller's own id of a customer may be any text.
    named = [members.where(Member.customer_id == query.text)]
    if query.entity_id:
        named.append(members.where(Member.id == query.entity_id))
    for column, value in (
        (LedgerEntry.id, query.entity_id if query.entity_id.startswith("ptx_") else ""),
        (Redemption.id, query.entity_id if query.entity_id.startswith("rdm_") else ""),
        (Redemption.code, query.code),
    ):
        if value:
            table: Any = column.class_
            owner = select(table.member_id).where(
                table.workspace_id == workspace_id, column == value
            )
            named.append(members.where(Member.id.in_(owner)))
    return named


# --- With a text ----------------------------------------------------------------------------------


def _search(
    session: Session, workspace_id: str, query: Query, filters: MemberFilters, limit: int | None
) -> MemberPage:
    named = union(*_named(workspace_id, query)).limit(KNOWN_MAX)
    owners = {row.id: row.customer_id for row in session.execute(named)}
    ids = _find_customers(Search(session, workspace_id, query), filters)
    places = {customer_id: place for place, customer_id in enumerate(ids, start=1)}
    is_cut = len(ids) > KNOWN_MAX

    def place(member: Member) -> int:
        if member.id in owners:
            return 0
        return places[member.customer_id] if is_cut else searching.rank(query, member.customer)

    wanted = [*{*ids[: KNOWN_MAX + 1], *owners.values()}]
    loaded = _load(session, workspace_id, Member.customer_id, wanted, filters)
    members = [each for each in loaded if each.id in owners or each.customer_id in places]
    members.sort(key=place)
    count = None if is_cut else len(members)
    return MemberPage(
        rows=members[: limit or (KNOWN_MAX if is_cut else None)],
        cursor=None,
        count=count,
        is_cut=is_cut,
        named_ids=[each.id for each in members if each.id in owners],
    )


def _find_customers(search: Search, filters: MemberFilters) -> list[str]:
    """Return the customers with all words whom the filters leave; at times of too many the first.

    Where the filters leave few members, the words are looked for among those.
    """
    few = _few(search.session, search.workspace_id, filters)
    if few is not None:
        return search.find_among(few)

    def is_wanted(customer_id: Any) -> Any:
        # A value: joined, PostgreSQL may read all members and lose the order of the keys.
        member = _narrow(select(true()), replace(filters, program_id=""), by_index=False).where(
            Member.workspace_id == search.workspace_id, Member.customer_id == customer_id
        )
        if filters.program_id:
            # With the index: else SQLite takes the one that begins with it, for all the program.
            member = member.where(Member.program_id == filters.program_id)
        return member.limit(1).scalar_subquery()

    return search.find(is_wanted, KNOWN_MAX)


def _load(
    session: Session, workspace_id: str, column: Any, values: Sequence[str], filters: MemberFilters
) -> list[Member]:
    """Read the members with one of some values, the newest visit first, and all that is shown."""
    if not values:
        return []
    statement = (
        select(Member)
        .join(Member.customer)
        .options(contains_eager(Member.customer), joinedload(Member.program))
        .where(
            Member.workspace_id == workspace_id,
            Customer.workspace_id == workspace_id,
            _is_one_of(session, column, values),
        )
    )
    # Sorted here: for an order by index, a planner might read all members.
    members = session.scalars(_narrow(statement, filters, by_index=False))
    return sorted(members, key=lambda each: (each.last_seen_at, each.id), reverse=True)


def _is_one_of(session: Session, column: Any, values: Sequence[str]) -> Any:
    """Return the condition that a column has one of some values."""
    # PostgreSQL plans one array sooner than many parameters.
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal([*values], ARRAY(String)))
    return column.in_(values)


# --- With filters ---------------------------------------------------------------------------------


def _list(
    session: Session, workspace_id: str, filters: MemberFilters, after: str | None, limit: int
) -> MemberPage:
    """List a page of the members that the filters leave, the newest visit first."""
    few = _few(session, workspace_id, filters)
    statement = _left_by(workspace_id, filters) if few is None else few
    place: list[Any] = [Member.last_seen_at, Member.id]
    if few is not None:
        place = [paging.without_index(column) for column in place]
    if (edge := _parsed(after)) is not None:
        # As one comparison of two columns, which an index answers at any depth.
        statement = statement.where(tuple_(*place) < edge)
    statement = statement.order_by(*(column.desc() for column in place)).limit(limit + 1)
    ids = session.scalars(statement.with_only_columns(Member.id)).all()
    rows = _load(session, workspace_id, Member.id, ids, MemberFilters())
    page = make_page(rows, limit=limit, cursors=[_cursor(each) for each in rows])
    return MemberPage(page.rows, page.cursor)


def _few(session: Session, workspace_id: str, filters: MemberFilters) -> Select[Any] | None:
    """Return the statement that reads the members whom the filters leave, if one leaves few."""
    for one in (
        MemberFilters(program_id=filters.program_id),
        MemberFilters(below_zero=filters.below_zero),
        # Most members are active: there is no index of those alone.
        MemberFilters(status="closed" if filters.status == "closed" else ""),
        MemberFilters(tier=filters.tier),
    ):
        here = _left_by(workspace_id, one)
        if one != MemberFilters() and paging.are_few(session, here):
            few: Select[Any] = _narrow(here, filters, by_index=False)
            return few
    return None


def _left_by(workspace_id: str, filters: MemberFilters) -> Select[Any]:
    members = select(Member.id, Member.customer_id).where(Member.workspace_id == workspace_id)
    left: Select[Any] = _narrow(members, filters)
    return left


def _narrow(statement: Any, filters: MemberFilters, *, by_index: bool = True) -> Any:
    """Leave whom the filters leave.

    Args:
        by_index: whether an index of one of them may lead to the members.
    """

    def column(known: Any) -> Any:
        return known if by_index else paging.without_index(known)

    if filters.program_id:
        statement = statement.where(column(Member.program_id) == filters.program_id)
    if filters.tier:
        statement = statement.where(column(Member.tier) == filters.tier)
    # Written out: a plan with a parameter cannot use an index of such members alone.
    if filters.status:
        status: Any = literal(filters.status, literal_execute=True)
        statement = statement.where(column(Member.status) == status)
    if filters.below_zero:
        statement = statement.where(column(Member.balance) < literal_column("0"))
    return statement


def _cursor(member: Member) -> str:
    return json.dumps([member.last_seen_at.isoformat(), member.id], separators=(",", ":"))


def _parsed(cursor: str | None) -> tuple[datetime, str] | None:
    """Take a cursor apart, or return None: it comes from the browser, so it may be anything."""
    if not cursor or not _CURSOR.fullmatch(cursor):
        return None
    seen, member_id = json.loads(cursor)
    try:
        return datetime.fromisoformat(seen).astimezone(UTC), member_id
    except (ValueError, OverflowError):
        return None

"""Finding members: by anything a person at the till might type (names, numbers, ids, codes).

What is typed begins words and numbers, or stands inside a word of a name; if nobody is found so,
who comes near is offered. Up to `KNOWN_MAX` who match are all read and listed by how well they
match and who was here last. When more match, they are listed as in a telephone book, from an index
that has them in this order, so that no search reads them all. Filters that leave few members turn
this around: the words are looked for among those.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    any_,
    false,
    literal,
    literal_column,
    or_,
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
from app.rules.searching import Query, Record
from app.services import paging, search_ranges, totals
from app.services.paging import PAGE_ROWS, Page, cut
from app.services.search_ranges import LAST_CHARACTER, Others, Range

COUNT_MAX = 1_000
"""Counting stops here: "more than 1,000" says enough, and costs the same at any size."""

KNOWN_MAX = 100
"""Who searches and gets more than so many types on; reading them takes a few milliseconds."""

LOOK_FIRST = (8_000, 32_000)
"""So many keys of each of several words are looked at, until one has no more: that one is walked.

Counting them, to find the rarest, would take as long and tell nothing of who matches.
"""

ROW_IN_KEYS = 8
"""A look at a customer's row takes about as long as one at so many keys of an index."""

CLOSE_MAX = 3
"""More than three near names are a guess and no help."""

CLOSE_WORDS_MAX = 8
"""So many words that are like a typed one are looked up."""

CANDIDATES_MAX = 100
"""So many are judged by edit distance."""

_SEEN_CURSOR = re.compile(r'\[[0-3],"[0-9T:.+-]{25,32}","loy_[0-9a-z]+"\]', re.ASCII)
_WALK_CURSOR = re.compile(r'\["loy_[0-9a-z]+",[0-9]{1,3}\]', re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What narrows a list of members; empty means all."""

    program_id: str = ""
    tier: str = ""
    status: str = ""
    below_zero: bool = False


@dataclass(frozen=True)
class Found(Page[Member]):
    """A page of a search.

    Attributes:
        count: how many there are in all, or None when they are too many to be counted.
    """

    count: int | None = None


def find_members(
    session: Session,
    *,
    workspace_id: str,
    text: str = "",
    filters: Filters | None = None,
    after: str | None = None,
    limit: int = PAGE_ROWS,
) -> Found:
    """List members that match what was typed; all of them, who was here last first, if nothing was.

    Args:
        text: what was typed; empty lists all.
        after: the cursor of the page before.
    """
    query, filters = searching.parse(text), filters or Filters()
    if not query.text:
        few = None if _has_order(filters) else _few(session, workspace_id, filters)
        if few is None:
            return _list_all(session, workspace_id, filters, after, limit)
        known = session.execute(few.with_only_columns(Member.id, Member.last_seen_at))
        placed = _in_order((0, seen_at, member_id) for member_id, seen_at in known)
        return _known_page(session, workspace_id, placed, after, limit)
    few = _few(session, workspace_id, filters)
    plan = _plan(session, workspace_id, query, filters, few)
    if plan.customer_ids is None:
        return _Walk(session, workspace_id, plan, filters).page(after, limit)
    placed = _place_known(session, workspace_id, plan, filters)
    return _known_page(session, workspace_id, placed, after, limit)


def count_members(session: Session, *, workspace_id: str, filters: Filters | None = None) -> int:
    """Count all members, or those that a filter leaves: of these at most `COUNT_MAX` + 1."""
    filters = filters or Filters()
    if filters == Filters():
        return totals.read_workspace(session, workspace_id=workspace_id)["member_count"]
    few = None if _has_order(filters) else _few(session, workspace_id, filters)
    if few is not None:
        return len(session.scalars(few).all())
    statement = select(Member.id).where(Member.workspace_id == workspace_id)
    return paging.count_up_to(session, _narrow(statement, filters), COUNT_MAX)


def find_close_members(
    session: Session, *, workspace_id: str, text: str, filters: Filters | None = None
) -> list[Member]:
    """List the members who come nearest to what was typed, for when nobody matches it.

    Words of names that are spelt like the typed ones are looked up, and numbers that a slip of the
    finger makes of a typed one; who has them is judged by edit distance.
    """
    query = searching.parse(text)
    ids = _find_near(session, workspace_id, query)
    rows = _read(session, workspace_id, ids, filters or Filters())
    scored = [(searching.closeness(query, row.record), row.seen_at, row.member_id) for row in rows]
    best = sorted((each for each in scored if each[0]), reverse=True)[:CLOSE_MAX]
    return _load(session, workspace_id, [member_id for _, _, member_id in best])


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
    return _only(session, workspace_id, _named(workspace_id, query))


def _only(
    session: Session, workspace_id: str, clauses: Sequence[ColumnElement[bool]]
) -> str | None:
    """Give the only member that any of the clauses names, or None."""
    found = session.execute(_any_of(workspace_id, clauses).limit(2)).all()
    return found[0].id if len(found) == 1 else None


def _any_of(workspace_id: str, clauses: Sequence[ColumnElement[bool]]) -> Any:
    # Joined by OR, the clauses would make PostgreSQL read all members.
    return union(
        *(
            select(Member.id, Member.customer_id).where(Member.workspace_id == workspace_id, clause)
            for clause in clauses
        )
    )


def _named(workspace_id: str, query: Query) -> list[ColumnElement[bool]]:
    """Say which members an id, a code, a card or an email names exactly."""
    keys = {
        Customer.card_key: searching.card_key(query.text),
        Customer.email_key: searching.email_key(query.text),
    }
    # One clause each: SQLite reads all customers when two indexes are joined by OR.
    owners = (
        select(Customer.id).where(Customer.workspace_id == workspace_id, column == key)
        for column, key in keys.items()
        if key
    )
    return [
        *_named_by_id(workspace_id, query),
        *(Member.customer_id.in_(owner) for owner in owners),
    ]


def _named_by_id(workspace_id: str, query: Query) -> list[ColumnElement[bool]]:
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


@dataclass(frozen=True)
class _Plan:
    """How a search is answered.

    Attributes:
        owners: the members that an id, a code, a card or an email names, and their customers.
        ranges: where the keys are that begin with the word that is walked, and then those that
            have it inside.
        others: the other words.
        customer_ids: all who match, or None when there are more than `KNOWN_MAX`.
        rows: those of their members that are read already.
    """

    query: Query
    owners: Mapping[str, str]
    ranges: Sequence[Range]
    others: Others
    customer_ids: Sequence[str] | None
    rows: Sequence[_Row] = ()


def _plan(
    session: Session,
    workspace_id: str,
    query: Query,
    filters: Filters,
    few: Select[Any] | None,
) -> _Plan:
    """Plan to walk the ranges of one word, and to look for the others along the way.

    Args:
        few: reads the members whom the filters leave, when they are few; or None.
    """
    named = _any_of(workspace_id, _named(workspace_id, query)).limit(KNOWN_MAX)
    owners = {row.id: row.customer_id for row in session.execute(named)}
    choices = {
        word: [
            *search_ranges.ranges_of(query, word),
            *search_ranges.find_inside(session, workspace_id, word),
        ]
        for word in query.words
    }
    if not choices:
        return _Plan(query, owners, [], Others(query, []), [])
    if few is not None:
        # One word by its ranges and all in a line, as a walk finds them whichever word it walks.
        rows = [
            row
            for row in _read(session, workspace_id, _have_words(session, few, query), filters)
            if any(search_ranges.hold(ranges, row.record) for ranges in choices.values())
        ]
        found = [row.customer_id for row in rows]
        return _Plan(query, owners, [], Others(query, []), found, rows)
    walks = [
        (choices[word], Others(query, [each for each in choices if each != word]))
        for word in sorted(choices, key=len, reverse=True)
    ]
    # Of two that are as frequent a number is walked, and then the longer one: in a line of words
    # there are no numbers to look for.
    walks.sort(key=lambda walk: walk[1].need_customer)
    for first in LOOK_FIRST if len(walks) > 1 else ():
        for ranges, others in walks:
            ids, is_all = search_ranges.find_first_customers(
                session,
                workspace_id,
                ranges,
                others,
                first=first // ROW_IN_KEYS if others.need_customer else first,
                most=KNOWN_MAX,
            )
            if ids is None or is_all:
                return _Plan(query, owners, ranges, others, ids)
    ranges, others = walks[0]
    ids = search_ranges.find_customers(session, workspace_id, ranges, others, KNOWN_MAX)
    return _Plan(query, owners, ranges, others, ids)


def _has_order(filters: Filters) -> bool:
    """Say whether an index has whom the filters leave in the order of the list."""
    return filters in {Filters(tier=filters.tier), Filters(status=filters.status)}


def _few(session: Session, workspace_id: str, filters: Filters) -> Select[Any] | None:
    """Give what reads the ids of all whom the filters leave, if one of the filters leaves few."""
    for one in (
        Filters(program_id=filters.program_id),
        Filters(below_zero=filters.below_zero),
        # Most members are active: there is no index of those alone.
        Filters(status="closed" if filters.status == "closed" else ""),
        Filters(tier=filters.tier),
    ):
        here = _narrow(select(Member.id).where(Member.workspace_id == workspace_id), one)
        if one != Filters() and paging.are_few(session, here):
            few: Select[Any] = _narrow(here, filters, by_index=False)
            return few
    return None


@dataclass(frozen=True)
class _Row:
    """What a search has to know of a member to place it."""

    member_id: str
    customer_id: str
    seen_at: datetime
    record: Record


def _have_words(session: Session, few: Select[Any], query: Query) -> list[str]:
    """Give the customers of a few members who have all words of a search in their record."""
    # A value: EXISTS would let PostgreSQL begin with the customers, all of them.
    has_all = (
        select(true())
        .where(
            Customer.workspace_id == Member.workspace_id,
            Customer.id == Member.customer_id,
            *Others(query, query.words).clauses(Customer.search_text),
        )
        .scalar_subquery()
    )
    found = session.scalars(few.with_only_columns(Member.customer_id).where(has_all))
    return [*dict.fromkeys(found)]


def _read(
    session: Session, workspace_id: str, customer_ids: Sequence[str], filters: Filters
) -> list[_Row]:
    """Read those members of some customers whom the filters leave."""
    if not customer_ids:
        return []
    statement = (
        select(Member.id, Member.customer_id, Member.last_seen_at, *_RECORD)
        .join(Member.customer)
        .where(
            Member.workspace_id == workspace_id,
            Customer.workspace_id == workspace_id,
            _is_one_of(session, Member.customer_id, customer_ids),
        )
    )
    return [
        _Row(member_id, customer_id, seen_at, Record(*record))
        for member_id, customer_id, seen_at, *record in session.execute(
            _narrow(statement, filters, by_index=False)
        )
    ]


def _is_one_of(session: Session, column: Any, values: Sequence[str]) -> Any:
    """Say that a column has one of many values.

    PostgreSQL gets them as one: it plans a statement anew for each number of parameters, which
    takes a third of the time.
    """
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal([*values], ARRAY(String)))
    return column.in_(values)


_RECORD = (Customer.search_text, Customer.phone_digits, Customer.card_key)
"""What a row has of the customer."""


def _load(session: Session, workspace_id: str, member_ids: Sequence[str]) -> list[Member]:
    """Give members with their customers and programs, in the order of the ids."""
    if not member_ids:
        return []
    found = session.scalars(
        select(Member)
        .join(Member.customer)
        .options(contains_eager(Member.customer), joinedload(Member.program))
        .where(
            Member.workspace_id == workspace_id,
            Customer.workspace_id == workspace_id,
            _is_one_of(session, Member.id, member_ids),
        )
    )
    by_id = {member.id: member for member in found}
    return [by_id[member_id] for member_id in member_ids]


def _place_known(
    session: Session, workspace_id: str, plan: _Plan, filters: Filters
) -> list[_Placed]:
    """Give all who match when they are known: by rank, and who was here last first."""
    matching = set(plan.customer_ids or ())
    wanted = matching | set(plan.owners.values())
    wanted -= {row.customer_id for row in plan.rows}
    rows = [*plan.rows, *_read(session, workspace_id, [*wanted], filters)]
    return _in_order(
        (_rank(plan, row), row.seen_at, row.member_id)
        for row in rows
        if row.member_id in plan.owners or row.customer_id in matching
    )


def _in_order(placed: Iterable[_Placed]) -> list[_Placed]:
    newest_first = sorted(placed, key=itemgetter(1, 2), reverse=True)
    return sorted(newest_first, key=itemgetter(0))


def _known_page(
    session: Session, workspace_id: str, placed: Sequence[_Placed], after: str | None, limit: int
) -> Found:
    edge = _parsed(after)
    rest = [each for each in placed if edge is None or _comes_after(each, edge)]
    page = cut(rest[: limit + 1], limit=limit, cursors=[_cursor(*each) for each in rest[:limit]])
    members = _load(session, workspace_id, [member_id for _, _, member_id in page.rows])
    return Found(members, page.cursor, len(placed))


_Placed = tuple[int, datetime, str]
"""A match: its rank, when the member was seen last, and the member's id."""


def _comes_after(one: _Placed, edge: _Placed) -> bool:
    return one[0] > edge[0] or (one[0] == edge[0] and one[1:] < edge[1:])


def _rank(plan: _Plan, row: _Row) -> int:
    """Rank a match: 0 named exactly, 1 the end of a phone number, 2 beginnings, 3 the rest."""
    query = plan.query
    has_whole_phone = bool(query.phone) and query.phone == row.record.phone_digits
    if has_whole_phone or row.member_id in plan.owners:
        return 0
    if any(searching.is_phone_end(query, word, row.record) for word in query.words):
        return 1
    begins = (
        any(each.first_key(row.record) for each in search_ranges.ranges_of(query, word))
        for word in query.words
    )
    return 2 if all(begins) else 3


class _Walk:
    """Lists those who match when they are too many to be read: in the order of an index."""

    def __init__(self, session: Session, workspace_id: str, plan: _Plan, filters: Filters) -> None:
        self._session, self._workspace_id = session, workspace_id
        self._plan, self._filters = plan, filters

    def page(self, after: str | None, limit: int) -> Found:
        """Give a page; who is named exactly comes first, and is not listed again."""
        named = self._named(limit - 1)
        place = self._place_after(after)
        found = [] if place else [(member_id, 0) for member_id in named]
        for member_id, number in self._walk(place or (0, None), limit + 1):
            if member_id not in named:
                found.append((member_id, number))
            if len(found) > limit:
                break
        page = cut(
            found, limit=limit, cursors=[json.dumps(each, separators=(",", ":")) for each in found]
        )
        members = _load(self._session, self._workspace_id, [each[0] for each in page.rows])
        is_all = page.cursor is None and place is None
        return Found(members, page.cursor, len(members) if is_all else None)

    def _named(self, most: int) -> list[str]:
        rows = _read(
            self._session, self._workspace_id, [*self._plan.owners.values()], self._filters
        )
        named = [(row.seen_at, row.member_id) for row in rows if row.member_id in self._plan.owners]
        return [member_id for _, member_id in sorted(named, reverse=True)[:most]]

    def _place_after(self, cursor: str | None) -> tuple[int, _Place] | None:
        """Say in which range and after what a cursor goes on, or None to begin."""
        if not cursor or not _WALK_CURSOR.fullmatch(cursor):
            return None
        member_id, number = json.loads(cursor)
        row = self._session.execute(
            select(Member.customer_id, *_RECORD)
            .join(Member.customer)
            .where(
                Member.workspace_id == self._workspace_id,
                Customer.workspace_id == self._workspace_id,
                Member.id == member_id,
            )
        ).first()
        if row is None or number >= len(self._plan.ranges):
            return None
        record, within = Record(*row[1:]), self._plan.ranges[number]
        key = within.first_key(record)
        if key is None:
            return None
        return number, ((key, record.search_text, row.customer_id), member_id)

    def _walk(self, place: tuple[int, _Place | None], at_once: int) -> Iterator[tuple[str, int]]:
        """Give all who match from a place on, each once, with the number of the range."""
        first, beyond = place
        for number in range(first, len(self._plan.ranges)):
            for row in self._through(number, beyond, at_once):
                yield row.member_id, number
            beyond = None

    def _through(self, number: int, beyond: _Place | None, at_once: int) -> Iterator[_Row]:
        """Give the members in one range, but those who have a key in an earlier one."""
        within, earlier = self._plan.ranges[number], self._plan.ranges[:number]
        is_filtered = self._filters != Filters()
        size = FILTERED_AT_ONCE if is_filtered else at_once
        seen_count = kept_count = 0
        while True:
            # The keys alone come first: joined with members, PostgreSQL would sort the whole range.
            keys = self._session.execute(self._keys(within, beyond).limit(size)).all()
            accounts = self._accounts([each.customer_id for each in keys])
            seen_count += len(keys)
            kept_count += sum(map(len, accounts.values()))
            for key in keys:
                for row in accounts[key.customer_id]:
                    if beyond and tuple(key) == beyond[0] and row.member_id <= beyond[1]:
                        continue
                    is_first = key[0] == within.first_key(row.record)
                    if is_first and not any(each.first_key(row.record) for each in earlier):
                        yield row
            if len(keys) < size:
                return
            beyond = (tuple(keys[-1]), LAST_CHARACTER)
            if is_filtered:
                # As many as the rest of the page lies among, if it goes on like this.
                rest = max(at_once - kept_count, 1) * seen_count // max(kept_count, 1)
                size = min(max(rest, FILTERED_AT_ONCE), size * 4, FILTERED_AT_ONCE_MAX)

    def _accounts(self, customer_ids: Sequence[str]) -> Mapping[str, Sequence[_Row]]:
        """Give the members of each customer whom the filters leave, in the order of their ids."""
        found: defaultdict[str, list[_Row]] = defaultdict(list)
        rows = _read(self._session, self._workspace_id, customer_ids, self._filters)
        for row in sorted(rows, key=attrgetter("member_id")):
            found[row.customer_id].append(row)
        return found

    def _keys(self, within: Range, beyond: _Place | None) -> Any:
        *places, customer_id = within.order
        order = (*places, customer_id.label("customer_id"))
        statement = select(*order)
        if within.is_of_words and self._plan.others.need_customer:
            statement = statement.join(Customer, search_ranges.of_word())
        statement = statement.where(
            within.within(self._workspace_id), *self._plan.others.clauses(within.line)
        )
        if beyond:
            statement = statement.where(tuple_(*within.order) >= beyond[0])
        return statement.order_by(*within.order)


_Place = tuple[tuple[str, ...], str]
"""The keys of a row in its range, and its member."""

FILTERED_AT_ONCE = 300
"""So many are looked at together when a filter may leave few of them."""

FILTERED_AT_ONCE_MAX = 1_600
"""Who walks past many that a filter leaves out takes longer steps."""


def _list_all(
    session: Session, workspace_id: str, filters: Filters, after: str | None, limit: int
) -> Found:
    statement = (
        select(Member)
        .join(Member.customer)
        .options(contains_eager(Member.customer), joinedload(Member.program))
        .where(Member.workspace_id == workspace_id, Customer.workspace_id == workspace_id)
        .order_by(Member.last_seen_at.desc(), Member.id.desc())
    )
    if (edge := _parsed(after)) is not None:
        # As one comparison of two columns, which an index answers at any depth.
        statement = statement.where(tuple_(Member.last_seen_at, Member.id) < edge[1:])
    rows = session.scalars(_narrow(statement, filters).limit(limit + 1)).all()
    page = cut(rows, limit=limit, cursors=[_cursor(0, each.last_seen_at, each.id) for each in rows])
    return Found(page.rows, page.cursor)


def _narrow(statement: Any, filters: Filters, *, by_index: bool = True) -> Any:
    """Leave whom the filters leave.

    Args:
        by_index: whether an index of one of them may lead to the members.
    """

    def column(known: Any) -> Any:
        return known if by_index else paging.aside(known)

    if filters.program_id:
        statement = statement.where(column(Member.program_id) == filters.program_id)
    if filters.tier:
        statement = statement.where(column(Member.tier) == filters.tier)
    # Written out: of a parameter no plan knows that an index of such members alone has them all.
    if filters.status:
        status: Any = literal(filters.status, literal_execute=True)
        statement = statement.where(column(Member.status) == status)
    if filters.below_zero:
        statement = statement.where(column(Member.balance) < literal_column("0"))
    return statement


def _find_near(session: Session, workspace_id: str, query: Query) -> list[str]:
    """Give customers who may be meant by mistyped words, at most `CANDIDATES_MAX`."""
    phone = next(filter(None, map(query.phone_end_of, query.words)), "")
    alike = [
        # Beside a number, one or two letters are a beginning: a guess at them says nothing.
        [word]
        if phone and not search_ranges.is_piece(word)
        else _alike(session, workspace_id, word)
        for word in query.words
        if not query.phone_end_of(word)
    ]
    if not query.words or not all(alike):
        return []
    # The longest word says most, so the others are looked for among those who have one like it.
    alike.sort(key=lambda words: len(words[0]))
    ranges = _slips(phone) if phone else search_ranges.whole_words(alike.pop())
    keys = []
    for each in ranges:
        statement = search_ranges.keys_of(workspace_id, each, Others(query, ()))
        for words in alike:
            has_one = (each.line.contains(f" {word}", autoescape=True) for word in words)
            statement = statement.where(or_(*has_one))
        keys.append(statement.order_by(*each.order).limit(CANDIDATES_MAX))
    found: list[str] = []
    for ids in search_ranges.read_in_turn(session, keys):
        found += ids
        if len(found) >= CANDIDATES_MAX:
            break
    return found[:CANDIDATES_MAX]


def _slips(phone: str) -> list[Range]:
    ends = map(search_ranges.phone_end, (phone, *searching.slips(phone)))
    return [*dict.fromkeys(ends)]


def _alike(session: Session, workspace_id: str, word: str) -> Sequence[str]:
    """Give words of names that are spelt like a typed one, the likest first."""
    known = search_ranges.find_words_like(session, workspace_id, word)
    scored = [(-searching.likeness(word, each), each) for each in known]
    near = sorted(each for each in scored if -each[0] >= searching.CLOSE_ENOUGH)
    return [each for _, each in near[:CLOSE_WORDS_MAX]]


def _cursor(rank: int, seen_at: datetime, member_id: str) -> str:
    return json.dumps([rank, seen_at.isoformat(), member_id], separators=(",", ":"))


def _parsed(cursor: str | None) -> _Placed | None:
    """Take a cursor apart, or give None: it comes back from the browser, so it may be anything."""
    if not cursor or not _SEEN_CURSOR.fullmatch(cursor):
        return None
    rank, seen, member_id = json.loads(cursor)
    try:
        return rank, datetime.fromisoformat(seen).astimezone(UTC), member_id
    except (ValueError, OverflowError):
        return None
